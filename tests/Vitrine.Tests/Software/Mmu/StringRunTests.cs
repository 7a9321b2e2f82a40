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
}
