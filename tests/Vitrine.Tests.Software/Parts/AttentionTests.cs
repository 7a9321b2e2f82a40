using Vitrine.Accelerators;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Parts;

/// <summary>Three plain stores bring a vCPU back: what a signal handler does, here another thread.</summary>
public sealed unsafe class AttentionTests
{
    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void EndARunThatNeverLeaves(SoftwareEngine engine)
    {
        using M m = new(engine: engine);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a =>
        {
            a.@out(0x80, al);
            Iced.Intel.Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.inc(rax);
            a.jmp(loop);
        });
        ProcessorState state = new();
        m.Vcpu.Parts.Get(state, StateParts.General);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General);
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
        for (int i = 0; i < 20; i++)
        {
            Thread store = new(() => Store(m.Vcpu.Parts.Attention));
            store.Start();
            Assert.Equal(VmExitReason.Interrupted, m.Vcpu.Run().Reason);
            store.Join();
        }
    }

    [Fact]
    public void BeforeTheRunEndItToo()
    {
        using M m = new(behavior: static behavior => behavior.WaitsForEver = true);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a => a.hlt());
        ProcessorState state = new();
        m.Vcpu.Parts.Get(state, StateParts.General);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General);
        Store(m.Vcpu.Parts.Attention);
        Assert.Equal(VmExitReason.Interrupted, m.Vcpu.Run().Reason);

        // HLT with interrupts disabled waits here; what was stored while nobody waits ends the wait.
        Assert.Equal(0U, *m.Vcpu.Parts.Attention.Kicked);
        Store(m.Vcpu.Parts.Attention);
        *m.Vcpu.Parts.Attention.PollAt = ulong.MaxValue;
        Assert.Equal(VmExitReason.Interrupted, m.Vcpu.Run().Reason);
        m.Vcpu.Parts.Get(state, StateParts.Activity);
        Assert.Equal(MpState.Halted, state.MpState);
    }

    private static void Store(AttentionWords words)
    {
        Volatile.Write(ref *words.Kicked, 1);
        Volatile.Write(ref *words.PollAt, 0);
        Volatile.Write(ref *words.Futex, 1);
    }
}
