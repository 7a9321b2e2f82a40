namespace Vitrine.X86.Descriptors;

/// <summary>
/// A gate: call, interrupt, trap or task (SDM vol. 3, 5.8.3 "Call Gates", 6.11 "IDT Descriptors", 6.14.1 "64-Bit Mode IDT").
/// </summary>
/// <remarks>
/// <code>
///  Low:   63..48         47 46..45 44 43..40  39..35  34..32  31..16     15..0
///         offset 31:16   P  DPL    0  type    0       IST     selector   offset 15:0
///                                             36..32: parameter count of a call gate
///  High (IA-32e mode only):  31..0  offset 63:32
/// </code>
/// </remarks>
/// <param name="Low">The first eight bytes.</param>
/// <param name="High">The second eight bytes in IA-32e mode; 0 otherwise.</param>
public readonly record struct GateDescriptor(ulong Low, ulong High = 0)
{
    /// <summary>Entry point, 64 bits; the upper half is zero outside IA-32e mode. 16-bit gates use the low 16 bits.</summary>
    public ulong Offset => (Low & 0xFFFF) | ((Low >> 32) & 0xFFFF_0000) | (High << 32);

    /// <summary>Code segment of the entry point; TSS of a task gate.</summary>
    public ushort Selector => (ushort)(Low >> 16);

    /// <summary>Number of stack words a call gate copies; not in IA-32e mode.</summary>
    public byte ParameterCount => (byte)((Low >> 32) & 0x1F);

    /// <summary>Interrupt stack table entry, 0 for none; IA-32e mode only.</summary>
    public byte Ist => (byte)((Low >> 32) & 7);

    /// <summary>Type field, see <see cref="DescriptorType"/>.</summary>
    public byte Type => (byte)((Low >> 40) & 0xF);

    /// <summary>True when the S bit is set: this is no gate but a code or data segment.</summary>
    public bool IsCodeOrData => (Low & (1UL << 44)) != 0;

    /// <summary>Descriptor privilege level.</summary>
    public byte Dpl => (byte)((Low >> 45) & 3);

    /// <summary>Present bit.</summary>
    public bool Present => (Low & (1UL << 47)) != 0;

    /// <summary>False when bits 12:8 of the upper half's second dword are set: a far call through it raises #GP in IA-32e mode.</summary>
    public bool IsUpperTypeZero => (High & (0x1FUL << 40)) == 0;

    /// <summary>Puts a gate together.</summary>
    /// <param name="type">See <see cref="DescriptorType"/>.</param>
    /// <param name="selector">Code segment, or TSS of a task gate.</param>
    /// <param name="offset">Entry point.</param>
    /// <param name="dpl">Privilege level that may use it by instruction.</param>
    /// <param name="istOrParameters">IST entry, or parameter count of a call gate.</param>
    public static GateDescriptor Create(byte type, ushort selector, ulong offset, byte dpl, byte istOrParameters = 0) => new(
        (offset & 0xFFFF)
        | ((ulong)selector << 16)
        | ((ulong)(istOrParameters & 0x1F) << 32)
        | ((ulong)(type & 0xF) << 40)
        | ((ulong)(dpl & 3) << 45)
        | (1UL << 47)
        | ((offset & 0xFFFF_0000) << 32),
        offset >> 32);
}
