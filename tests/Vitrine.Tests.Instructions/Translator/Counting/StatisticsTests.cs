using System.Reflection;
using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Statistics;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Translator.Counting;

/// <summary>What --stats counts, held to guests whose numbers can be told by hand, and to the interpreter, which counts by itself.</summary>
public sealed class StatisticsTests
{
    private const int Rounds = 1000;

    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void BothEnginesCountTheSameInstructions(int bitness)
    {
        using FlatGuest translated = new(a => Work(a, bitness), bitness, Counted);
        using FlatGuest interpreted = new(a => Work(a, bitness), bitness, config => config with { Software = new SoftwareOptions { Engine = SoftwareEngine.Interpreter } });
        Assert.Equal((VmEndReason.DebugExit, VmEndReason.DebugExit), (translated.Run().Reason, interpreted.Run().Reason));
        CpuStatistics statistics = translated.Machine.GetStatistics()!;
        Assert.Equal(interpreted.Machine.InstructionsExecuted, statistics.InterpretedInstructions + statistics.Translation!.InstructionsRun);
        Assert.Equal(interpreted.Machine.InstructionsExecuted, translated.Machine.InstructionsExecuted);

        // A few run in the interpreter: the division of each round and the exit.
        Assert.InRange(statistics.InterpretedInstructions, (ulong)Rounds, (ulong)Rounds + 10);
    }

    [Fact]
    public void AccessesAndBranchesAreCountedByKind()
    {
        CpuStatistics statistics = Run(a =>
        {
            Label again = a.CreateLabel();
            Label function = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(edi, (uint)FlatGuest.Data);
            a.mov(ecx, Rounds);
            a.Label(ref again);
            a.mov(eax, __dword_ptr[rdi]);
            a.add(__dword_ptr[rdi + 8], eax);
            a.push(rax);
            a.mov(edx, __dword_ptr[rsp]);
            a.call(function);
            a.pop(rdx);
            a.dec(ecx);
            a.jne(again);
            a.jmp(end);
            a.Label(ref function);
            a.ret();
            a.Label(ref end);
            FlatGuest.Exit(a);
        });
        TranslationStatistics translation = statistics.Translation!;

        // Each round: a load and a read-modify-write by the TLB; push, [rsp], call, return, pop at the stack; the return by the table.
        Assert.Equal(2UL * Rounds, translation.TlbAccesses);
        Assert.Equal(5UL * Rounds, translation.StackAccesses);
        Assert.Equal((ulong)Rounds, translation.TableBranches);
        Assert.InRange(Exits(translation, "read"), 1u, 4u);
        Assert.InRange(Exits(translation, "lookup"), 1u, 4u);

        // The first access finds no page remembered.
        Assert.Equal(1u, translation.StackPageChanges);
    }

    [Fact]
    public void AStackThatChangesItsPageIsCounted()
    {
        CpuStatistics statistics = Run(a =>
        {
            Label again = a.CreateLabel();
            a.mov(ecx, Rounds);
            a.Label(ref again);
            a.mov(esp, (uint)FlatGuest.Data + 8);
            a.push(rax);
            a.push(rax);
            a.dec(ecx);
            a.jne(again);
            FlatGuest.Exit(a);
        });

        // The second push is in the page below, and the next round's first in the page above again; the very first finds no page remembered.
        Assert.Equal(2UL * Rounds, statistics.Translation!.StackPageChanges);
    }

    [Fact]
    public void WhatIsInterpretedIsToldWithItsCause()
    {
        CpuStatistics statistics = Run(a =>
        {
            Label self = a.CreateLabel();
            for (int i = 0; i < 3; i++) a.cpuid();

            // A 128-bit dividend whose quotient fits.
            a.mov(edx, 1);
            a.xor(eax, eax);
            a.mov(ecx, 4);
            a.idiv(rcx);
            a.mov(rax, __qword_ptr[(uint)FlatGuest.Data + 0xFFC]);
            a.mov(esi, 0xD000_0000u);
            a.mov(eax, __dword_ptr[rsi]);
            a.mov(eax, __dword_ptr[rsi]);
            a.Label(ref self);
            a.lea(rbx, __[self]);
            a.mov(ecx, __dword_ptr[rbx]);
            a.mov(__dword_ptr[rbx], ecx);
            FlatGuest.Exit(a);
        });
        IReadOnlyList<InterpretedCount> counts = statistics.Translation!.Interpreted;
        Assert.Contains(new InterpretedCount("cpuid", InterpretationCause.NotTranslated, 3), counts);
        Assert.Contains(new InterpretedCount("idiv", InterpretationCause.Operands, 1), counts);
        Assert.Contains(new InterpretedCount("mov", InterpretationCause.PageCrossing, 1), counts);
        Assert.Contains(new InterpretedCount("mov", InterpretationCause.Device, 2), counts);
        Assert.Contains(new InterpretedCount("mov", InterpretationCause.CodePage, 1), counts);
        Assert.Equal(8UL, counts.Aggregate(0UL, (sum, count) => sum + count.Count));
    }

    [Fact]
    public void WithoutStatisticsNothingIsCountedInTranslatedCode()
    {
        using FlatGuest plain = new(a => Work(a, 64));
        using FlatGuest counted = new(a => Work(a, 64), configure: Counted);
        Assert.DoesNotContain(HostCode(plain), line => line.Contains("Counters", StringComparison.Ordinal));
        Assert.Contains(HostCode(counted), line => line.Contains("Counters[Instructions]", StringComparison.Ordinal));
        plain.Run();
        counted.Run();
        CpuStatistics statistics = plain.Machine.GetStatistics()!;
        TranslationStatistics translation = statistics.Translation!;
        Assert.False(statistics.IsDetailed);
        Assert.Equal((0UL, 0UL, 0UL, TimeSpan.Zero), (translation.InstructionsRun, translation.TlbAccesses, translation.BlocksRun, translation.Time));

        // The counters' own bytes don't change what is told of the code.
        TranslationStatistics withCounters = counted.Machine.GetStatistics()!.Translation!;
        Assert.InRange(withCounters.CounterBytes, 1u, ulong.MaxValue);
        Assert.Equal(0u, translation.CounterBytes);
        Assert.InRange((double)withCounters.HostBytes / translation.HostBytes, 0.95, 1.05);

        // What costs nothing is there all the same.
        Assert.InRange(translation.Blocks, 3u, 100u);
        Assert.InRange(Exits(translation, "interpret"), (ulong)Rounds, (ulong)Rounds + 10);
        Assert.InRange(translation.HostBytes, translation.GuestBytes, ulong.MaxValue);
    }

    [Fact]
    public void TheInterpreterAloneHasNoTranslation()
    {
        using FlatGuest guest = new(a => Work(a, 64), configure: config => config with { Software = new SoftwareOptions { Engine = SoftwareEngine.Interpreter, Statistics = true } });
        guest.Run();
        CpuStatistics statistics = guest.Machine.GetStatistics()!;
        Assert.Null(statistics.Translation);
        Assert.Equal("interpreter", statistics.Engine);
        Assert.InRange(statistics.InterpretedInstructions, 10UL * Rounds, ulong.MaxValue);
        Assert.InRange(statistics.DecodedBlocks, 3u, 100u);
        Assert.InRange(statistics.MmuCounters.TlbMisses, 1u, 100u);
    }

    [Fact]
    public void SeveralVcpusAddUp()
    {
        using FlatGuest guest = new(a => Work(a, 64), configure: Counted);
        guest.Run();
        CpuStatistics one = guest.Machine.GetStatistics()!;
        CpuStatistics sum = CpuStatistics.Sum([one, one, one])!;
        Assert.Equal(3, sum.Vcpus);
        AssertTripled(one, sum, nameof(CpuStatistics.Vcpus));
        AssertTripled(one.Translation!, sum.Translation!);
        AssertTripled(one.MmuCounters, sum.MmuCounters);
        Assert.Equal(one.Translation!.Time * 3, sum.Translation!.Time);
        Assert.Equal(one.Translation.Exits.Select(exit => exit with { Count = 3 * exit.Count }), sum.Translation.Exits);
        Assert.Equal(one.Translation.Interpreted.Select(count => count with { Count = 3 * count.Count }), sum.Translation.Interpreted);
        Assert.Null(CpuStatistics.Sum([]));
    }

    [Fact]
    public void CountersOfAnMmuAddUpEach()
    {
        object one = default(MmuCounters);
        ulong value = 0;
        foreach (PropertyInfo property in typeof(MmuCounters).GetProperties()) property.SetValue(one, ++value);
        Assert.NotEqual(0u, value);
        AssertTripled(one, (MmuCounters)one + (MmuCounters)one + (MmuCounters)one);
    }

    // Every property that is a number: one that is forgotten in a sum shows.
    private static void AssertTripled(object one, object sum, params string[] except)
    {
        foreach (PropertyInfo property in one.GetType().GetProperties())
        {
            if (property.PropertyType != typeof(ulong) || except.Contains(property.Name)) continue;
            Assert.True(3 * (ulong)property.GetValue(one)! == (ulong)property.GetValue(sum)!, property.Name);
        }
    }

    private static MachineConfig Counted(MachineConfig config) => config with { Software = config.Software with { Statistics = true } };

    private static CpuStatistics Run(Action<Assembler> code)
    {
        using FlatGuest guest = new(code, configure: Counted);
        VmEnd end = guest.Run();
        Assert.True(end.Reason == VmEndReason.DebugExit, end.Report);
        return guest.Machine.GetStatistics()!;
    }

    private static ulong Exits(TranslationStatistics translation, string cause) => Assert.Single(translation.Exits, exit => exit.Cause == cause).Count;

    private static IEnumerable<string> HostCode(FlatGuest guest) => guest.Vcpu.ListBlock(FlatGuest.Entry).Parts.SelectMany(part => part.Host).Select(line => line.Text);

    private static void Work(Assembler a, int bitness)
    {
        AssemblerRegister64 wide = rdi;
        Label again = a.CreateLabel();
        Label function = a.CreateLabel();
        Label skip = a.CreateLabel();
        Label end = a.CreateLabel();
        a.mov(ecx, Rounds);
        a.mov(edi, (uint)FlatGuest.Data);
        a.Label(ref again);
        if (bitness == 64) a.add(__dword_ptr[wide], ecx);
        else a.add(__dword_ptr[edi], ecx);
        a.test(ecx, 1);
        a.je(skip);
        a.inc(ebx);
        a.lea(esi, bitness == 64 ? __[rbx + 5] : __[ebx + 5]);
        a.Label(ref skip);
        a.call(function);

        // A byte-sized division is the interpreter's.
        a.mov(eax, 100);
        a.mov(dl, 7);
        a.div(dl);
        a.dec(ecx);
        a.jne(again);
        a.jmp(end);
        a.Label(ref function);
        a.add(ebp, ebx);
        a.ret();
        a.Label(ref end);
        FlatGuest.Exit(a);
    }
}
