namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// The seccomp filter of a stub, in classic BPF (seccomp(2)): which system calls the guest's code can make there, which is none. A call from elsewhere than the
/// stub's own code, of another kind than those below, or without the key, becomes SIGSYS, and that is how the guest's own system calls reach the monitor.
/// </summary>
internal static class StubFilter
{
    /// <summary>Instructions of the filter.</summary>
    public const int Count = 17;

    /// <summary>Bytes of an instruction: opcode, two jump distances, a constant.</summary>
    public const int InstructionBytes = 8;

    private const int AskForKey = 13;
    private const int Permit = 15;
    private const int Refuse = 16;

    // struct seccomp_data.
    private const uint Number = 0;
    private const uint Architecture = 4;
    private const uint InstructionLow = 8;
    private const uint InstructionHigh = 12;
    private const uint FifthArgumentHigh = 16 + (4 * 8) + 4;

    private const ushort Load = 0x20;        // BPF_LD | BPF_W | BPF_ABS
    private const ushort And = 0x54;         // BPF_ALU | BPF_AND | BPF_K
    private const ushort JumpEqual = 0x15;   // BPF_JMP | BPF_JEQ | BPF_K
    private const ushort Return = 0x06;

    private const uint X8664 = 0xC000_003E;
    private const uint Allow = 0x7FFF_0000;
    private const uint Trap = 0x0003_0000;

    /// <summary>Writes it.</summary>
    /// <param name="destination">Room for <see cref="Count"/> instructions.</param>
    /// <param name="code">Address of the stub's page of code.</param>
    /// <param name="key">What the upper half of the fifth argument must be where memory is mapped; the kernel does not look at it.</param>
    /// <remarks>
    /// rt_sigreturn and futex need no key: the one gives the guest no register that it could not load by itself, the other can only wait, until the monitor wants the
    /// vCPU.
    /// </remarks>
    public static void Write(Span<ulong> destination, ulong code, uint key)
    {
        int at = 0;
        Step(destination, ref at, Load, Architecture);
        Jump(destination, ref at, X8664, at + 1, otherwise: Refuse);
        Step(destination, ref at, Load, InstructionHigh);
        Jump(destination, ref at, (uint)(code >> 32), at + 1, otherwise: Refuse);
        Step(destination, ref at, Load, InstructionLow);
        Step(destination, ref at, And, ~(uint)(StubLayout.CodeBytes - 1));
        Jump(destination, ref at, (uint)code, at + 1, otherwise: Refuse);
        Step(destination, ref at, Load, Number);
        Jump(destination, ref at, HostCalls.RtSigreturn, Permit, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Futex, Permit, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Mmap, AskForKey, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Munmap, AskForKey, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Mprotect, AskForKey, otherwise: Refuse);
        Step(destination, ref at, Load, FifthArgumentHigh);
        Jump(destination, ref at, key, Permit, otherwise: Refuse);
        Step(destination, ref at, Return, Allow);
        Step(destination, ref at, Return, Trap);
    }

    private static void Step(Span<ulong> destination, ref int at, ushort operation, uint constant) =>
        destination[at++] = operation | ((ulong)constant << 32);

    private static void Jump(Span<ulong> destination, ref int at, uint constant, int equal, int otherwise)
    {
        ulong distances = ((ulong)(byte)(equal - at - 1) << 16) | ((ulong)(byte)(otherwise - at - 1) << 24);
        destination[at++] = JumpEqual | distances | ((ulong)constant << 32);
    }
}
