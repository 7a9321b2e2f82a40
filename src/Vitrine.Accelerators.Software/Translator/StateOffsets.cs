using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Where the fields of <see cref="CpuState"/> lie that translated code uses.</summary>
internal sealed unsafe class StateOffsets
{
    // SAFETY: takes addresses within one local and subtracts them; nothing is read.
    private StateOffsets()
    {
        CpuState state;
        byte* start = (byte*)&state;
        Tlb = (int)((byte*)&state.Tlb - start);
        TlbTag = (int)((byte*)&state.TlbTag - start);
        PollAt = (int)((byte*)&state.PollAt - start);
        PageRip = (int)((byte*)&state.PageRip - start);
        BranchMask = (int)((byte*)&state.BranchMask - start);
        Slots = (int)((byte*)&state.Slots - start);
        MissBudget = (int)((byte*)&state.MissBudget - start);
        SavedRax = (int)((byte*)&state.SavedRax - start);
        CodeKey = (int)((byte*)&state.CodeKey - start);
        GlobalKey = (int)((byte*)&state.GlobalKey - start);
        HeldR10 = (int)((byte*)&state.HeldR10 - start);
        HeldR11 = (int)((byte*)&state.HeldR11 - start);
        HeldR15 = (int)((byte*)&state.HeldR15 - start);
        PackedFlags = (int)((byte*)&state.PackedFlags - start);
        Scratch = (int)((byte*)&state.Scratch - start);
        Scratch2 = (int)((byte*)&state.Scratch2 - start);
        ExitSite = (int)((byte*)&state.ExitSite - start);
        BranchSite = (int)((byte*)&state.BranchSite - start);
        HostStack = (int)((byte*)&state.HostStack - start);
        EntryPoint = (int)((byte*)&state.EntryPoint - start);
        MissAddress = (int)((byte*)&state.MissAddress - start);
        HostMxcsr = (int)((byte*)&state.HostMxcsr - start);
        ExitReason = (int)((byte*)&state.ExitReason - start);
        X87Loaded = (int)((byte*)&state.X87Loaded - start);
        X87Segment = (int)((byte*)&state.X87Segment - start);
        X87Page = (int)((byte*)&state.X87Page - start);
        X87Place = (int)((byte*)&state.X87Place - start);
        Fdp = (int)((byte*)&state.Fdp - start);
        VectorsLoaded = (int)((byte*)&state.VectorsLoaded - start);
        InterruptWaits = (int)((byte*)&state.InterruptWaits - start);
        KernelGsBase = (int)((byte*)&state.KernelGsBase - start);
        Mxcsr = (int)((byte*)&state.Mxcsr - start);
        Rip = (int)((byte*)&state.Rip - start);
        SystemFlags = (int)((byte*)&state.SystemFlags - start);
        Segments = (int)((byte*)&state.Segments - start);
        Counters = (int)((byte*)state.Counters - start);
        Xmm = (int)((byte*)state.Xmm - start);
    }

    /// <summary>The offsets.</summary>
    public static StateOffsets Instance { get; } = new();

    public int Tlb { get; }

    public int TlbTag { get; }

    public int PollAt { get; }

    public int PageRip { get; }

    public int BranchMask { get; }

    public int Slots { get; }

    public int MissBudget { get; }

    public int SavedRax { get; }

    public int CodeKey { get; }

    public int GlobalKey { get; }

    public int HeldR10 { get; }

    public int HeldR11 { get; }

    public int HeldR15 { get; }

    public int PackedFlags { get; }

    public int Scratch { get; }

    public int Scratch2 { get; }

    public int ExitSite { get; }

    public int BranchSite { get; }

    public int HostStack { get; }

    public int EntryPoint { get; }

    public int MissAddress { get; }

    public int HostMxcsr { get; }

    public int ExitReason { get; }

    public int X87Loaded { get; }

    public int X87Segment { get; }

    public int X87Page { get; }

    public int X87Place { get; }

    public int Fdp { get; }

    public int VectorsLoaded { get; }

    public int InterruptWaits { get; }

    public int KernelGsBase { get; }

    public int Mxcsr { get; }

    public int Rip { get; }

    public int SystemFlags { get; }

    public int Segments { get; }

    public int Counters { get; }

    public int Xmm { get; }

    /// <summary>A guest register's place in <see cref="CpuState.Gpr"/>.</summary>
    public int Gpr(int guest) => CpuOffsets.Gpr + (guest * 8);

    /// <summary>Where a guest register without a host register is held.</summary>
    public int Held(int guest) => guest switch
    {
        10 => HeldR10,
        11 => HeldR11,
        _ => HeldR15,
    };

    /// <summary>A segment's base.</summary>
    public int SegmentBase(int segment) => Segments + (segment * sizeof(SegmentCache));
}
