namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>A general register of the host, by its number in encodings (SDM vol. 2, table 2-2 and section 2.2.1.2).</summary>
internal enum HostRegister : sbyte
{
    /// <summary>No register: an address without a base or an index.</summary>
    None = -1,

    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}
