using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Tests.Software.Processors;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>The code cache follows the load: more code than it begins with, than its bound, than is wanted later.</summary>
public sealed unsafe class CodeGrowthTests
{
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Frame = 0x30_0000;
    private const int Pages = 400;
    private const int CallsInPage = 40;

    // Each page's number, once for each call.
    private const ulong Sum = (ulong)CallsInPage * Pages * (Pages - 1) / 2;

    [Fact]
    public void MoreCodeThanItBeginsWithIsTranslatedOnce()
    {
        using M once = Machine();
        RunAll(once, rounds: 1);
        using M m = Machine();
        TranslationCache cache = m.Vcpu.TranslatorEngine!.Translations;
        (nuint committed, int branches) = (cache.Committed, cache.Branches);
        RunAll(m, rounds: 3);
        Assert.True(cache.Committed > committed && cache.Branches > branches, "the guest has too little code for this test");
        Assert.Equal(0UL, cache.TimesFull);

        // In the rounds behind the first nothing is new but the loop itself.
        Assert.InRange(cache.Translated, once.Vcpu.TranslatorEngine!.Translations.Translated, once.Vcpu.TranslatorEngine!.Translations.Translated + 10);
    }

    [Fact]
    public void BeyondTheBoundEverythingIsDroppedAndCounted()
    {
        using M m = Machine(translationBytes: 1 << 20);
        TranslationCache cache = m.Vcpu.TranslatorEngine!.Translations;
        RunAll(m, rounds: 3);
        Assert.True(cache.TimesFull > 2, "the cache was never full");
        Assert.InRange(cache.DroppedWhenFull, cache.TimesFull, cache.Translated);
        Assert.Equal((nuint)1 << 20, cache.Reserved);
        Assert.InRange(cache.Committed, cache.Used, cache.Reserved);
        Assert.Equal(cache.TimesFull, m.Vcpu.Statistics.Translation!.TimesFull);
    }

    [Fact]
    public void AnIdleGuestsMemoryGoesBackToTheHost()
    {
        using M m = Machine();
        TranslationCache cache = m.Vcpu.TranslatorEngine!.Translations;
        RunAll(m, rounds: 1);
        (nuint committed, ulong resident) = (cache.Committed, Resident(cache.Start + cache.ToExecutable));
        Assert.True(committed > 4 << 20, "the guest has too little code for this test");
        m.Vcpu.Code.Release();
        Assert.Equal(1UL, cache.TimesReleased);
        Assert.True(cache.Committed < committed / 2 && cache.Branches == StateMemory.FewestBranches);
        Assert.InRange(Resident(cache.Start + cache.ToExecutable), 0UL, Math.Min((ulong)cache.Committed, resident / 2));

        // It runs as before, and takes memory again.
        RunAll(m, rounds: 2);
        Assert.InRange(cache.Committed, committed / 2, cache.Reserved);
    }

    /// <summary>A guest with little code that writes it anew all the time takes no more memory than what that code needs, give or take.</summary>
    [Fact]
    public void CodeThatIsWrittenAgainAndAgainDoesNotFillTheBound()
    {
        const int Rounds = 24;

        // The displacement of a store to below the stack, in each page: 8 bytes lower or back.
        const int Displacement = 210;
        using M m = Machine(translationBytes: 256 << 20);
        (m[Gpr.Rax], m[Gpr.Rbx], m[Gpr.Rbp]) = (0, Elsewhere, Rounds);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label page = a.CreateLabel();
            a.Label(ref loop);
            a.call(rbx);
            a.mov(edi, (uint)Elsewhere + Displacement);
            a.mov(ecx, Pages);
            a.Label(ref page);
            a.xor(__byte_ptr[rdi], 8);
            a.add(edi, 0x1000);
            a.dec(ecx);
            a.jnz(page);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal(Rounds * Sum, m[Gpr.Rax]);
        TranslationCache cache = m.Vcpu.TranslatorEngine!.Translations;
        Assert.True(cache.HostBytes > 80 << 20, "the guest has too little code for this test");
        Assert.InRange(cache.Committed, (nuint)1 << 20, (nuint)48 << 20);

        // Each time at least 16 MiB were of dropped blocks.
        Assert.InRange(cache.TimesFull, 2UL, cache.HostBytes / (16 << 20));
    }

    [Theory]
    [InlineData(64 << 10)]
    [InlineData(1 << 30)]
    public void EachOfSeveralProcessorsHasACacheOfItsOwn(int bytes)
    {
        const ulong Start = 0x31_0000;
        const int Routines = 100;
        using SmpMachine m = new(SoftwareEngine.Translator, 2, translationBytes: (nuint)bytes);
        for (ulong i = 0; i < Routines; i++)
        {
            ulong at = Start + (i << 12);
            m.Place(at, a =>
            {
                for (int j = 0; j < 20; j++)
                {
                    Label next = a.CreateLabel();
                    a.add(rax, (int)i);
                    a.jmp(next);
                    a.Label(ref next);
                }

                a.ret();
            });
        }

        m.Place(SmpMachine.Code, a =>
        {
            Label round = a.CreateLabel();
            a.xor(eax, eax);
            a.mov(ebp, 3);
            a.Label(ref round);
            for (ulong i = 0; i < Routines; i++)
            {
                a.mov(ebx, (uint)(Start + (i << 12)));
                a.call(rbx);
            }

            a.dec(ebp);
            a.jnz(round);
            a.hlt();
        });
        m.Run(SmpMachine.Code);
        foreach ((SoftwareVcpu vcpu, ProcessorState state) in m.Vcpus.Zip(m.States))
        {
            Assert.Equal(3UL * 20 * Routines * (Routines - 1) / 2, state.Gpr[Gpr.Rax]);
            Assert.Equal(bytes < 1 << 20, vcpu.TranslatorEngine!.Translations.TimesFull > 0);
        }
    }

    /// <summary>Instructions that the interpreter executes fill its memory again and again, and no translation is lost by it.</summary>
    [Fact]
    public void TheInterpretersBlocksGoAlone()
    {
        using M m = new(engine: SoftwareEngine.Translator, arenaBytes: 16 << 10);
        m.Run(a => a.nop());
        ulong flushes = m.Vcpu.TranslatorEngine!.Translations.Flushes;
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.xor(eax, eax);
            a.mov(ecx, 20);
            a.Label(ref loop);
            for (int i = 0; i < 200; i++)
            {
                a.sldt(dx);
                a.add(eax, i);
            }

            a.dec(ecx);
            a.jnz(loop);
        }));
        Assert.Equal(20UL * (199 * 200 / 2), m[Gpr.Rax]);
        Assert.True(m.Vcpu.Blocks.DecodedFlushes > 10, "the interpreter's memory was never full");

        // One is for the state that the second run began with.
        Assert.InRange(m.Vcpu.TranslatorEngine!.Translations.Flushes, flushes, flushes + 1);
    }

    private static M Machine(nuint translationBytes = 0)
    {
        M m = new(engine: SoftwareEngine.Translator, mmu: MmuMode.TwoDimensional, translationBytes: translationBytes);
        for (ulong page = 0; page < Pages; page++)
        {
            m.Map(Elsewhere + (page << 12), Frame + (page << 12), M.P | M.W);
            m.Place(Frame + (page << 12), a =>
            {
                Label[] targets = new Label[CallsInPage];
                for (int i = 0; i < CallsInPage; i++) a.call(targets[i] = a.CreateLabel());
                if (page + 1 < Pages) a.jmp(Elsewhere + ((page + 1) << 12));
                a.ret();
                foreach (Label target in targets)
                {
                    Label label = target;
                    a.Label(ref label);
                    for (int i = 0; i < 8; i++) a.mov(__qword_ptr[rsp - 8 - (8 * i)], rax);
                    a.add(eax, (int)page);
                    a.ret();
                }
            }, rip: Elsewhere + (page << 12));
        }

        return m;
    }

    private static void RunAll(M m, int rounds)
    {
        m[Gpr.Rax] = 0;
        m[Gpr.Rbx] = Elsewhere;
        m[Gpr.Rbp] = (ulong)rounds;
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.call(rbx);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal((ulong)rounds * Sum, m[Gpr.Rax]);
    }

    /// <summary>Bytes of a mapping that are in memory, as /proc/self/smaps shows them.</summary>
    private static ulong Resident(byte* start)
    {
        string address = $"{(ulong)start:x}-";
        return File.ReadLines("/proc/self/smaps")
            .SkipWhile(line => !line.StartsWith(address, StringComparison.Ordinal))
            .Where(static line => line.StartsWith("Rss:", StringComparison.Ordinal))
            .Select(static line => ulong.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) << 10)
            .First();
    }
}
