using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Parts;

/// <summary>A debugger outside the guest (KVM_SET_GUEST_DEBUG, Documentation/virt/kvm/api.rst 4.88): it stops the guest, which hears nothing of it.</summary>
public abstract class VcpuDebuggingTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : VcpuDebuggingTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : VcpuDebuggingTests(SoftwareEngine.Translator);

    private const ulong Data = M.Code + 0x800;

    [Fact]
    public void Steps()
    {
        using M m = Machine(a =>
        {
            a.nop();
            a.inc(rax);
            a.@out(0x80, al);
        });
        m.Vcpu.Parts.Debugging = new VcpuDebugging { SingleStep = true };
        AssertStop(m, 1, M.Code + 1, Dr6.BS);
        AssertStop(m, 1, M.Code + 4, Dr6.BS);
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
        AssertStop(m, 1, M.Code + 6, Dr6.BS);
        Assert.Equal((0UL, Dr6.Fixed1), (Get(m).Rflags & Rflags.TF, Get(m).Dr6));
        m.Vcpu.Parts.Debugging = null;
        Assert.Equal("ok", m.Continue());
    }

    [Fact]
    public void StopsAtInt3AndLetsTheGuestHaveItsOwn()
    {
        using M m = Machine(a =>
        {
            a.nop();
            a.int3();
        });
        m.Vcpu.Parts.Debugging = new VcpuDebugging { SoftwareBreakpoints = true };
        AssertStop(m, 3, M.Code + 1, null);
        AssertStop(m, 3, M.Code + 1, null);

        // It is the guest's own.
        m.Vcpu.Parts.Debugging = new VcpuDebugging { SoftwareBreakpoints = true, InjectBreakpoint = true };
        Assert.Equal("#3", m.Continue());
        Assert.Equal(M.Code + 2, m.State.Rip);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void StopsAtItsBreakpoints(bool guestHasSome)
    {
        using M m = Machine(a =>
        {
            a.mov(rbx, Data);
            a.mov(rcx, dr0);
            a.mov(__dword_ptr[rbx + 8], eax);
            a.nop();
            a.nop();
            a.@out(0x80, al);
        });
        ProcessorState state = Get(m);
        if (guestHasSome) (state.DebugAddress[0], state.Dr7) = (Data + 8, Dr7.Fixed1 | 1 | (0b1101UL << 16));
        m.Vcpu.Parts.Put(state, StateParts.Debug);

        // DR0 watches writes of 4 bytes, DR1 an instruction.
        m.Vcpu.Parts.Debugging = new VcpuDebugging
        {
            HardwareBreakpoints = true,
            Addresses = [Data + 8, M.Code + 17, 0, 0],
            Dr7 = Dr7.Fixed1 | 0b0101 | (0b1101UL << 16),
        };
        AssertStop(m, 1, M.Code + 16, 1);
        AssertStop(m, 1, M.Code + 17, 2);
        ProcessorState after = Get(m);
        Assert.Equal((state.DebugAddress[0], state.Dr7, Dr6.Fixed1), (after.DebugAddress[0], after.Dr7, after.Dr6));
        Assert.Equal(state.DebugAddress[0], after.Gpr[Gpr.Rcx]);
        m.Vcpu.Parts.Debugging = null;
        after = Get(m);
        Assert.Equal((state.DebugAddress[0], state.Dr7), (after.DebugAddress[0], after.Dr7));
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
    }

    [Fact]
    public void TheGuestsRegistersChangeBesideItsOwn()
    {
        using M m = Machine(a =>
        {
            a.mov(eax, 0x1234);
            a.mov(dr0, rax);
            a.mov(eax, 0x402);
            a.mov(dr7, rax);
            a.mov(rbx, dr7);
            a.nop();
            a.@out(0x80, al);
        });
        m.Vcpu.Parts.Debugging = new VcpuDebugging { HardwareBreakpoints = true, Addresses = [M.Code + 19, 0, 0, 0], Dr7 = Dr7.Fixed1 | 1 };
        AssertStop(m, 1, M.Code + 19, 1);
        ProcessorState state = Get(m);
        Assert.Equal((0x1234UL, 0x402UL, 0x402UL), (state.DebugAddress[0], state.Dr7, state.Gpr[Gpr.Rbx]));
    }

    [Fact]
    public void DebugExceptionsAreInjected()
    {
        using M m = Machine(static a => a.nop());
        m.Vcpu.Parts.Debugging = new VcpuDebugging { InjectDebugException = true };
        Assert.True(Get(m).Events.ExceptionPending);
        Assert.Equal("#1", m.Continue());
        Assert.Equal(M.Code, m.State.Rip);
    }

    [Fact]
    public void NoInterruptComesBetweenSteps()
    {
        using M m = Machine(static a =>
        {
            a.nop();
            a.nop();
        });
        m.Vcpu.Parts.Debugging = new VcpuDebugging { SingleStep = true, BlockInterrupts = true };
        m.Vcpu.RaiseNmi();
        AssertStop(m, 1, M.Code + 1, Dr6.BS);
        m.Vcpu.Parts.Debugging = new VcpuDebugging { SingleStep = true };
        AssertStop(m, 1, M.Handlers + (2 * 16), Dr6.BS);
    }

    private static void AssertStop(M m, byte vector, ulong rip, ulong? reason)
    {
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.Debug, vector, $"{rip:x}"), (exit.Reason, exit.Vector, $"{exit.Address:x}"));
        if (reason is { } causes) Assert.Equal(causes | Dr6.Fixed1, exit.Detail);
        Assert.Equal(rip, Get(m).Rip);
    }

    private M Machine(Action<Assembler> emit)
    {
        M m = new(engine: engine);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a =>
        {
            emit(a);
            a.hlt();
        });
        ProcessorState state = Get(m);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General);
        return m;
    }

    private static ProcessorState Get(M m)
    {
        ProcessorState state = new();
        m.Vcpu.Parts.Get(state, StateParts.General | StateParts.Debug | StateParts.Events);
        return state;
    }
}
