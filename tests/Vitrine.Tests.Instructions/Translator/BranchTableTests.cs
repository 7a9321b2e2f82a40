using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator;
using Xunit;

namespace Vitrine.Tests.Software.Translator;

/// <summary>The branch table by itself.</summary>
public sealed unsafe class BranchTableTests : IDisposable
{
    private const int Limit = 1 << 18;
    private const ulong Rip = 0xFFFF_FFFF_8123_4567;

    private static readonly byte* s_unknown = (byte*)0x1000;
    private readonly CpuState* _cpu = StateMemory.Allocate(Limit);

    public void Dispose() => StateMemory.Free(_cpu);

    [Fact]
    public void ItGrowsWithTheBlocksUpToItsLimit()
    {
        BranchTable table = new(_cpu, Limit, s_unknown);
        Assert.Equal(StateMemory.FewestBranches, table.Size);
        table.GrowFor(StateMemory.FewestBranches / 8);
        Assert.Equal(StateMemory.FewestBranches, table.Size);
        table.GrowFor((StateMemory.FewestBranches / 8) + 1);
        Assert.Equal(2 * StateMemory.FewestBranches, table.Size);
        table.GrowFor(int.MaxValue);
        Assert.Equal(Limit, table.Size);
        Assert.Equal((ulong)Limit - 1, _cpu->BranchMask);
    }

    /// <summary>Two targets agree in the low bits of the small table, and no longer in those of the large one.</summary>
    [Fact]
    public void WhatWasKnownStaysKnownAndTargetsNoLongerDispute()
    {
        BranchTable table = new(_cpu, Limit, s_unknown);
        ulong other = Rip + StateMemory.FewestBranches;
        table[Rip] = (byte*)0x2000;
        Assert.Equal((nint)0x2000, (nint)table[other]);
        table.GrowFor(int.MaxValue);
        Assert.Equal((nint)0x2000, (nint)table[Rip]);
        table[other] = (byte*)0x3000;
        Assert.Equal((0x2000, 0x3000), ((nint)table[Rip], (nint)table[other]));
        Assert.Equal((nint)s_unknown, (nint)table[Rip + 1]);
        Assert.Equal((nint)s_unknown, (nint)table[other + 1]);
    }

    [Fact]
    public void NothingIsKnownBehindClearAndShrink()
    {
        BranchTable table = new(_cpu, Limit, s_unknown);
        table.GrowFor(int.MaxValue);
        table[Rip] = (byte*)0x2000;
        table.Clear();
        Assert.Equal((Limit, (nint)s_unknown), (table.Size, (nint)table[Rip]));
        table[Rip] = (byte*)0x2000;
        table.Shrink();
        Assert.Equal((StateMemory.FewestBranches, (nint)s_unknown), (table.Size, (nint)table[Rip]));

        // What the table had before it was small is not found again.
        table.GrowFor(int.MaxValue);
        Assert.Equal((nint)s_unknown, (nint)table[Rip]);
    }
}
