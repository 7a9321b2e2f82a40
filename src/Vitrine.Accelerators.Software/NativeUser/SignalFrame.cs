using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>The registers of a signal frame: ucontext_t and its sigcontext as the kernel has them for x86-64 (asm/ucontext.h, asm/sigcontext.h).</summary>
internal static unsafe class SignalFrame
{
    // SAFETY: contexts are StubProcess.Frame's, with FrameBytes behind them.

    /// <summary>Bytes of the part that is used here.</summary>
    public const int ContextBytes = 304;

    /// <summary>Bytes from a context to behind the siginfo_t that follows it.</summary>
    public const int FrameBytes = ContextBytes + InformationBytes;

    /// <summary>Offset of the registers: before them are flags of the kernel's and the description of the signal stack.</summary>
    public const int Registers = 40;

    /// <summary>Offset of the signals that are blocked behind the handler.</summary>
    public const int SignalMask = ContextBytes - sizeof(ulong);

    /// <summary>Offset of the address of the floating-point state.</summary>
    public const int FloatState = Registers + (23 * 8);

    private const int CallAddressInInformation = 16;
    private const int CodeInInformation = 8;
    private const int KernelsOwn = 0x80;
    private const int InformationBytes = 128;
    private const int Rip = Registers + (16 * 8);
    private const int Eflags = Registers + (17 * 8);
    private const int CodeSelector = Registers + (18 * 8);
    private const int StackSelector = CodeSelector + 6;
    private const int Error = Registers + (19 * 8);
    private const int Trap = Registers + (20 * 8);
    private const int Fault = Registers + (22 * 8);

    // What a return from a handler takes over of RFLAGS: the arithmetic flags, TF, DF, and RF. IF is always set there.
    private const ulong Kept = 0x1_0DD5;

    // Beside these NT, AC and ID are user code's to change.
    private const ulong Taken = Kept | 0x24_4000;
    private const ulong InterruptFlag = 0x200;

    // NT and ID.
    private const ulong NotRestored = 0x20_4000;

    // R8 to R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP: where each of the encoding's order stands.
    private static ReadOnlySpan<byte> Places => [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7];

    /// <summary>Vector of the exception behind the signal.</summary>
    public static int Vector(byte* context) => (int)*(ulong*)(context + Trap);

    /// <summary>Error code of the page fault behind the signal, in the host.</summary>
    public static uint ErrorCode(byte* context) => *(uint*)(context + Error);

    /// <summary>Address of the page fault behind the signal.</summary>
    public static ulong FaultAddress(byte* context) => *(ulong*)(context + Fault);

    /// <summary>A return from the handler restores everything: it doesn't NT and ID, and segment registers are the guest's own affair.</summary>
    public static bool IsOrdinary(byte* context) =>
        (*(ulong*)(context + Eflags) & NotRestored) == 0 && Cs(context) == GuestRegisters.CodeSelector && Ss(context) == GuestRegisters.StackSelector;

    /// <summary>The selector in CS.</summary>
    public static ushort Cs(byte* context) => *(ushort*)(context + CodeSelector);

    /// <summary>The selector in SS.</summary>
    public static ushort Ss(byte* context) => *(ushort*)(context + StackSelector);

    /// <summary>Behind which instruction a SIGSYS was raised, from the siginfo_t that lies behind the context.</summary>
    public static ulong CallAddress(byte* context) => *(ulong*)(context + ContextBytes + CallAddressInInformation);

    /// <summary>A SIGILL of no exception: the kernel's answer to the calls of its own probes (uretprobe, uprobe), which no seccomp filter sees.</summary>
    public static bool IsProbeCall(byte* context) => *(int*)(context + ContextBytes + CodeInInformation) == KernelsOwn;

    /// <summary>Takes general registers, RIP and RFLAGS into the state.</summary>
    public static void Save(byte* context, CpuState* cpu)
    {
        ulong* registers = (ulong*)(context + Registers);
        for (int i = 0; i < 16; i++) cpu->Gpr[i] = registers[Places[i]];
        cpu->Rip = *(ulong*)(context + Rip);
        Flags.SetRflags(cpu, (*(ulong*)(context + Eflags) & Taken) | (cpu->SystemFlags & ~Taken) | InterruptFlag);
    }

    /// <summary>Puts the state's general registers, RIP and RFLAGS into the frame, for 64-bit code.</summary>
    public static void Load(byte* context, CpuState* cpu)
    {
        ulong* registers = (ulong*)(context + Registers);
        for (int i = 0; i < 16; i++) registers[Places[i]] = cpu->Gpr[i];
        *(ulong*)(context + Rip) = cpu->Rip;
        *(ulong*)(context + Eflags) = (Flags.GetRflags(cpu) & Kept) | InterruptFlag;
        *(ushort*)(context + CodeSelector) = (ushort)GuestRegisters.CodeSelector;
        *(ushort*)(context + StackSelector) = (ushort)GuestRegisters.StackSelector;
    }
}
