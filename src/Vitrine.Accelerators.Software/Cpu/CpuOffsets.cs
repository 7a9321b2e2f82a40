namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// Where fields of <see cref="CpuState"/> lie, in bytes from its start: decoded operations and emitted code hold these numbers. Each has
/// the name of its field, by which a test finds it.
/// </summary>
internal static unsafe class CpuOffsets
{
    // SAFETY: takes addresses within one local and subtracts them; nothing is read.

    /// <summary>Offset of <see cref="CpuState.Tlb"/>.</summary>
    public static readonly int Tlb;

    /// <summary>Offset of <see cref="CpuState.TlbTag"/>.</summary>
    public static readonly int TlbTag;

    /// <summary>Offset of <see cref="CpuState.PollAt"/>.</summary>
    public static readonly int PollAt;

    /// <summary>Offset of <see cref="CpuState.PageRip"/>.</summary>
    public static readonly int PageRip;

    /// <summary>Offset of <see cref="CpuState.PackedFlags"/>.</summary>
    public static readonly int PackedFlags;

    /// <summary>Offset of <see cref="CpuState.CodeKey"/>.</summary>
    public static readonly int CodeKey;

    /// <summary>Offset of <see cref="CpuState.BranchMask"/>.</summary>
    public static readonly int BranchMask;

    /// <summary>Offset of <see cref="CpuState.HeldR15"/>.</summary>
    public static readonly int HeldR15;

    /// <summary>Offset of <see cref="CpuState.Slots"/>.</summary>
    public static readonly int Slots;

    /// <summary>Offset of <see cref="CpuState.GlobalKey"/>.</summary>
    public static readonly int GlobalKey;

    /// <summary>Offset of <see cref="CpuState.HeldR10"/>.</summary>
    public static readonly int HeldR10;

    /// <summary>Offset of <see cref="CpuState.HeldR11"/>.</summary>
    public static readonly int HeldR11;

    /// <summary>Offset of <see cref="CpuState.Scratch"/>.</summary>
    public static readonly int Scratch;

    /// <summary>Offset of <see cref="CpuState.Scratch2"/>.</summary>
    public static readonly int Scratch2;

    /// <summary>Offset of <see cref="CpuState.ExitSite"/>.</summary>
    public static readonly int ExitSite;

    /// <summary>Offset of <see cref="CpuState.BranchSite"/>.</summary>
    public static readonly int BranchSite;

    /// <summary>Offset of <see cref="CpuState.Gpr"/>.</summary>
    public static readonly int Gpr;

    /// <summary>Offset of <see cref="CpuState.Zero"/>.</summary>
    public static readonly int Zero;

    /// <summary>Offset of <see cref="CpuState.BlockRip"/>.</summary>
    public static readonly int BlockRip;

    /// <summary>Offset of <see cref="CpuState.Rip"/>.</summary>
    public static readonly int Rip;

    /// <summary>Offset of <see cref="CpuState.SystemFlags"/>.</summary>
    public static readonly int SystemFlags;

    /// <summary>Offset of <see cref="CpuState.Segments"/>.</summary>
    public static readonly int Segments;

    /// <summary>Offset of <see cref="CpuState.KernelGsBase"/>.</summary>
    public static readonly int KernelGsBase;

    /// <summary>Offset of <see cref="CpuState.HostStack"/>.</summary>
    public static readonly int HostStack;

    /// <summary>Offset of <see cref="CpuState.EntryPoint"/>.</summary>
    public static readonly int EntryPoint;

    /// <summary>Offset of <see cref="CpuState.MissAddress"/>.</summary>
    public static readonly int MissAddress;

    /// <summary>Offset of <see cref="CpuState.MissBudget"/>.</summary>
    public static readonly int MissBudget;

    /// <summary>Offset of <see cref="CpuState.SavedRax"/>.</summary>
    public static readonly int SavedRax;

    /// <summary>Offset of <see cref="CpuState.ExitReason"/>.</summary>
    public static readonly int ExitReason;

    /// <summary>Offset of <see cref="CpuState.HostMxcsr"/>.</summary>
    public static readonly int HostMxcsr;

    /// <summary>Offset of <see cref="CpuState.X87Loaded"/>.</summary>
    public static readonly int X87Loaded;

    /// <summary>Offset of <see cref="CpuState.VectorsLoaded"/>.</summary>
    public static readonly int VectorsLoaded;

    /// <summary>Offset of <see cref="CpuState.InterruptWaits"/>.</summary>
    public static readonly int InterruptWaits;

    /// <summary>Offset of <see cref="CpuState.X87Place"/>.</summary>
    public static readonly int X87Place;

    /// <summary>Offset of <see cref="CpuState.X87Page"/>.</summary>
    public static readonly int X87Page;

    /// <summary>Offset of <see cref="CpuState.X87Segment"/>.</summary>
    public static readonly int X87Segment;

    /// <summary>Offset of <see cref="CpuState.Counters"/>.</summary>
    public static readonly int Counters;

    /// <summary>Offset of <see cref="CpuState.Xmm"/>.</summary>
    public static readonly int Xmm;

    /// <summary>Offset of <see cref="CpuState.X87"/>.</summary>
    public static readonly int X87;

    /// <summary>Offset of <see cref="CpuState.Mxcsr"/>.</summary>
    public static readonly int Mxcsr;

    /// <summary>Offset of <see cref="CpuState.Fdp"/>.</summary>
    public static readonly int Fdp;

    static CpuOffsets()
    {
        CpuState state;
        byte* start = (byte*)&state;
        Tlb = (int)((byte*)&state.Tlb - start);
        TlbTag = (int)((byte*)&state.TlbTag - start);
        PollAt = (int)((byte*)&state.PollAt - start);
        PageRip = (int)((byte*)&state.PageRip - start);
        PackedFlags = (int)((byte*)&state.PackedFlags - start);
        CodeKey = (int)((byte*)&state.CodeKey - start);
        BranchMask = (int)((byte*)&state.BranchMask - start);
        HeldR15 = (int)((byte*)&state.HeldR15 - start);
        Slots = (int)((byte*)&state.Slots - start);
        GlobalKey = (int)((byte*)&state.GlobalKey - start);
        HeldR10 = (int)((byte*)&state.HeldR10 - start);
        HeldR11 = (int)((byte*)&state.HeldR11 - start);
        Scratch = (int)((byte*)&state.Scratch - start);
        Scratch2 = (int)((byte*)&state.Scratch2 - start);
        ExitSite = (int)((byte*)&state.ExitSite - start);
        BranchSite = (int)((byte*)&state.BranchSite - start);
        Gpr = (int)((byte*)state.Gpr - start);
        Zero = (int)((byte*)&state.Zero - start);
        BlockRip = (int)((byte*)&state.BlockRip - start);
        Rip = (int)((byte*)&state.Rip - start);
        SystemFlags = (int)((byte*)&state.SystemFlags - start);
        Segments = (int)((byte*)&state.Segments - start);
        KernelGsBase = (int)((byte*)&state.KernelGsBase - start);
        HostStack = (int)((byte*)&state.HostStack - start);
        EntryPoint = (int)((byte*)&state.EntryPoint - start);
        MissAddress = (int)((byte*)&state.MissAddress - start);
        MissBudget = (int)((byte*)&state.MissBudget - start);
        SavedRax = (int)((byte*)&state.SavedRax - start);
        ExitReason = (int)((byte*)&state.ExitReason - start);
        HostMxcsr = (int)((byte*)&state.HostMxcsr - start);
        X87Loaded = (int)((byte*)&state.X87Loaded - start);
        VectorsLoaded = (int)((byte*)&state.VectorsLoaded - start);
        InterruptWaits = (int)((byte*)&state.InterruptWaits - start);
        X87Place = (int)((byte*)&state.X87Place - start);
        X87Page = (int)((byte*)&state.X87Page - start);
        X87Segment = (int)((byte*)&state.X87Segment - start);
        Counters = (int)((byte*)state.Counters - start);
        Xmm = (int)((byte*)state.Xmm - start);
        X87 = (int)((byte*)state.X87 - start);
        Mxcsr = (int)((byte*)&state.Mxcsr - start);
        Fdp = (int)((byte*)&state.Fdp - start);
    }
}
