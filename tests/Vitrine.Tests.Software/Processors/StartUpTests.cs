using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Processors;

/// <summary>INIT and start-up IPIs (SDM vol. 3, 9.4 "Multiple-Processor (MP) Initialization", table 9-1), and halts that nobody ends.</summary>
public sealed class StartUpTests : IDisposable
{
    private const byte Page = 0x9A;
    private const uint Init = 0xC500;
    private const uint StartUp = 0x600;
    private const uint NonMaskable = 0x400;

    // mov al, 5Ah; out 80h, al; hlt; jmp to the hlt
    private static readonly byte[] s_code = [0xB0, 0x5A, 0xE6, 0x80, 0xF4, 0xEB, 0xFD];

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator = SoftwareAccelerator.Create(vcpus: 2);
    private readonly SoftwareVcpu _sender;
    private readonly SoftwareVcpu _other;
    private readonly uint _signature;

    public StartUpTests()
    {
        _accelerator.SetMemorySlot(_memory.Add("ram", new Gpa(0), 1 << 20));
        _sender = (SoftwareVcpu)_accelerator.CreateVcpu(0);
        _other = (SoftwareVcpu)_accelerator.CreateVcpu(1);
        CpuidEntry[] cpuid = CpuModels.X8664V2.Build(new CpuidEnvironment(), 1);
        _other.SetCpuid(cpuid);
        _signature = cpuid.First(static entry => entry.Function == 1).Eax;
        Assert.True(_memory.TryWrite(new Gpa(Page << 12), s_code));
    }

    public void Dispose()
    {
        _accelerator.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void AProcessorStartsAtThePageOfItsVector()
    {
        Assert.Equal(MpState.Uninitialized, Look().MpState);
        Send(Init);
        Send(StartUp | Page);
        ref VmExit exit = ref RunOther();
        Assert.Equal((VmExitReason.PortIo, 0x80, 0x5A), (exit.Reason, exit.Port, exit.Data[0]));
        ProcessorState state = Look();
        Assert.Equal(MpState.Runnable, state.MpState);
        Assert.Equal((Page << 8, (ulong)Page << 12, 0xFFFFu), (state.Segments[Seg.Cs].Selector, state.Segments[Seg.Cs].Base, state.Segments[Seg.Cs].Limit));
        Assert.Equal((2ul, Rflags.Fixed), (state.Rip, state.Rflags));
        Assert.Equal((0x5Aul, 0ul, 0ul, (ulong)_signature), (state.Gpr[Gpr.Rax], state.Gpr[Gpr.Rbx], state.Gpr[Gpr.Rcx], state.Gpr[Gpr.Rdx]));
        Assert.Equal((Cr0.CD | Cr0.NW | Cr0.ET, 0ul, 0ul, 0ul), (state.Cr0, state.Cr3, state.Cr4, state.Efer));
        Assert.Equal((0xFFFF0FF0ul, 0x400ul), (state.Dr6, state.Dr7));
        Assert.Equal((0ul, 0xFFFF), (state.Idtr.Base, state.Idtr.Limit));
    }

    /// <summary>Without INIT a start-up IPI is lost, also for an INIT that comes later.</summary>
    [Fact]
    public void AStartUpIpiNeedsAnInitBeforeIt()
    {
        Send(StartUp | Page);
        AssertWaits(MpState.Uninitialized);
        Send(StartUp | Page);
        Send(Init);
        AssertWaits(MpState.InitReceived);
        Send(StartUp | Page);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
    }

    /// <summary>Kernels send a second one, for processors that have missed the first.</summary>
    [Fact]
    public void ASecondStartUpIpiIsWithoutEffect()
    {
        Send(Init);
        Send(StartUp | Page);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        Send(StartUp | (Page + 1));
        _other.Kick();
        Assert.Equal(VmExitReason.Interrupted, RunOther().Reason);
        ProcessorState state = Look();
        Assert.Equal((Page << 8, 5ul), (state.Segments[Seg.Cs].Selector, state.Rip));
    }

    /// <summary>Of a running processor INIT keeps what table 9-1 says, and its local APIC's base, mode and id (11.4.7.3).</summary>
    [Fact]
    public void InitStopsAProcessorThatRuns()
    {
        Send(Init);
        Send(StartUp | Page);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        ProcessorState state = Look();
        state.Xcr0 = 3;
        state.Fpu.ControlWord = 0x27F;
        state.Fpu.Mxcsr = 0x1FA0;
        state.Msrs[Msr.IA32_LSTAR] = 0x1234_5678;
        state.ApicBase |= ResetState.ApicBaseX2ApicEnable;
        state.Gpr[Gpr.Rbx] = 1;
        state.Cr0 &= ~(Cr0.CD | Cr0.NW);
        _other.PutState(state, PutLevel.Full);
        ulong stamp = _other.Processor.ReadTsc();
        Send(Init);
        AssertWaits(MpState.InitReceived);
        state = Look();
        Assert.Equal((3ul, (ushort)0x27F, 0x1FA0u, 0x1234_5678ul), (state.Xcr0, state.Fpu.ControlWord, state.Fpu.Mxcsr, state.Msrs[Msr.IA32_LSTAR]));
        Assert.Equal((0ul, Cr0.ET, 0xFFF0ul), (state.Gpr[Gpr.Rbx], state.Cr0, state.Rip));
        Assert.Equal(ResetState.ApicDefaultBase | ResetState.ApicBaseEnable | ResetState.ApicBaseX2ApicEnable, state.ApicBase);
        Assert.Equal((1, 0xFF), (state.LocalApic[0x23], state.LocalApic[0xF0]));
        Assert.InRange(_other.Processor.ReadTsc(), stamp, stamp + 100_000_000_000);
    }

    [Fact]
    public void InterruptsDoNotReachAProcessorThatWaits()
    {
        Send(Init);
        Send(NonMaskable);
        Send(0x41);
        AssertWaits(MpState.InitReceived);
    }

    /// <summary>INIT ends the blocking of NMIs and forgets one that waits, but not a start-up IPI behind it.</summary>
    [Fact]
    public void InitForgetsNmis()
    {
        // The handler of the NMI is the routine again, which does not return.
        const int NonMaskableEntry = 4 * 2;
        Assert.True(_memory.TryWrite(new Gpa(NonMaskableEntry), [0, 0, 0, Page]));
        Send(Init);
        Send(StartUp | Page);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        Send(NonMaskable);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        Assert.True(Look().Events.NmiMasked);
        Send(NonMaskable);
        Assert.Equal(1, Look().Events.NmisPending);
        Send(Init);
        Send(StartUp | Page);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        ProcessorState state = Look();
        Assert.Equal((false, 0), (state.Events.NmiMasked, state.Events.NmisPending));
        Assert.Equal((Page << 8, 2ul), (state.Segments[Seg.Cs].Selector, state.Rip));
    }

    /// <summary>A processor that is reset waits for an INIT and a start-up IPI of its new life (SDM vol. 3, 9.4.1).</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ResetForgetsInitAndStartUpIpis(bool started)
    {
        Send(Init);
        if (started) Send(StartUp | Page);
        _other.PutState(ResetState.Create(1, _signature), PutLevel.Reset);
        AssertWaits(MpState.Uninitialized);
    }

    /// <summary>INIT starts the bootstrap processor at the reset vector (9.4.1).</summary>
    [Fact]
    public void InitOfTheBootstrapProcessor()
    {
        ProcessorState state = new();
        _sender.GetState(state);
        state.Gpr[Gpr.Rbx] = 1;
        state.Rip = 0x1000;
        _sender.PutState(state, PutLevel.Full);
        _accelerator.SetMemorySlot(_memory.Add("firmware", new Gpa(0xFFFF_0000), 0x1_0000));
        Assert.True(_memory.TryWrite(new Gpa(0xFFFF_FFF0), s_code.AsSpan(2)));
        _other.LocalApic.Write(0x310, 0);
        _other.LocalApic.Write(0x300, Init);
        Assert.Equal(VmExitReason.PortIo, _sender.Run().Reason);
        _sender.GetState(state);
        Assert.Equal((MpState.Runnable, 0xFFF0ul, 0xFFFF_0000ul, 0ul), (state.MpState, state.Rip, state.Segments[Seg.Cs].Base, state.Gpr[Gpr.Rbx]));
    }

    /// <summary>One halts with interrupts disabled, and the other waits for its start: nothing can go on.</summary>
    [Fact]
    public void AHaltIsForGoodWhenNobodyElseRuns()
    {
        Halt(_sender);
        Assert.Equal(VmExitReason.HaltForever, _sender.Run().Reason);
    }

    /// <summary>As long as another runs, it may send INIT or an NMI.</summary>
    [Fact]
    public void AHaltIsNotForGoodWhileAnotherRuns()
    {
        Send(Init);
        Send(StartUp | Page);
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        Halt(_sender);
        _sender.Kick();
        Assert.Equal(VmExitReason.Interrupted, _sender.Run().Reason);

        // Now the other one halts too.
        Assert.Equal(VmExitReason.HaltForever, _other.Run().Reason);
        Assert.Equal(VmExitReason.HaltForever, _sender.Run().Reason);
    }

    [Fact]
    public void AHaltIsNotForGoodWhenSomethingHasBeenSent()
    {
        Halt(_sender);
        Assert.True(_accelerator.Sleeps.NobodyRuns(_sender.Activity));
        Send(Init);
        Assert.False(_accelerator.Sleeps.NobodyRuns(_sender.Activity));
        Send(StartUp | Page);
        Assert.False(_accelerator.Sleeps.NobodyRuns(_sender.Activity));
        Assert.Equal(VmExitReason.PortIo, RunOther().Reason);
        Assert.False(_accelerator.Sleeps.NobodyRuns(_sender.Activity));
        Assert.Equal(VmExitReason.HaltForever, RunOther().Reason);
    }

    /// <summary>Processors that are reset together show one time.</summary>
    [Fact]
    public void TimeStampCountersBeginTogether()
    {
        ProcessorState first = new(), second = new();
        _sender.GetState(first);
        _other.GetState(second);
        first.Msrs[Msr.IA32_TIME_STAMP_COUNTER] = second.Msrs[Msr.IA32_TIME_STAMP_COUNTER] = 1000;
        _sender.PutState(first, PutLevel.Reset);
        Thread.Sleep(20);
        _other.PutState(second, PutLevel.Reset);
        AssertShowOneTime(_sender, _other);
    }

    /// <summary>One may be created when another has been put already.</summary>
    [Fact]
    public void TimeStampCountersBeginTogetherHoweverCreated()
    {
        using SoftwareAccelerator accelerator = SoftwareAccelerator.Create(vcpus: 2);
        SoftwareVcpu first = (SoftwareVcpu)accelerator.CreateVcpu(0);
        first.PutState(ResetState.Create(0, 0), PutLevel.Full);
        Thread.Sleep(20);
        SoftwareVcpu second = (SoftwareVcpu)accelerator.CreateVcpu(1);
        second.PutState(ResetState.Create(1, 0), PutLevel.Full);
        AssertShowOneTime(first, second);
    }

    private static void AssertShowOneTime(SoftwareVcpu first, SoftwareVcpu second)
    {
        ulong before = first.Processor.ReadTsc();
        ulong between = second.Processor.ReadTsc();
        ulong after = first.Processor.ReadTsc();
        Assert.InRange(between, before, after);
    }

    private static void Halt(SoftwareVcpu vcpu)
    {
        ProcessorState state = new();
        vcpu.GetState(state);
        state.MpState = MpState.Halted;
        vcpu.PutState(state, PutLevel.Reset);
    }

    // On the sender's behalf: it does not run meanwhile.
    private void Send(uint command)
    {
        _sender.LocalApic.Write(0x310, 1u << 24);
        _sender.LocalApic.Write(0x300, command);
    }

    private ref VmExit RunOther() => ref _other.Run();

    // Runs the other one until it has taken what was sent to it, and waits.
    private void AssertWaits(MpState expected)
    {
        VmExitReason reason = default;
        Thread thread = new(() => reason = _other.Run().Reason) { IsBackground = true };
        thread.Start();
        bool waits = SpinWait.SpinUntil(() => _other is { Presence.IsRunning: false, Activity.SleepsForGood: true }, TimeSpan.FromSeconds(60));
        _other.Kick();
        Assert.True(thread.Join(TimeSpan.FromSeconds(60)));
        Assert.True(waits);
        Assert.Equal(VmExitReason.Interrupted, reason);
        Assert.Equal(expected, Look().MpState);
    }

    private ProcessorState Look()
    {
        ProcessorState state = new();
        _other.GetState(state);
        return state;
    }
}
