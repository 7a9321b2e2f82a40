using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>MOVS and STOS element by element as SDM vol. 2 has them, at the places where a page ends, is absent or read-only, and in both directions.</summary>
public abstract class StringTests(SoftwareEngine engine)
{
    private const ulong First = 0x30_0000;
    private const ulong Second = First + 0x1000;
    private const ulong Pages = 4;
    private const ulong Absent = 0x50_0000;
    private const int Rounds = 20;
    private const ulong Pattern = 0x8877_6655_4433_2211;

    public sealed class Interpreted() : StringTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : StringTests(SoftwareEngine.Translator);

    public static TheoryData<int, int, int, int, bool> Moves => new()
    {
        // From and to, as distances from the first page; how many; their size; backwards.
        { 0x100, 0x800, 64, 1, false },
        { 0x100, 0x103, 61, 1, false },
        { 0x103, 0x100, 61, 1, false },
        { 0x100, 0x104, 9, 8, false },
        { 0x100, 0x800, 3, 2, false },
        { 0x100, 0x800, 3, 4, false },
        { 0xFF8, 0x1100, 1, 8, false },
        { 0xFFC, 0x1100, 1, 8, false },
        { 0x1100, 0xFFC, 2, 8, false },
        { 0xFF0, 0x1800, 33, 1, false },
        { 0x1800, 0xFF0, 33, 1, false },
        { 0x0000, 0x1000, 512, 8, false },
        { 0x0008, 0x1000, 512, 8, false },
        { 0x0000, 0x1800, 6000, 1, false },
        { 0x0000, 0x1001, 513, 8, false },
        { 0x140, 0x160, 64, 1, true },
        { 0x1004, 0x200, 3, 4, true },

        // Backwards over pages and their ends, and onto themselves: above, where it is a copy, and below, where it is a pattern.
        { 0x2FF8, 0x1800, 700, 8, true },
        { 0x2FFB, 0x1803, 700, 8, true },
        { 0x1FFC, 0x3FF8, 900, 8, true },
        { 0x2F00, 0x2F08, 1200, 8, true },
        { 0x2F08, 0x2F00, 1200, 8, true },
        { 0x2345, 0x2344, 5000, 1, true },
        { 0x2344, 0x2347, 5000, 1, true },
        { 0x1002, 0x2FFE, 2050, 2, true },
    };

    [Theory]
    [MemberData(nameof(Moves))]
    public void RepeatedMoves(int from, int to, int count, int size, bool backwards)
    {
        using M m = Machine();
        byte[] expected = Fill(m);
        for (int round = 0; round < Rounds; round++)
        {
            int step = backwards ? -size : size;
            for (int i = 0; i < count; i++) expected.AsSpan(from + (i * step), size).CopyTo(expected.AsSpan(to + (i * step), size));
        }

        Assert.Equal("ok", Run(m, a => Emit(a.rep, moves: true, size), (ulong)from + First, (ulong)to + First, (ulong)count, backwards));
        long moved = (backwards ? -size : size) * (long)count;
        Assert.Equal((First + (ulong)(from + moved), First + (ulong)(to + moved), 0UL), (m[Gpr.Rsi], m[Gpr.Rdi], m[Gpr.Rcx]));
        Assert.Equal(expected, Read(m));
    }

    [Theory]
    [MemberData(nameof(Moves))]
    public void RepeatedStores(int from, int to, int count, int size, bool backwards)
    {
        _ = from;
        using M m = Machine();
        byte[] expected = Fill(m);
        byte[] element = BitConverter.GetBytes(Pattern)[..size];
        for (int i = 0; i < count; i++) element.CopyTo(expected, to + (i * (backwards ? -size : size)));
        Assert.Equal("ok", Run(m, a => Emit(a.rep, moves: false, size), Absent, (ulong)to + First, (ulong)count, backwards));
        Assert.Equal((Absent, First + (ulong)(to + ((backwards ? -size : size) * (long)count)), 0UL), (m[Gpr.Rsi], m[Gpr.Rdi], m[Gpr.Rcx]));
        Assert.Equal(expected, Read(m));
    }

    [Theory]
    [InlineData(0x100, 0x200, 1, false)]
    [InlineData(0xFFF, 0x200, 2, false)]
    [InlineData(0x200, 0xFFE, 4, false)]
    [InlineData(0x200, 0xFF8, 8, true)]
    public void SingleOnes(int from, int to, int size, bool backwards)
    {
        using M m = Machine();
        byte[] expected = Fill(m);
        expected.AsSpan(from, size).CopyTo(expected.AsSpan(to));
        Assert.Equal("ok", Run(m, a => Emit(a, moves: true, size), First + (ulong)from, First + (ulong)to, 7, backwards));
        ulong step = (ulong)(long)(backwards ? -size : size);
        Assert.Equal((First + (ulong)from + step, First + (ulong)to + step, 7UL), (m[Gpr.Rsi], m[Gpr.Rdi], m[Gpr.Rcx]));
        Assert.Equal(expected, Read(m));
    }

    [Fact]
    public void NoElementTouchesNoMemory()
    {
        using M m = Machine();
        Assert.Equal("ok", Run(m, a => Emit(a.rep, moves: true, 8), Absent, Absent + 0x1000, 0, backwards: false));
        Assert.Equal((Absent, Absent + 0x1000), (m[Gpr.Rsi], m[Gpr.Rdi]));
    }

    [Fact]
    public void AFaultComesBehindTheElementsBeforeIt()
    {
        using M m = Machine();
        m.Map(Second, 0, 0);
        Assert.Equal("#14(2)", Run(m, a => Emit(a.rep, moves: false, 8), Absent, Second - 16, 5, backwards: false));
        Assert.Equal((Second, Second, 3UL), (m.State.Cr2, m[Gpr.Rdi], m[Gpr.Rcx]));
        Assert.Equal((Pattern, Pattern), (m.Read(Second - 16, 8), m.Read(Second - 8, 8)));
    }

    [Fact]
    public void AReadOnlyPageTakesNothing()
    {
        using M m = Machine();
        byte[] expected = Fill(m);
        m.Map(First, First, M.P | M.A);
        Assert.Equal("#14(3)", Run(m, a => Emit(a.rep, moves: true, 1), Second, First + 0x10, 5, backwards: false));
        Assert.Equal((First + 0x10, First + 0x10, Second, 5UL), (m.State.Cr2, m[Gpr.Rdi], m[Gpr.Rsi], m[Gpr.Rcx]));
        Assert.Equal(expected, Read(m));
    }

    [Fact]
    public void FlagsStayAsTheyAre()
    {
        using M m = Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(rsi, First);
            a.mov(rdi, First + 0x100);
            a.mov(ecx, 9);
            a.mov(eax, int.MaxValue);
            a.add(eax, 1);
            a.rep.movsb();
            a.seto(bl);
            a.sets(bh);
            a.setc(dl);
        }));
        Assert.Equal((0x101UL, 0UL), (m[Gpr.Rbx] & 0xFFFF, m[Gpr.Rdx] & 0xFF));
    }

    private static void Emit(Assembler a, bool moves, int size)
    {
        switch (size)
        {
            case 1 when moves: a.movsb(); break;
            case 2 when moves: a.movsw(); break;
            case 4 when moves: a.movsd(); break;
            case 8 when moves: a.movsq(); break;
            case 1: a.stosb(); break;
            case 2: a.stosw(); break;
            case 4: a.stosd(); break;
            default: a.stosq(); break;
        }
    }

    private static RunResult Run(M m, Action<Assembler> emit, ulong from, ulong to, ulong count, bool backwards) => m.Run(a =>
    {
        Label loop = a.CreateLabel();
        a.mov(r14d, Rounds);
        if (backwards) a.std();
        a.Label(ref loop);
        a.mov(rax, Pattern);
        a.mov(rsi, from);
        a.mov(rdi, to);
        a.mov(rcx, count);
        emit(a);
        a.dec(r14d);
        a.jnz(loop);
        a.cld();
    });

    private static byte[] Fill(M m)
    {
        byte[] bytes = new byte[Pages * 0x1000];
        new Random(5).NextBytes(bytes);
        m.Write(First, bytes);
        return bytes;
    }

    private static byte[] Read(M m)
    {
        byte[] bytes = new byte[Pages * 0x1000];
        Assert.True(m.Memory.TryRead(new Gpa(First), bytes));
        return bytes;
    }

    private M Machine()
    {
        M m = new(engine: engine);
        for (ulong page = 0; page < Pages; page++) m.Map(First + (page * 0x1000), First + (page * 0x1000), M.P | M.W | M.A | M.D);
        m.Map(Absent, 0, 0);
        m.State.Cr0 |= Cr0.WP;
        return m;
    }
}
