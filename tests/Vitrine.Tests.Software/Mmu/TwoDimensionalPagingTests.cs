using Vitrine.Accelerators.Mmu;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>The two-dimensional walk: how many references it makes, what its caches keep and when they let go.</summary>
public sealed class TwoDimensionalPagingTests
{
    private const ulong First = 0x8000_0000;
    private const ulong Frame1 = 0x20_0000;
    private const ulong Frame2 = 0x20_1000;

    // No 2-MiB page of the second level fits into a slot of 1 MiB.
    private const ulong SmallSlots = 0x10_0000;
    private readonly List<MmuCounters> _marks = [];

    [Theory]
    [InlineData(SmallSlots, 12, 24)]
    [InlineData(M.MemorySize, 12, 19)]
    [InlineData(M.MemorySize, 21, 15)]
    public void AWalkOfFourLevelsInBothDimensions(ulong slotBytes, int shift, int references)
    {
        // (4 + 1) * (4 + 1) - 1 with 4-KiB pages in both dimensions; a 2-MiB page of the second level saves one reference of each of
        // the five ways through it, one of the guest's a whole way and its own entry.
        using M m = Machine(slotBytes);
        m.Map(First, Frame1, M.P, shift);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[rbx]);
        }));
        Assert.Equal(1UL, m[Gpr.Rax]);
        IReadOnlyList<TwoDimensionalReference> walk = m.Vcpu.Mmu.InspectTwoDimensional(First);
        Assert.Equal(references, walk.Count);
        Assert.All(walk, static reference => Assert.True(reference.Present));
        Assert.Equal(shift == 12 ? [4, 3, 2, 1] : [4, 3, 2], walk.Where(static r => r.HostLevel == 0).Select(static r => r.GuestLevel));
        Assert.Equal(0, walk[^1].GuestLevel);
        Assert.Equal(Frame1, walk[^1].Address);
    }

    [Fact]
    public void WithoutPagingOneDimensionIsLeft()
    {
        using M m = new(PagingMode.None, mmu: MmuMode.TwoDimensional, slotBytes: SmallSlots);
        Assert.Equal("ok", m.Run(a => a.mov(eax, __dword_ptr[0x30_1000])));
        Assert.Equal([4, 3, 2, 1], m.Vcpu.Mmu.InspectTwoDimensional(0x30_1000).Select(static reference => reference.HostLevel));
    }

    [Fact]
    public void CachesShortenTheWalkOfANeighbour()
    {
        using M m = Machine(SmallSlots);
        for (ulong i = 0; i < 3; i++) m.Map(First + (i << 12), Frame1, M.P);
        m.OnAccess = () => _marks.Add(m.Vcpu.Mmu.Counters);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[rbx]);
            a.@out(0x80, al);
            a.mov(eax, __dword_ptr[rbx + 0x1000]);
            a.@out(0x80, al);
        }));

        // Only the last entry of the guest's is left, reached and left by one reference of the second level each.
        Assert.Equal(1UL, _marks[1].TlbMisses - _marks[0].TlbMisses);
        Assert.Equal(1UL, _marks[1].StructureCacheHits - _marks[0].StructureCacheHits);
        Assert.Equal(3UL, _marks[1].WalkReferences - _marks[0].WalkReferences);
    }

    [Fact]
    public void AnEntryThatAppearsNeedsNoFlush()
    {
        // The paging-structure caches know the old table when the guest changes the upper entry and an absent one becomes present.
        using M m = Machine(M.MemorySize);
        m.Map(First, Frame1, M.P);
        ulong pde = m.Entry(First, 21);
        ulong newTable = M.Tables + 0x1A000;
        m.Store(newTable + 8, Frame2 | M.P, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(edi, (uint)pde);
            a.mov(__dword_ptr[rdi], (uint)(newTable | M.P | M.W));
            a.mov(edx, __dword_ptr[rbx + 0x1000]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Fact]
    public void InvlpgOfAnyAddressEmptiesTheStructureCaches()
    {
        // SDM vol. 3, 4.10.4.1: INVLPG ends all entries of the paging-structure caches for its PCID, whatever its address.
        using M m = Machine(M.MemorySize);
        m.Map(First, Frame1, M.P);
        m.Map(First + 0x1000, Frame1, M.P);
        ulong pde = m.Entry(First, 21);
        ulong newTable = M.Tables + 0x1A000;
        m.Store(newTable + 8, Frame2 | M.P, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(edi, (uint)pde);
            a.mov(__dword_ptr[rdi], (uint)(newTable | M.P | M.W));
            a.invlpg(__byte_ptr[0x1000]);
            a.mov(edx, __dword_ptr[rbx + 0x1000]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Fact]
    public void AMissingSecondLevelEntryIsOneFaultForAll2MiB()
    {
        using M m = Machine(M.MemorySize);
        for (ulong i = 0; i < 128; i++) m.Map(First + (i << 12), 0x60_0000 + (i << 12), M.P | M.W);
        m.OnAccess = () => _marks.Add(m.Vcpu.Mmu.Counters);
        Assert.Equal("ok", m.Run(a =>
        {
            Iced.Intel.Label loop = a.CreateLabel();
            a.@out(0x80, al);
            a.mov(ebx, (uint)First);
            a.mov(ecx, 128);
            a.Label(ref loop);
            a.mov(__byte_ptr[rbx], cl);
            a.add(ebx, 0x1000);
            a.dec(ecx);
            a.jnz(loop);
            a.@out(0x80, al);
        }));
        Assert.Equal(1UL, _marks[1].Faults - _marks[0].Faults);
        Assert.Equal(1UL, _marks[1].Fills - _marks[0].Fills);
        Assert.Equal(128UL, _marks[1].Walks - _marks[0].Walks);
    }

    [Fact]
    public void LookingChangesNothing()
    {
        using M m = Machine(M.MemorySize);
        m.Map(First, 0x80_0000, M.P);
        Assert.Equal("ok", m.Run(a => a.nop()));
        MmuCounters before = m.Vcpu.Mmu.Counters;
        ulong entry = m.Read(m.Entry(First), 8);
        IReadOnlyList<TwoDimensionalReference> walk = m.Vcpu.Mmu.InspectTwoDimensional(First);
        Assert.False(walk[^1].Present);
        Assert.Equal(0, walk[^1].GuestLevel);
        Assert.Empty(m.Vcpu.Mmu.InspectShadow(First));
        Assert.Equal(before, m.Vcpu.Mmu.Counters);
        Assert.Equal(entry, m.Read(m.Entry(First), 8));
    }

    private static M Machine(ulong slotBytes)
    {
        M m = new(PagingMode.FourLevel, mmu: MmuMode.TwoDimensional, slotBytes: slotBytes);
        m.Store(Frame1, 1, 4);
        m.Store(Frame2, 2, 4);
        for (ulong page = M.Tables; page < M.Tables + 0x20000; page += 0x1000) m.Map(page, page, M.P | M.W);
        return m;
    }
}
