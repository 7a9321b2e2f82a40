using Vitrine.X86.Paging;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>A machine at its start, and what its guest does.</summary>
internal sealed class StressCase
{
    /// <summary>The mode it starts in; the bits of the registers that don't follow from it are in the registers below.</summary>
    public required PagingMode Paging { get; init; }

    public required ulong Cr0 { get; set; }

    public required ulong Cr3 { get; set; }

    public required ulong Cr4 { get; set; }

    public required ulong Efer { get; set; }

    public uint Pkru { get; init; }

    public uint Pkrs { get; init; }

    /// <summary>The linear pages that steps access.</summary>
    public required ulong[] Pages { get; init; }

    /// <summary>The pool at the start.</summary>
    public required byte[] Pool { get; init; }

    public List<StressStep> Steps { get; init; } = [];

    /// <summary>The same machine with other steps.</summary>
    public StressCase With(List<StressStep> steps) => new()
    {
        Paging = Paging,
        Cr0 = Cr0,
        Cr3 = Cr3,
        Cr4 = Cr4,
        Efer = Efer,
        Pkru = Pkru,
        Pkrs = Pkrs,
        Pages = Pages,
        Pool = Pool,
        Steps = steps,
    };
}
