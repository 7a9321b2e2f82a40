using Vitrine.X86.Registers;

namespace Vitrine.Tests.Software.Debugging;

/// <summary>
/// What programs are made of: beginnings, which set up what is held back, and endings. Breakpoints: 0 watches the operand of the beginnings,
/// 1 stands at the ending, 2 watches a port, 3 the second byte of the string that endings write.
/// </summary>
internal static class DebugProgram
{
    /// <summary>A selector for SS, alone and in a far pointer.</summary>
    public const ulong Operand = 0xE000;

    /// <summary>What string instructions write and read.</summary>
    public const ulong String = 0xE100;

    /// <summary>Vector of an interrupt that level 3 may call.</summary>
    public const byte Open = 30;

    /// <summary>Vector of one that it may not.</summary>
    public const byte Closed = 29;

    /// <summary>The port that is watched.</summary>
    public const byte Port = 0x80;

    private const ulong B0 = Dr6.B0;
    private const ulong B2 = Dr6.B0 << 2;
    private const ulong B3 = Dr6.B0 << 3;
    private const byte InvalidOpcode = 6;
    private const byte BoundRange = 5;
    private const byte GeneralProtection = 13;
    private const byte PageFault = 14;

    // 32-bit addresses: [disp32] in 32-bit code, and in 64-bit code with a SIB byte.
    private static readonly DebugInstruction s_movSs64 = new("mov ss", [0x8E, 0x14, 0x25, 0x00, 0xE0, 0, 0], DebugEffect.LoadsSs, 0, B0) { In32 = false };
    private static readonly DebugInstruction s_movSs32 = new("mov ss", [0x8E, 0x15, 0x00, 0xE0, 0, 0], DebugEffect.LoadsSs, 0, B0) { In64 = false };
    private static readonly DebugInstruction s_registerSs = new("mov ss, bp", [0x8E, 0xD5], DebugEffect.LoadsSs, 0, 0);
    private static readonly DebugInstruction s_popSs = new("pop ss", [0x17], DebugEffect.LoadsSs, 0, B0) { In64 = false, Level = 3 };
    private static readonly DebugInstruction s_load = new("mov eax, mem", [0x8B, 0x04, 0x25, 0x00, 0xE0, 0, 0], DebugEffect.Completes, 0, B0) { In32 = false };
    private static readonly DebugInstruction s_load32 = new("mov eax, mem", [0xA1, 0x00, 0xE0, 0, 0], DebugEffect.Completes, 0, B0) { In64 = false };
    private static readonly DebugInstruction s_lss = new("lss", [0x0F, 0xB2, 0x04, 0x25, 0x00, 0xE0, 0, 0], DebugEffect.Completes, 0, B0) { In32 = false };
    private static readonly DebugInstruction s_lss32 = new("lss", [0x0F, 0xB2, 0x05, 0x00, 0xE0, 0, 0], DebugEffect.Completes, 0, B0) { In64 = false };
    private static readonly DebugInstruction s_sti = new("sti", [0xFB]);
    private static readonly DebugInstruction s_nop = new("nop", [0x90]);

    /// <summary>Beginnings.</summary>
    public static DebugInstruction[][] Beginnings { get; } =
    [
        [s_nop], [s_sti], [s_load], [s_load32], [s_lss], [s_lss32], [s_popSs], [s_movSs64], [s_movSs32], [s_registerSs],
        [s_movSs64, s_movSs64], [s_movSs32, s_movSs32], [s_movSs64, s_registerSs], [s_registerSs, s_movSs64], [s_movSs32, s_popSs],
        [s_sti, s_movSs64], [s_movSs64, s_sti], [s_movSs64, s_movSs64, s_movSs64], [s_movSs32, s_registerSs, s_registerSs],
    ];

    /// <summary>Endings.</summary>
    public static DebugInstruction[] Endings { get; } =
    [
        s_nop,
        new("int n", [0xCD, Open], DebugEffect.SoftwareInterrupt, Open),
        new("int n, DPL 0", [0xCD, Closed], DebugEffect.SoftwareInterrupt, Closed) { Level = 0 },
        new("int n, DPL 0", [0xCD, Closed], DebugEffect.Faults, GeneralProtection) { Level = 3 },
        new("int 1", [0xCD, 1], DebugEffect.Faults, GeneralProtection) { Level = 3 },
        new("int1", [0xF1], DebugEffect.DebugInterrupt, 1),
        new("int3", [0xCC], DebugEffect.SoftwareInterrupt, 3),
        new("into, OF", [0xCE], DebugEffect.SoftwareInterrupt, 4) { In64 = false, Overflow = true },
        new("into", [0xCE]) { In64 = false },
        new("bound, inside", [0x62, 0x1D, 0x40, 0xE0, 0, 0]) { In64 = false },
        new("bound, outside", [0x62, 0x1D, 0x48, 0xE0, 0, 0], DebugEffect.Faults, BoundRange) { In64 = false },
        new("hlt", [0xF4], DebugEffect.Halts) { Level = 0 },
        new("hlt", [0xF4], DebugEffect.Faults, GeneralProtection) { Level = 3 },
        new("syscall", [0x0F, 0x05], DebugEffect.SystemCall) { In32 = false },
        new("sysenter", [0x0F, 0x34], DebugEffect.SystemEnter),
        new("in", [0xE4, Port], DebugEffect.Completes, 0, B2),
        new("out", [0xE6, Port], DebugEffect.Completes, 0, B2),
        new("rep stosb", [0xF3, 0xAA], DebugEffect.Repeats, 0, 0, B3, 0),
        new("rep movsb", [0xF3, 0xA4], DebugEffect.Repeats, 0, 0, B3, 0),
        new("rep cmpsb", [0xF3, 0xA6], DebugEffect.Repeats, 0, 0, 0, 0),
        new("rep outsb", [0xF3, 0x6E], DebugEffect.Repeats, 0, B2, B2, B2),
        new("rep insb", [0xF3, 0x6C], DebugEffect.Repeats, 0, B2, B2 | B3, B2),
        new("rep stosb, fault", [0xF3, 0xAA], DebugEffect.Repeats, PageFault, 0, 0, 0) { FaultsAt = 2, Destination = 0xFFFE },
        new("rep insb, fault", [0xF3, 0x6C], DebugEffect.Repeats, PageFault, B2, B2, B2) { FaultsAt = 1, Destination = 0xFFFF },
        new("ud2", [0x0F, 0x0B], DebugEffect.Faults, InvalidOpcode),
        new("#PF", [0x8B, 0x03], DebugEffect.Faults, PageFault),
        new("#GP", [0x8E, 0xDB], DebugEffect.Faults, GeneralProtection),
        new("mov dr", [0x0F, 0x21, 0xD8], DebugEffect.GeneralDetect) { Level = 0 },
        new("mov dr", [0x0F, 0x21, 0xD8], DebugEffect.Faults, GeneralProtection) { Level = 3 },
    ];
}
