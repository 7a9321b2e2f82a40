using System.Diagnostics;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// The seccomp filter of a stub, in classic BPF (seccomp(2)): which system calls the guest's code can make there, which is none. A call from elsewhere than the
/// stub's own code, of another kind than those below, or without the key, becomes SIGSYS, and that is how the guest's own system calls reach the monitor.
/// </summary>
internal static class StubFilter
{
    /// <summary>Instructions of the filter.</summary>
    public const int Count = 37;

    /// <summary>Bytes of an instruction: opcode, two jump distances, a constant.</summary>
    public const int InstructionBytes = 8;

    private const int HandOver = 11;
    private const int FutexOperation = 23;
    private const int AskForKey = 26;
    private const int WithinCode = 32;
    private const int Permit = 35;
    private const int Refuse = 36;
    private const int CallBytes = 2;

    // struct seccomp_data.
    private const uint Number = 0;
    private const uint Architecture = 4;
    private const uint InstructionLow = 8;
    private const uint InstructionHigh = 12;

    private const ushort Load = 0x20;        // BPF_LD | BPF_W | BPF_ABS
    private const ushort And = 0x54;         // BPF_ALU | BPF_AND | BPF_K
    private const ushort JumpEqual = 0x15;   // BPF_JMP | BPF_JEQ | BPF_K
    private const ushort Return = 0x06;

    private const uint X8664 = 0xC000_003E;
    private const uint Allow = 0x7FFF_0000;
    private const uint Trap = 0x0003_0000;

    /// <summary>Writes it.</summary>
    /// <param name="destination">Room for <see cref="Count"/> instructions.</param>
    /// <param name="start">Address of the stub's page of code, which crosses no 4 GiB.</param>
    /// <param name="code">Its parts.</param>
    /// <param name="key">
    /// What the upper halves of the fourth and fifth arguments must be where memory is mapped, the fourth's in the upper half of this; the kernel does not look at them.
    /// </param>
    /// <remarks>
    /// Guest code can jump to the stub's own SYSCALL instructions, with any registers. Who gives the turn away so goes on behind that instruction as the stub does, and
    /// runs no code of his own before the monitor lets him: no other place may do it, and nothing but the word of the turn may be written. rt_sigreturn and futex need
    /// no key: the one gives the guest no register that it could not load by itself, the other can only wait, until the monitor wants the vCPU, or wake.
    /// </remarks>
    public static void Write(Span<ulong> destination, ulong start, StubCode code, ulong key)
    {
        uint page = (uint)start;
        int at = 0;
        Require(destination, ref at, Architecture, X8664);
        Require(destination, ref at, InstructionHigh, (uint)(start >> 32));
        Step(destination, ref at, Load, Number);
        Jump(destination, ref at, HostCalls.RtSigreturn, WithinCode, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Pwrite64, HandOver, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Futex, FutexOperation, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Mmap, AskForKey, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Munmap, AskForKey, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.Mprotect, AskForKey, otherwise: Refuse);

        Debug.Assert(at == HandOver, "As it is jumped to.");
        Require(destination, ref at, InstructionLow, page + (uint)code.HandOver + CallBytes);
        Require(destination, ref at, ArgumentLow(0), StubLayout.SharedDescriptor);
        Require(destination, ref at, ArgumentLow(2), StubLayout.TurnBytes);
        Require(destination, ref at, ArgumentLow(2) + 4, 0);
        Require(destination, ref at, ArgumentLow(3), StubLayout.Turn);
        Step(destination, ref at, Load, ArgumentLow(3) + 4);
        Jump(destination, ref at, 0, Permit, otherwise: Refuse);

        Debug.Assert(at == FutexOperation, "As it is jumped to.");
        Step(destination, ref at, Load, ArgumentLow(1));
        Jump(destination, ref at, HostCalls.FutexWait, WithinCode, otherwise: at + 1);
        Jump(destination, ref at, HostCalls.FutexWake, WithinCode, otherwise: Refuse);

        Debug.Assert(at == AskForKey, "As it is jumped to.");
        Require(destination, ref at, InstructionLow, page + (uint)code.CallSite + CallBytes);
        Require(destination, ref at, ArgumentLow(3) + 4, (uint)(key >> 32));
        Step(destination, ref at, Load, ArgumentLow(4) + 4);
        Jump(destination, ref at, (uint)key, Permit, otherwise: Refuse);

        Debug.Assert(at == WithinCode, "As it is jumped to.");
        Step(destination, ref at, Load, InstructionLow);
        Step(destination, ref at, And, ~(uint)(StubLayout.CodeBytes - 1));
        Jump(destination, ref at, page, Permit, otherwise: Refuse);
        Step(destination, ref at, Return, Allow);
        Step(destination, ref at, Return, Trap);
        Debug.Assert(at == Count, "As long as it says.");
    }

    private static uint ArgumentLow(uint number) => 16 + (8 * number);

    /// <summary>A word that must have a value, or the call is refused.</summary>
    private static void Require(Span<ulong> destination, ref int at, uint offset, uint value)
    {
        Step(destination, ref at, Load, offset);
        Jump(destination, ref at, value, at + 1, otherwise: Refuse);
    }

    private static void Step(Span<ulong> destination, ref int at, ushort operation, uint constant) =>
        destination[at++] = operation | ((ulong)constant << 32);

    private static void Jump(Span<ulong> destination, ref int at, uint constant, int equal, int otherwise)
    {
        ulong distances = ((ulong)(byte)(equal - at - 1) << 16) | ((ulong)(byte)(otherwise - at - 1) << 24);
        destination[at++] = JumpEqual | distances | ((ulong)constant << 32);
    }
}
