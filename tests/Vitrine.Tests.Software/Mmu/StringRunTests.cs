using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Repeated string operations where many elements could be moved at once: segments and registers end within the page too.</summary>
public sealed class StringRunTests
{
    private const ulong Base = 0x20_0010;
    private const ulong EvictingSource = 0x1_0000_0000;
    private const ulong EvictingDestination = EvictingSource + (2UL * GuestAccess.TlbEntries << 12);
    private const ulong EvictingSourceGpa = 0x20_0000;
    private const ulong EvictingDestinationGpa = 0x30_0000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARunEndsAtTheLimitOfTheSegment(bool move)
    {
        // 20 bytes to offset 0x100 of a segment that ends behind 0x10F.
        using M m = new(PagingMode.None);
        m.State.Segments[Seg.Es] = new(0x10, Base, 0x10F, 0x4093);
        Assert.Equal("#13(0)", m.Run(a =>
        {
            a.mov(edi, 0x100);
            a.mov(esi, (int)(Base + 0x1000));
            a.mov(ecx, 20);
            a.mov(al, 7);
            a.mov(__byte_ptr.es[edi], al);
            a.mov(ah, __byte_ptr[esi]);
            if (move) a.rep.movsb();
            else a.rep.stosb();
        }));
        Assert.Equal((0x110UL, 4UL), (m[Gpr.Rdi], m[Gpr.Rcx]));
        Assert.Equal(0UL, m.Read(Base + 0x110, 1));
    }

    [Fact]
    public void ARunEndsAtTheLimitOfItsSource()
    {
        using M m = new(PagingMode.None);
        m.State.Segments[Seg.Ds] = new(0x10, Base, 0x10F, 0x4093);
        Assert.Equal("#13(0)", m.Run(a =>
        {
            a.mov(esi, 0x100);
            a.mov(edi, (int)(Base + 0x1000));
            a.mov(ecx, 20);
            a.mov(ah, __byte_ptr[esi]);
            a.mov(__byte_ptr.es[edi], ah);
            a.rep.movsb();
        }));
        Assert.Equal((0x110UL, 4UL), (m[Gpr.Rsi], m[Gpr.Rcx]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARunEndsWhereTheIndexRegisterWraps(bool move)
    {
        using M m = new(PagingMode.None, bits: 16);
        m.State.Segments[Seg.Es] = new(0x10, Base, ushort.MaxValue, 0x0093);
        m.Store(Base + 0x1_0000, 0xEE, 4);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(di, 0xFFF0);
            a.mov(si, 0x3000);
            a.mov(cx, 20);
            a.mov(al, 7);
            a.mov(__byte_ptr.es[di], al);
            a.mov(ah, __byte_ptr[si]);
            if (move) a.rep.movsb();
            else a.rep.stosb();
        }));
        Assert.Equal(4UL, m[Gpr.Rdi] & 0xFFFF);
        Assert.Equal(move ? 0UL : 0x0707_0707, m.Read(Base, 4));
        Assert.Equal(move ? 0UL : 7, m.Read(Base + 0xFFFF, 1));
        Assert.Equal(0xEEUL, m.Read(Base + 0x1_0000, 4));
    }

    /// <summary>A copy whose source and destination are a multiple of the TLB's size apart: an entry that one page takes is always the other's.</summary>
    [Theory]
    [InlineData(SoftwareEngine.Interpreter, 0)]
    [InlineData(SoftwareEngine.Interpreter, 4)]
    [InlineData(SoftwareEngine.Translator, 0)]
    [InlineData(SoftwareEngine.Translator, 4)]
    public void PagesThatEvictEachOtherAreCopiedInRuns(SoftwareEngine engine, int offset)
    {
        using M m = new(engine: engine);
        MapEvicting(m, destinationPages: 3);
        for (ulong i = 0; i < 3 * 0x1000; i += 8) m.Store(EvictingSourceGpa + i, 0x0101_0101_0101_0101 * (i >> 3 & 0xFF) + i, 8);
        ulong before = m.Vcpu.Mmu.Counters.TlbMisses;
        Assert.Equal("ok", CopyEvicting(m, offset, 2 * 512));
        ulong misses = m.Vcpu.Mmu.Counters.TlbMisses - before;
        for (ulong i = 0; i < 2 * 0x1000; i += 8)
            Assert.Equal(m.Read(EvictingSourceGpa + (ulong)offset + i, 8), m.Read(EvictingDestinationGpa + i, 8));
        Assert.Equal((0UL, EvictingDestination + 0x2000), (m[Gpr.Rcx], m[Gpr.Rdi]));

        // Each page is looked up a few times, its elements are not.
        Assert.InRange(misses, 4u, 40u);
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void ACopyBetweenPagesThatEvictEachOtherFaultsWhereItMust(SoftwareEngine engine)
    {
        using M m = new(engine: engine);
        MapEvicting(m, destinationPages: 1);
        Assert.Equal("#14(2)", CopyEvicting(m, 0, 2 * 512));
        Assert.Equal((512UL, EvictingDestination + 0x1000, EvictingDestination + 0x1000), (m[Gpr.Rcx], m[Gpr.Rdi], m.State.Cr2));
    }

    private static void MapEvicting(M m, ulong destinationPages)
    {
        for (ulong page = 0; page < 3; page++) m.Map(EvictingSource + (page << 12), EvictingSourceGpa + (page << 12), M.P | M.W);
        for (ulong page = 0; page < destinationPages; page++) m.Map(EvictingDestination + (page << 12), EvictingDestinationGpa + (page << 12), M.P | M.W);
    }

    private static RunResult CopyEvicting(M m, int offset, int count) => m.Run(a =>
    {
        a.mov(rsi, EvictingSource + (ulong)offset);
        a.mov(rdi, EvictingDestination);
        a.mov(ecx, count);
        a.rep.movsq();
    });
}
