namespace Vitrine.Tests.Software.HostSignals;

/// <summary>Host code that raises a signal.</summary>
/// <param name="Signal">The signal's name.</param>
/// <param name="Bytes">The code.</param>
/// <param name="FaultAt">Distance of the instruction that raises it.</param>
internal sealed record RaisingCode(string Signal, byte[] Bytes, int FaultAt)
{
    /// <summary>No code is longer.</summary>
    public const int LongestBytes = 15;

    /// <summary>One for each way in which a processor refuses an instruction of user mode, and more where Linux makes one signal of several.</summary>
    public static Dictionary<string, RaisingCode> All { get; } = new()
    {
        ["ud2"] = new("SIGILL", [0x0F, 0x0B], 0),
        ["int3"] = new("SIGTRAP", [0xCC], 0),
        ["int1"] = new("SIGTRAP", [0xF1], 0),
        ["load from 0"] = new("SIGSEGV", [0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0], 0), // mov rax,[0]
        ["store to 0"] = new("SIGSEGV", [0x48, 0x89, 0x04, 0x25, 0, 0, 0, 0], 0), // mov [0],rax
        ["load not canonical"] = new("SIGSEGV", [0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x8B, 0x00], 10), // mov rax,0x8000000000000000; mov rax,[rax]
        ["hlt"] = new("SIGSEGV", [0xF4], 0),
        ["division by 0"] = new("SIGFPE", [0x31, 0xC9, 0xF7, 0xF1], 2), // xor ecx,ecx; div ecx

        // pushfq; or dword [rsp],0x40000; popfq; mov eax,[rsp+1]: RSP is a multiple of 8.
        ["alignment check"] = new("SIGBUS", [0x9C, 0x81, 0x0C, 0x24, 0, 0, 4, 0, 0x9D, 0x8B, 0x44, 0x24, 0x01], 9),
    };
}
