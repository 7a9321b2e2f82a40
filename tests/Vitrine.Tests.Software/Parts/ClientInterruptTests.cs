using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Parts;

/// <summary>The client has the local APIC, as with a KVM whose irqchip is off: halts, task priorities and interrupt windows come back, and vectors are its own.</summary>
public abstract class ClientInterruptTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : ClientInterruptTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : ClientInterruptTests(SoftwareEngine.Translator);

    private const byte Vector = 0x11;

    [Fact]
    public void HltComesBackAndTheNextRunGoesOnBehindIt()
    {
        using M m = Machine(a =>
        {
            a.hlt();
            a.@out(0x80, al);
        });
        Assert.Equal(VmExitReason.Halt, m.Vcpu.Run().Reason);
        Assert.Equal(MpState.Runnable, Get(m).MpState);
        Assert.Equal(M.Code + 1, Get(m).Rip);
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
    }

    [Fact]
    public void TheLocalApicsPageIsDeviceMemory()
    {
        using M m = Machine(a =>
        {
            a.mov(ebx, 0x20_0000);
            a.mov(eax, __dword_ptr[rbx + 0x20]);
            a.@out(0x80, eax);
        });
        m.Map(0x20_0000, 0xFEE0_0000, M.P | M.W);
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, 0xFEE0_0020UL, false), (exit.Reason, exit.Address, exit.IsWrite));
        exit.Data[0] = 0x42;
        exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, 0x42), (exit.Reason, exit.Data[0]));
    }

    [Fact]
    public void OnlyALoweredTaskPriorityComesBack()
    {
        using M m = Machine(a =>
        {
            a.mov(eax, 9);
            a.mov(cr8, rax);
            a.mov(cr8, rax);
            a.mov(eax, 3);
            a.mov(cr8, rax);
            a.@out(0x80, al);
        });
        Assert.Equal(VmExitReason.SetTpr, m.Vcpu.Run().Reason);
        Assert.Equal((3UL, 3UL), (Get(m).Cr8, Get(m).Gpr[Gpr.Rax]));
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
    }

    [Fact]
    public void AVectorWaitsForInterruptsAndTheirShadow()
    {
        using M m = Machine(a =>
        {
            a.nop();
            a.sti();
            a.@out(0x80, al);
            a.hlt();
        });
        Assert.False(m.Vcpu.Parts.InterruptsEnabled);
        Assert.False(m.Vcpu.Parts.ReadyForInterrupt);
        Assert.True(m.Vcpu.Parts.TryInjectInterrupt(Vector + 1));

        // Where the client has the local APIC a later one takes its place, as it does in the kernel's KVM.
        Assert.True(m.Vcpu.Parts.TryInjectInterrupt(Vector));
        Assert.True(Get(m).Events.InterruptInjected);

        // STI lets one more instruction run.
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
        Assert.Equal(VmExitReason.Halt, m.Vcpu.Run().Reason);
        Assert.Equal(M.Handlers + (Vector * 16) + 1, Get(m).Rip);
        Assert.False(Get(m).Events.InterruptInjected);
    }

    [Fact]
    public void TheWindowOpensWithTheFlagAndBehindItsShadow()
    {
        using M m = Machine(a =>
        {
            a.@out(0x81, al);
            a.sti();
            a.@out(0x80, al);
            a.hlt();
        });
        m.Vcpu.Parts.RequestInterruptWindow = true;
        Assert.Equal(0x81, m.Vcpu.Run().Port);
        Assert.Equal(0x80, m.Vcpu.Run().Port);
        Assert.Equal(VmExitReason.InterruptWindow, m.Vcpu.Run().Reason);
        Assert.Equal(M.Code + 5, Get(m).Rip);
        Assert.True(m.Vcpu.Parts.ReadyForInterrupt);
        m.Vcpu.Parts.RequestInterruptWindow = false;
        Assert.Equal(VmExitReason.Halt, m.Vcpu.Run().Reason);
    }

    [Fact]
    public void AnNmiIsDelivered()
    {
        using M m = Machine(a => a.@out(0x80, al));
        m.Vcpu.RaiseNmi();
        Assert.Equal(VmExitReason.Halt, m.Vcpu.Run().Reason);
        Assert.Equal(M.Handlers + (2 * 16) + 1, Get(m).Rip);
        Assert.True(Get(m).Events.NmiMasked);
    }

    [Fact]
    public void AnEventInFlightIsDeliveredFirst()
    {
        using M m = Machine(a => a.@out(0x80, al));
        ProcessorState state = Get(m);
        state.Events = new PendingEvents { ExceptionInjected = true, ExceptionVector = 13, ExceptionHasErrorCode = true, ExceptionErrorCode = 0x18 };
        m.Vcpu.Parts.Put(state, StateParts.Events);
        Assert.Equal(VmExitReason.Halt, m.Vcpu.Run().Reason);
        state = Get(m);
        Assert.Equal(M.Handlers + (13 * 16) + 1, state.Rip);
        Assert.Equal(0x18UL, m.Read(state.Gpr[Gpr.Rsp], 8));
        Assert.False(state.Events.ExceptionInjected);
    }

    [Fact]
    public void ATripleFaultInFlightShutsDown()
    {
        using M m = Machine(a => a.@out(0x80, al));
        ProcessorState state = Get(m);
        state.Events = new PendingEvents { TripleFaultPending = true };
        m.Vcpu.Parts.Put(state, StateParts.Events);
        Assert.Equal(VmExitReason.Shutdown, m.Vcpu.Run().Reason);
    }

    private M Machine(Action<Assembler> emit)
    {
        M m = new(engine: engine, behavior: static behavior => behavior.LocalApicAtClient = true);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, emit);
        ProcessorState state = Get(m);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General);
        return m;
    }

    private static ProcessorState Get(M m)
    {
        ProcessorState state = new();
        m.Vcpu.Parts.Get(state, StateParts.General | StateParts.Special | StateParts.Events | StateParts.Activity);
        return state;
    }
}
