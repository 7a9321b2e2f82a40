namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Who lives in which register of the host while translated code runs. RSP holds the address of the state; guest RSP takes R11,
/// and the guest's R10, R11 and R15 are held in memory, which leaves two registers for address translation.
/// All others are in the host register of the same name.
/// </summary>
internal static class HostRegister
{
    public const int Rax = 0;
    public const int Rcx = 1;
    public const int Rdx = 2;
    public const int Rbx = 3;

    /// <summary>RSP: the address of the state.</summary>
    public const int State = 4;

    /// <summary>As a guest's register: its stack pointer.</summary>
    public const int Rsp = 4;

    public const int Rbp = 5;
    public const int Rsi = 6;
    public const int Rdi = 7;

    /// <summary>R11: the guest's RSP.</summary>
    public const int GuestStack = 11;

    /// <summary>R10: holds an address or a target for a moment.</summary>
    public const int First = 10;

    /// <summary>R15: holds a TLB entry or an addend for a moment.</summary>
    public const int Second = 15;

    /// <summary>What stands for a guest register that has no host register.</summary>
    public const int None = -1;

    /// <summary>The host register of a guest register, or <see cref="None"/> when it is held in memory.</summary>
    public static int Of(int guest) => guest switch
    {
        4 => GuestStack,
        10 or 11 or 15 => None,
        _ => guest,
    };
}
