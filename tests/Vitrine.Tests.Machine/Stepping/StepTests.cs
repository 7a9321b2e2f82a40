using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Boot;
using Vitrine.Guests;
using Vitrine.Tests.Guests;
using Vitrine.X86;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Stepping;

/// <summary>One step is one instruction, or the delivery of one event, on every accelerator that is present.</summary>
public sealed class StepTests
{
    private const ulong Entry = SteppedCode.Entry;
    private const ulong Handler = SteppedCode.Handler;

    public static TheoryData<AcceleratorChoice> Accelerators => [AcceleratorChoice.Soft, AcceleratorChoice.Kvm];

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void RegistersBehindTheFirstInstructions(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, a =>
        {
            a.mov(ax, 0x1234);
            a.add(ax, 0x7000);
            a.xor(dx, dx);
            a.push(ax);
            a.jmp(Handler);
        });
        ProcessorState before = guest.Machine.ReadState(0);
        Assert.Equal(Entry, before.Rip);
        ProcessorState state = guest.Step();
        Assert.Equal((Entry + 3, 0x1234UL), (state.Rip, state.Gpr[Gpr.Rax] & 0xFFFF));

        // 0x1234 + 0x7000 = 0x8234: sign and overflow, parity of 0x34 odd.
        state = guest.Step();
        Assert.Equal((Entry + 6, 0x8234UL, Rflags.SF | Rflags.OF), (state.Rip, state.Gpr[Gpr.Rax] & 0xFFFF, Arithmetic(state)));
        state = guest.Step();
        Assert.Equal((Entry + 8, 0UL, Rflags.ZF | Rflags.PF), (state.Rip, state.Gpr[Gpr.Rdx] & 0xFFFF, Arithmetic(state)));
        ulong stack = state.Gpr[Gpr.Rsp];
        state = guest.Step();
        Assert.Equal((Entry + 9, stack - 2), (state.Rip, state.Gpr[Gpr.Rsp]));
        Assert.Equal(Handler, guest.Step().Rip);
    }

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void TheGuestSeesNothingOfIt(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, a =>
        {
            a.pushf();
            a.pop(ax);
            a.mov(ebx, dr6);
        });
        guest.Step();
        ProcessorState state = guest.Step();
        Assert.Equal(0UL, state.Gpr[Gpr.Rax] & Rflags.TF);
        Assert.Equal(0UL, state.Rflags & Rflags.TF);
        Assert.Equal(Dr6.Fixed1, state.Dr6);
        if (accelerator == AcceleratorChoice.Soft) Assert.Equal(Dr6.Fixed1, guest.Step().Gpr[Gpr.Rbx]);
    }

    [Fact]
    public void ARepeatedMoveTakesAStepForEachElement()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, RepeatedMove);
        for (int i = 0; i < 3; i++) guest.Step();
        for (ulong left = 2; left > 0; left--)
        {
            ProcessorState state = guest.Step();
            Assert.Equal((Entry + 9, left, 0x6000 + 3 - left), (state.Rip, state.Gpr[Gpr.Rcx] & 0xFFFF, state.Gpr[Gpr.Rdi] & 0xFFFF));
        }

        ProcessorState end = guest.Step();
        Assert.Equal((Entry + 11, 0UL, 0x6003UL), (end.Rip, end.Gpr[Gpr.Rcx] & 0xFFFF, end.Gpr[Gpr.Rdi] & 0xFFFF));
    }

    // KVM's emulator moves up to 1,024 elements before it looks at TF.
    [Theory]
    [MemberData(nameof(Accelerators))]
    public void ARepeatedMoveIsWholeInTheEnd(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, RepeatedMove);
        StepReport report = guest.Machine.StepUntil(Entry + 11, timeout: SteppedCode.Patience);
        Assert.Equal(StepOutcome.Reached, report.Outcome);
        Assert.InRange(report.Steps, 4u, 6u);
        byte[] moved = new byte[3];
        Assert.True(guest.Machine.Memory.TryRead(new Gpa(0x6000), moved));
        Assert.Equal<byte>([0xBE, 0x00, 0x80], moved);
    }

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void AnAccessToADeviceIsPartOfItsInstruction(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, a =>
        {
            a.mov(dx, 0x3F8);
            a.mov(al, (byte)'x');
            a.@out(dx, al);
            a.mov(dx, 0x3FD);
            a.@in(al, dx);
            a.mov(dx, 0x1234);
            a.@in(al, dx);
        });
        for (int i = 0; i < 2; i++) guest.Step();
        StepReport report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal([new StepExit(VmExitReason.PortIo, true, 0x3F8, 1, 1, 'x', "uart0")], report.Exits);
        Assert.Equal((1UL, Entry + 6, "x"), (report.ExitCount, guest.Machine.ReadState(0).Rip, guest.Serial));
        report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Empty(report.Exits);

        // Line status: transmitter empty, holding register empty.
        report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal([new StepExit(VmExitReason.PortIo, false, 0x3FD, 1, 1, 0x60, "uart0")], report.Exits);
        ProcessorState state = guest.Machine.ReadState(0);
        Assert.Equal((Entry + 10, 0x60UL), (state.Rip, state.Gpr[Gpr.Rax] & 0xFF));
        guest.Step();
        report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal([new StepExit(VmExitReason.PortIo, false, 0x1234, 1, 1, 0xFF, null)], report.Exits);
        Assert.Equal("in 1 byte from port 0x1234: 0xff, nobody", report.Exits[0].ToString());
    }

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void DeviceMemoryHasAnOwnerToo(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Protected, a =>
        {
            a.mov(eax, __dword_ptr[0xD000_0000u]);
            a.mov(__dword_ptr[0xFEC0_0000u], eax);
        });
        StepReport report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal([new StepExit(VmExitReason.Mmio, false, 0xD000_0000, 4, 1, 0xFFFF_FFFF, null)], report.Exits);
        Assert.Equal(0xFFFF_FFFFUL, guest.Machine.ReadState(0).Gpr[Gpr.Rax]);
        if (accelerator != AcceleratorChoice.Soft) return;
        report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal([new StepExit(VmExitReason.Mmio, true, 0xFEC0_0000, 4, 1, 0xFFFF_FFFF, "ioapic")], report.Exits);
    }

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void AFaultEndsAtItsHandler(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, a =>
        {
            a.nop();
            a.ud2();
        }, a => a.nop());
        guest.WithRealVector(6);
        ulong stack = guest.Step().Gpr[Gpr.Rsp];
        ProcessorState state = guest.Step();
        Assert.Equal(stack - 6, state.Gpr[Gpr.Rsp]);

        // KVM's step goes on over the handler's first instruction.
        Assert.InRange(state.Rip, Handler, accelerator == AcceleratorChoice.Kvm ? Handler + 1 : Handler);
        byte[] pushed = new byte[2];
        Assert.True(guest.Machine.Memory.TryRead(new Gpa(stack - 6), pushed));
        Assert.Equal<byte>([0x01, 0x80], pushed);
    }

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void AHaltedProcessorWaitsForItsInterrupt(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, a =>
        {
            StartTimer(a);
            a.sti();
            a.hlt();
            a.nop();
        }, a => a.nop());
        guest.WithRealVector(0x20);
        ulong halt = Find(guest, 0xF4);
        Assert.Equal(StepOutcome.Reached, guest.Machine.StepUntil(halt, timeout: SteppedCode.Patience).Outcome);
        ProcessorState state = guest.Step();
        Assert.Equal(halt + 1, state.Rip);

        // KVM halts only when it is entered again.
        if (accelerator == AcceleratorChoice.Soft) Assert.Equal(MpState.Halted, state.MpState);
        if (accelerator == AcceleratorChoice.Kvm && !KvmVerdict.Current.WorthUsing)
        {
            // A KVM that emulates ring 0 does not wait in HLT while it is stepped: it goes on, and the interrupt comes when it comes.
            StepReport report = guest.Machine.StepUntil(static registers => registers.Rip is Handler or Handler + 1, maxSteps: 1000, SteppedCode.Patience);
            Assert.Equal(StepOutcome.Reached, report.Outcome);
            return;
        }

        Assert.InRange(guest.Step().Rip, Handler, accelerator == AcceleratorChoice.Kvm ? Handler + 1 : Handler);
    }

    [Fact]
    public void AProcessorThatNothingWakesIsStoppedBehindItsHalt()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a =>
        {
            a.sti();
            a.hlt();
            a.nop();
        });
        for (int i = 0; i < 2; i++) guest.Step();
        StepReport report = guest.Machine.Step(timeout: TimeSpan.FromMilliseconds(20));
        Assert.Equal((StepOutcome.TimedOut, 0UL), (report.Outcome, report.Steps));
        ProcessorState state = guest.Machine.ReadState(0);
        Assert.Equal((Entry + 2, MpState.Halted), (state.Rip, state.MpState));
    }

    [Fact]
    public void AHaltThatNothingCanEndEndsTheMachine()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a => a.hlt());
        guest.Step();
        StepReport report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal((StepOutcome.Ended, VmEndReason.HaltForever), (report.Outcome, report.End!.Reason));
        Assert.Equal(Entry + 1, guest.Machine.ReadState(0).Rip);
        Assert.Throws<InvalidOperationException>(() => guest.Machine.Step());
    }

    /// <summary>SDM vol. 2, STI; vol. 3, 6.8.3: no interrupt behind STI, nor behind a load of SS, before one more instruction.</summary>
    [Fact]
    public void ShadowsHoldWhileStepping()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a =>
        {
            a.push(ss);
            StartTimer(a);
            WaitForRequest(a);
            a.sti();
            a.pop(ss);
            a.nop();
            a.nop();
        });
        guest.WithRealVector(0x20);
        ulong sti = Find(guest, 0xFB);
        Assert.Equal(StepOutcome.Reached, guest.Machine.StepUntil(sti, timeout: SteppedCode.Patience).Outcome);
        ProcessorState state = guest.Step();
        Assert.Equal((sti + 1, 2), (state.Rip, state.Events.InterruptShadow));
        state = guest.Step();
        Assert.Equal((sti + 2, 1), (state.Rip, state.Events.InterruptShadow));
        state = guest.Step();
        Assert.Equal((sti + 3, 0), (state.Rip, state.Events.InterruptShadow));
        Assert.Equal(Handler, guest.Step().Rip);
    }

    /// <summary>SDM vol. 2, SYSCALL; AMD64 APM vol. 3 says the same.</summary>
    [Theory]
    [MemberData(nameof(Accelerators))]
    public void ASystemCallEndsAtItsEntry(AcceleratorChoice accelerator)
    {
        GuestProgram program = PrivilegeGuests.SystemCalls();
        PresentAccelerators.SkipUnlessPresent(accelerator, program);
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = program.ToBootSource(),
            MemoryBytes = 16 << 20,
            Accelerator = accelerator,
        });
        byte[] bytes = new byte[2];
        StepReport report = machine.StepUntil(
            state => machine.Memory.TryRead(new Gpa(state.Rip), bytes) && bytes is [0x0F, 0x05], timeout: SteppedCode.Patience);
        Assert.Equal(StepOutcome.Reached, report.Outcome);
        ProcessorState before = machine.ReadState(0);
        Assert.Equal(StepOutcome.Stepped, machine.Step(timeout: SteppedCode.Patience).Outcome);
        ProcessorState after = machine.ReadState(0);
        Assert.Equal(before.Msrs[Msr.IA32_LSTAR], after.Rip);
        Assert.Equal((before.Rip + 2, before.Rflags), (after.Gpr[Gpr.Rcx], after.Gpr[Gpr.Rax + 11]));
        Assert.Equal((ushort)((before.Msrs[Msr.IA32_STAR] >> 32) & 0xFFFC), after.Segments[Seg.Cs].Selector);
        Assert.Equal((3, 0), (before.Segments[Seg.Ss].Dpl, after.Segments[Seg.Ss].Dpl));
        Assert.Equal(before.Rflags & ~before.Msrs[Msr.IA32_FMASK] & ~Rflags.RF, after.Rflags & ~Rflags.RF);
    }

    /// <summary>SDM vol. 3, 18.3.1.4: #DB behind the instruction, with DR6.BS, and TF clear in the handler.</summary>
    [Fact]
    public void TheGuestsOwnTrapFlagStillTraps()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a =>
        {
            a.push((short)0x102);
            a.popf();
            a.nop();
        });
        guest.WithRealVector(1);
        guest.Step();
        ProcessorState state = guest.Step();
        Assert.Equal((Entry + 4, Rflags.TF), (state.Rip, state.Rflags & Rflags.TF));
        state = guest.Step();
        Assert.Equal((Handler, 0UL, Dr6.BS), (state.Rip, state.Rflags & Rflags.TF, state.Dr6 & Dr6.BS));
    }

    [Fact]
    public void TheGuestsOwnBreakpointComesBeforeItsInstruction()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a =>
        {
            a.nop();
            a.inc(bx);
        });
        guest.WithRealVector(1);
        ProcessorState start = guest.Machine.GetState(0);
        start.DebugAddress[0] = Entry + 1;
        start.Dr7 = Dr7.Fixed1 | Dr7.G0;
        guest.Step();
        ProcessorState state = guest.Step();
        Assert.Equal((Handler, Dr6.B0, 0UL), (state.Rip, state.Dr6 & Dr6.BMask, state.Gpr[Gpr.Rbx]));
    }

    [Theory]
    [MemberData(nameof(Accelerators))]
    public void ASteppedMachineRunsOn(AcceleratorChoice accelerator)
    {
        using SteppedCode guest = new(accelerator, FlatMode.Real, a =>
        {
            Label next = a.CreateLabel();
            a.mov(cx, 1000);
            a.Label(ref next);
            a.dec(cx);
            a.jne(next);
            a.mov(al, 7);
            a.@out(0xF4, al);
        });
        Assert.Equal(101UL, guest.Machine.StepUntil(static _ => false, maxSteps: 101, timeout: SteppedCode.Patience).Steps);
        Assert.Equal(950UL, guest.Machine.ReadState(0).Gpr[Gpr.Rcx] & 0xFFFF);
        guest.Machine.Start();
        Assert.Equal((VmEndReason.DebugExit, 7u), (guest.Machine.Wait(SteppedCode.Patience)!.Reason, guest.Machine.Wait()!.Value));
    }

    [Fact]
    public void AChangedRegisterTakesEffectInTheNextStep()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a =>
        {
            a.mov(ax, bx);
            a.mov(cx, bx);
        });
        guest.Machine.GetState(0).Gpr[Gpr.Rbx] = 0x55;
        Assert.Equal(0x55UL, guest.Step().Gpr[Gpr.Rax]);
        guest.Machine.ReadState(0).Gpr[Gpr.Rbx] = 0x66;
        Assert.Equal(0x55UL, guest.Step().Gpr[Gpr.Rcx]);
    }

    [Fact]
    public void AResetByTheGuestLeavesItAtItsStart()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a =>
        {
            a.mov(al, 0xFE);
            a.@out(0x64, al);
        });
        guest.Step();
        StepReport report = guest.Machine.Step(timeout: SteppedCode.Patience);
        Assert.Equal((StepOutcome.Reset, null), (report.Outcome, report.End));
        Assert.Equal((Entry, 0UL), (guest.Machine.ReadState(0).Rip, guest.Machine.ReadState(0).Gpr[Gpr.Rax]));
        Assert.Equal(Entry + 2, guest.Step().Rip);
    }

    [Fact]
    public void ARunningMachineIsNotStepped()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a => a.jmp(Entry));
        guest.Machine.Start();
        Assert.Throws<InvalidOperationException>(() => guest.Machine.Step());
        Assert.Throws<InvalidOperationException>(() => guest.Machine.ReadState(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => guest.Machine.Step(1));
        guest.Machine.Pause();
        Assert.Equal(Entry, guest.Step().Rip);
    }

    [Fact]
    public async Task AMachineThatIsStoppedWhileItStepsEnds()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a => a.jmp(Entry));
        Task<StepReport> stepping = Task.Run(() => guest.Machine.StepUntil(0xFFFF_FFFF), TestContext.Current.CancellationToken);
        while (guest.Machine.InstructionsExecuted == 0) await Task.Yield();
        guest.Machine.Stop();
        StepReport report = await stepping.WaitAsync(SteppedCode.Patience, TestContext.Current.CancellationToken);
        Assert.Equal((StepOutcome.Ended, VmEndReason.Stopped), (report.Outcome, report.End!.Reason));
    }

    [Fact]
    public void WhatAConditionThrowsComesToWhoGaveIt()
    {
        using SteppedCode guest = new(AcceleratorChoice.Soft, FlatMode.Real, a => a.jmp(Entry));
        Assert.Throws<FormatException>(() => guest.Machine.StepUntil(static _ => throw new FormatException("mine")));
        Assert.Equal(Entry, guest.Step().Rip);
        Assert.Throws<ArgumentOutOfRangeException>(() => guest.Machine.StepUntil(Entry, maxSteps: 0));
        Assert.Equal((StepOutcome.Stepped, 3UL), (guest.Machine.StepUntil(Handler, maxSteps: 3).Outcome, guest.Machine.StepUntil(Handler, maxSteps: 3).Steps));
    }

    [Fact]
    public void ACallbackMustNotStep()
    {
        Exception? thrown = null;
        VirtualMachine? machine = null;
        machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = OutputGuests.Hello(FlatMode.Real).ToBootSource(),
            MemoryBytes = 1 << 20,
            Accelerator = AcceleratorChoice.Soft,
            SerialOutput = _ => thrown ??= Record.Exception(() => machine!.Step()),
        });
        using (machine)
        {
            machine.Start();
            Assert.NotNull(machine.Wait(SteppedCode.Patience));
        }

        Assert.IsType<InvalidOperationException>(thrown);
    }

    private static ulong Arithmetic(ProcessorState state) =>
        state.Rflags & (Rflags.CF | Rflags.PF | Rflags.ZF | Rflags.SF | Rflags.OF);

    private static void RepeatedMove(Assembler a)
    {
        a.mov(si, (short)unchecked((short)Entry));
        a.mov(di, 0x6000);
        a.mov(cx, 3);
        a.rep.movsb();
    }

    // Vectors 0x20 on, IRQ 0 alone, channel 0 at 1 kHz (8259A data sheet, "Initialization Command Words"; 8254, "Control Word").
    private static void StartTimer(Assembler a)
    {
        foreach ((byte port, byte value) in ((byte, byte)[])
            [(0x20, 0x11), (0xA0, 0x11), (0x21, 0x20), (0xA1, 0x28), (0x21, 4), (0xA1, 2), (0x21, 1), (0xA1, 1), (0x21, 0xFE), (0xA1, 0xFF),
             (0x43, 0x34), (0x40, 0xA9), (0x40, 0x04)])
        {
            a.mov(al, value);
            a.@out(port, al);
        }
    }

    // Until the master's request register shows IRQ 0.
    private static void WaitForRequest(Assembler a)
    {
        Label wait = a.CreateLabel();
        a.mov(al, 0x0A);
        a.@out(0x20, al);
        a.Label(ref wait);
        a.@in(al, 0x20);
        a.test(al, 1);
        a.je(wait);
    }

    // The last byte of this value in the code; none of the instructions before it has it.
    private static ulong Find(SteppedCode guest, byte opcode)
    {
        byte[] code = new byte[256];
        Assert.True(guest.Machine.Memory.TryRead(new Gpa(Entry), code));
        return Entry + (ulong)Array.LastIndexOf(code, opcode);
    }
}
