using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.Run;
using Vitrine.Tests.X86.VmEntry;
using Vitrine.X86;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Entry;

/// <summary>The software CPU refuses what a processor refuses at VM entry, and enters what it enters.</summary>
public sealed class EntryFailureTests
{
    // States that SDM vol. 3, 26.3.1 refuses even with unrestricted guest, and the check by our name.
    public static TheoryData<string, Action<ProcessorState>> Refused => new()
    {
        { "guest.cr0.fixed", state => state.Cr0 |= 1UL << 32 },
        { "guest.cr0.paging", state => state.Cr0 &= ~Cr0.PE },
        { "guest.cr4.fixed", state => state.Cr4 |= Cr4.LA57 },
        { "guest.ia32e.paging", state => state.Cr0 &= ~Cr0.PG },
        { "guest.ia32e.pae", state => state.Cr4 &= ~Cr4.PAE },
        { "guest.cr3", state => state.Cr3 |= 1UL << 46 },
        { "guest.dr7", state => state.Dr7 |= 1UL << 40 },
        { "guest.efer.reserved", state => state.Efer |= 2 },
        { "guest.efer.lme", state => state.Efer &= ~Efer.LME },
        { "guest.cs.long", state => state.Segments[Seg.Cs].Access |= 0x4000 },
        { "guest.cs.dpl", state => state.Segments[Seg.Cs].Access |= 0x60 },
        { "guest.cs.type", state => state.Segments[Seg.Cs].Access = 0xA091 },
        { "guest.cs.present", state => state.Segments[Seg.Cs].Access &= ~0x80u },
        { "guest.tr.type", state => state.Segments[Seg.Tr].Access = 0x89 },
        { "guest.tr.type", state => state.Segments[Seg.Tr] = default },
        { "guest.fs.base", state => state.Segments[Seg.Fs].Base = 1UL << 47 },
        { "guest.rip", state => state.Rip = 1UL << 48 },
        { "guest.rflags.reserved", state => state.Rflags = 0 },
        { "guest.rflags.vm", state => state.Rflags |= Rflags.VM },
        { "guest.rflags.if", state => state.Events = new PendingEvents { InterruptInjected = true, InterruptVector = 0x20 } },
        { "control.event.deliver-error-code", state => state.Events = new PendingEvents { ExceptionInjected = true, ExceptionVector = 13 } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void AStateThatNoProcessorEntersIsRefused(string rule, Action<ProcessorState> damage)
    {
        using Machine machine = new();
        ProcessorState state = EntryStates.Long();
        damage(state);
        machine.Cpu.PutState(state, PutLevel.Runtime);
        for (int i = 0; i < 2; i++)
        {
            ref VmExit exit = ref machine.Cpu.Run();
            Assert.Equal(VmExitReason.FailEntry, exit.Reason);
            Assert.Equal(0x8000_0021UL, exit.Detail);
            // With VM set every segment is wrong for virtual-8086 mode; those come first.
            Assert.Equal(rule == "guest.rflags.vm" ? "guest.es.base.vm86" : rule, machine.Cpu.Inspection.EntryFailure!.Rule.Id);
        }

        Assert.Equal(0UL, machine.Cpu.Inspection.InstructionsExecuted);
    }

    [Fact]
    public void AGoodStatePutAfterwardsRuns()
    {
        using Machine machine = new();
        ProcessorState state = EntryStates.Real();
        state.Rflags = 0;
        machine.Cpu.PutState(state, PutLevel.Runtime);
        Assert.Equal(VmExitReason.FailEntry, machine.Cpu.Run().Reason);
        state.Rflags = Rflags.Fixed;
        machine.Cpu.PutState(state, PutLevel.Runtime);
        Assert.Null(machine.Cpu.Inspection.EntryFailure);
        Assert.Equal(VmExitReason.HaltForever, machine.Cpu.Run().Reason);
    }

    [Fact]
    public void ResetAndEveryModeEnter()
    {
        using Machine machine = new();
        foreach (ProcessorState state in (ProcessorState[])
        [
            ResetState.Create(0, 0x663), EntryStates.Real(), EntryStates.Protected(), EntryStates.Pae(), EntryStates.Virtual8086(), EntryStates.Long(), EntryStates.User(),
        ])
        {
            machine.Cpu.PutState(state, PutLevel.Full);
            Assert.Null(machine.Cpu.Inspection.EntryFailure);
        }
    }

    [Fact]
    public void TheReportNamesTheCheck()
    {
        using Machine machine = new();
        ProcessorState state = EntryStates.Protected();
        state.Segments[Seg.Tr].Access = 0x89;
        Vcpu vcpu = new(machine.Cpu, state);
        ref VmExit exit = ref vcpu.Run();
        VmEnd end = EndDescription.Describe(ExitHandler.Handle(ref exit, null!), ref exit, vcpu, machine.Memory, "soft");
        Assert.Equal(VmEndReason.FailEntry, end.Reason);
        Assert.Equal(0x8000_0021u, end.Value);
        foreach (string part in (string[])["0x80000021", "guest.tr.type", "SDM vol. 3, 26.3.1.2", "Guest TR access rights = 0x89", "Usual cause: "])
            Assert.Contains(part, end.Report, StringComparison.Ordinal);
    }

    // KVM doesn't say which check it was; the registers do.
    [Theory]
    [InlineData(0x8000_0021u, "probably this check. Check guest.cs.long")]
    [InlineData(0x7u, "dump_invalid_vmcs=1")]
    public void TheReportOfAProcessorThatDoesNotSayLooksAtTheRegisters(uint reason, string expected)
    {
        ProcessorState state = EntryStates.Long();
        state.Segments[Seg.Cs].Access |= 0x4000;
        Assert.Contains(expected, EntryAdvice.Explain(reason, null, state), StringComparison.Ordinal);
    }

    private sealed class Machine : IDisposable
    {
        private readonly SoftwareAccelerator _accelerator = SoftwareAccelerator.Create();

        public Machine()
        {
            MemorySlot ram = Memory.Add("ram", new Gpa(0), 1 << 20);
            _accelerator.SetMemorySlot(ram);
            Assert.True(Memory.TryWrite(new Gpa(0x1_0000), (ReadOnlySpan<byte>)[0xFA, 0xF4])); // CLI, HLT
            Cpu = _accelerator.CreateVcpu(0);
        }

        public GuestMemory Memory { get; } = new();

        public IVirtualCpu Cpu { get; }

        public void Dispose()
        {
            Cpu.Dispose();
            _accelerator.Dispose();
            Memory.Dispose();
        }
    }
}
