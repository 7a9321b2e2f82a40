namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Where fields of <see cref="CpuState"/> lie. They never change after start-up: decoded operations hold them.</summary>
internal static unsafe class CpuOffsets
{
    // SAFETY: takes addresses within one local and subtracts them; nothing is read.

    /// <summary>Offset of <see cref="CpuState.Gpr"/>.</summary>
    public static readonly ushort Gpr;

    /// <summary>Offset of <see cref="CpuState.Zero"/>.</summary>
    public static readonly ushort Zero;

    /// <summary>Offset of <see cref="CpuState.BlockRip"/>.</summary>
    public static readonly ushort BlockRip;

    /// <summary>Offset of <see cref="CpuState.Segments"/>.</summary>
    public static readonly ushort Segments;

    /// <summary>Offset of <see cref="CpuState.Xmm"/>.</summary>
    public static readonly ushort Xmm;

    /// <summary>Offset of <see cref="CpuState.X87"/>.</summary>
    public static readonly ushort X87;

    static CpuOffsets()
    {
        CpuState state;
        byte* start = (byte*)&state;
        Gpr = (ushort)((byte*)state.Gpr - start);
        Zero = (ushort)((byte*)&state.Zero - start);
        BlockRip = (ushort)((byte*)&state.BlockRip - start);
        Segments = (ushort)((byte*)&state.Segments - start);
        Xmm = (ushort)((byte*)state.Xmm - start);
        X87 = (ushort)((byte*)state.X87 - start);
    }
}
