using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Stepping;

/// <summary>A run to an address, at full speed: it ends before the instruction there, the first time that it is about to be executed, with the state that steps lead to.</summary>
public sealed class RunUntilTests
{
    private const uint Entry = 0x10_0000;

    public static TheoryData<SoftwareEngine> Engines => [SoftwareEngine.Interpreter, SoftwareEngine.Translator];

    /// <summary>Far away: a loop of four instructions, 25 million times.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AHundredMillionInstructionsOn(SoftwareEngine engine)
    {
        const uint Times = 25_000_000;
        (byte[] code, ulong[] places) = Assemble(64, a =>
        {
            a.mov(ecx, Times);
            Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.add(rax, 3);
            a.xor(rbx, rax);
            a.dec(ecx);
            a.jne(loop);
            a.mov(edx, 1);
            a.hlt();
        });
        using VirtualMachine machine = Create(code, FlatMode.Long, engine, counts: true);
        StepReport report = machine.RunUntil(places[5], TimeSpan.FromMinutes(2));
        Assert.Equal((StepOutcome.Reached, 1 + (4UL * Times)), (report.Outcome, report.Steps));
        ProcessorState state = machine.ReadState(0);
        Assert.Equal((places[5], 3UL * Times, 0UL, 0UL), (state.Rip, state.Gpr[Gpr.Rax], state.Gpr[Gpr.Rcx], state.Gpr[Gpr.Rdx] & 1));
        Assert.Equal(1UL, StepOnce(machine).Gpr[Gpr.Rdx]);
    }

    /// <summary>
    /// Each place of a routine with flags that are overwritten, calls, a repeated move and writes to memory, three times each: all registers and flags are those that steps lead to. The
    /// routine has run before, so that the places lie in the middle of code that is translated already.
    /// </summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void EachPlaceIsReachedInTheStateOfSteps(SoftwareEngine engine)
    {
        foreach ((FlatMode mode, int bits) in ((FlatMode, int)[])[(FlatMode.Real, 16), (FlatMode.Protected, 32), (FlatMode.Long, 64)])
        {
            uint entry = mode == FlatMode.Real ? 0x1000 : Entry;
            (byte[] code, ulong[] places) = Assemble(bits, Routine, entry);
            Assert.True(places.Length > 20);
            using VirtualMachine fast = Create(code, mode, engine, entry: entry);
            using VirtualMachine slow = Create(code, mode, engine, entry: entry);
            foreach (ulong place in places[1..^1])
            {
                for (int i = 0; i < 3; i++)
                {
                    Assert.Equal(StepOutcome.Reached, fast.RunUntil(place, TimeSpan.FromMinutes(1)).Outcome);
                    Assert.Equal(StepOutcome.Reached, slow.StepUntil(place, timeout: TimeSpan.FromMinutes(1)).Outcome);
                    ProcessorState wanted = slow.ReadState(0);
                    Assert.Equal(place, wanted.Rip);
                    Assert.Empty(StateDifference.Between(wanted, fast.ReadState(0)).Where(change => !change.IsClock).Select(change => $"{mode} 0x{place:x} {i}: {change}"));
                }
            }
        }
    }

    /// <summary>An instruction that needs a device, one that lies in two pages, and one behind STI: stopped before, and executed once.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void PlacesOfAnotherKind(SoftwareEngine engine)
    {
        (byte[] code, ulong[] places) = Assemble(64, a =>
        {
            a.mov(al, 0x41);
            a.mov(dx, 0x3F8);
            a.sti();
            a.@out(dx, al);
            a.inc(rbx);
            a.hlt();
        });
        using VirtualMachine machine = Create(code, FlatMode.Long, engine);
        Assert.Equal(StepOutcome.Reached, machine.RunUntil(places[3], TimeSpan.FromMinutes(1)).Outcome);
        Assert.Equal(places[3], machine.ReadState(0).Rip);
        StepReport step = machine.Step(timeout: TimeSpan.FromMinutes(1));
        Assert.Equal("out 1 byte to port 0x3f8: 0x41", Assert.Single(step.Exits).Description);
        Assert.Equal(places[4], machine.ReadState(0).Rip);

        // mov rax, 0x12345678; hlt: from four bytes before a page's end on.
        byte[] crossing = new byte[0x1010];
        Array.Fill(crossing, (byte)0x90);
        ((ReadOnlySpan<byte>)[0x48, 0xC7, 0xC0, 0x78, 0x56, 0x34, 0x12, 0xF4]).CopyTo(crossing.AsSpan(0xFFC));
        using VirtualMachine second = Create(crossing, FlatMode.Long, engine);
        Assert.Equal(StepOutcome.Reached, second.RunUntil(Entry + 0xFFC, TimeSpan.FromMinutes(1)).Outcome);
        Assert.Equal((Entry + 0xFFCUL, 0UL), (second.ReadState(0).Rip, second.ReadState(0).Gpr[Gpr.Rax]));
        Assert.Equal(0x12345678UL, StepOnce(second).Gpr[Gpr.Rax]);
    }

    /// <summary>Paging turned on with tables that map nothing: the stop comes before the fault of the fetch, and CR2 is what it was.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AnAddressThatCannotBeFetched(SoftwareEngine engine)
    {
        (byte[] code, ulong[] places) = Assemble(32, a =>
        {
            a.mov(eax, 0x20_0000);
            a.mov(cr3, eax);
            a.mov(eax, cr0);
            a.or(eax, unchecked((int)0x8000_0000));
            a.mov(cr0, eax);
            a.hlt();
        });
        using VirtualMachine machine = Create(code, FlatMode.Protected, engine);
        Assert.Equal(StepOutcome.Reached, machine.RunUntil(places[5], TimeSpan.FromMinutes(1)).Outcome);
        Assert.Equal((places[5], 0UL), (machine.ReadState(0).Rip, machine.ReadState(0).Cr2));
        Assert.Equal(VmEndReason.TripleFault, machine.Step(timeout: TimeSpan.FromMinutes(1)).End?.Reason);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void AnotherVcpuStandsStill(SoftwareEngine engine)
    {
        (byte[] code, ulong[] places) = Assemble(64, Routine);
        using VirtualMachine machine = Create(code, FlatMode.Long, engine, cpus: 2);
        Assert.Equal(StepOutcome.Reached, machine.RunUntil(places[^2], TimeSpan.FromMinutes(1)).Outcome);
        Assert.Equal(places[^2], machine.ReadState(0).Rip);
        Assert.Equal(MpState.Uninitialized, machine.ReadState(1).MpState);
    }

    /// <summary>An address that is never reached, and whose offset other pages' code has, ends at the time that was given; the machine goes on from there.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AnAddressThatIsNeverReachedEndsWithTheTime(SoftwareEngine engine)
    {
        (byte[] code, ulong[] places) = Assemble(64, Routine);
        using VirtualMachine machine = Create(code, FlatMode.Long, engine);
        StepReport report = machine.RunUntil(places[4] + 0x1000, TimeSpan.FromMilliseconds(200));
        Assert.Equal(StepOutcome.TimedOut, report.Outcome);
        Assert.Equal(StepOutcome.Reached, machine.RunUntil(places[4], TimeSpan.FromMinutes(1)).Outcome);
        Assert.Equal(places[4], machine.ReadState(0).Rip);
    }

    // Without an end, with RBP as a count of its rounds, and without an instruction that leaves a flag undefined: engines differ in those.
    private static void Routine(Assembler a)
    {
        Label loop = a.CreateLabel();
        Label function = a.CreateLabel();
        Label skip = a.CreateLabel();
        a.mov(sp, 0x8000);
        a.Label(ref loop);
        a.add(eax, 0x1234567);
        a.mov(edx, eax);
        a.xor(ebx, edx);
        a.sub(ebx, 5);
        a.cmp(ebx, eax);
        a.adc(esi, 3);
        a.test(esi, 8);
        a.je(skip);
        a.sbb(ebx, 7);
        a.Label(ref skip);
        a.mov(di, 0x6000);
        a.mov(cx, 5);
        a.inc(ebx);
        a.call(function);
        a.add(ebx, ebx);
        a.inc(ebp);
        a.jmp(loop);
        a.Label(ref function);
        a.neg(edx);
        a.rol(eax, 1);
        a.nop();
        a.dec(esi);
        a.ret();
        a.hlt();
    }

    private static (byte[] Code, ulong[] Places) Assemble(int bits, Action<Assembler> write, uint entry = Entry)
    {
        Assembler assembler = new(bits);
        write(assembler);
        using MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), entry);
        byte[] bytes = code.ToArray();
        Decoder decoder = Decoder.Create(bits, new ByteArrayCodeReader(bytes), entry);
        List<ulong> places = [];
        while (decoder.IP < entry + (ulong)bytes.Length) places.Add(decoder.Decode().IP);
        return (bytes, [.. places]);
    }

    private static ProcessorState StepOnce(VirtualMachine machine)
    {
        machine.Step(timeout: TimeSpan.FromMinutes(1));
        return machine.ReadState(0);
    }

    private static VirtualMachine Create(byte[] code, FlatMode mode, SoftwareEngine engine, int cpus = 1, bool counts = false, uint entry = Entry) => VirtualMachine.Create(new MachineConfig
    {
        Boot = new BootSource.FlatBytes(code, new Gpa(entry), entry, mode),
        MemoryBytes = 16UL << 20,
        Cpus = cpus,
        Accelerator = AcceleratorChoice.Soft,
        Software = new SoftwareOptions { Engine = engine, Statistics = counts },
    });
}
