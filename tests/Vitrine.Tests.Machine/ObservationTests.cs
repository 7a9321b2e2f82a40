using Vitrine.Accelerators;
using Vitrine.Accelerators.Observation;
using Vitrine.Run;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Machine;

/// <summary>What is written down of a vCPU's calls, and what belongs to the observer.</summary>
public sealed class ObservationTests
{
    [Fact]
    public void TheObserversReadIsItsOwn()
    {
        CallLog log = new();
        RecordingCpu cpu = new() { Rip = 0x100 };
        using Vcpu vcpu = new(new ObservedVcpu(cpu, log), new ProcessorState { Rip = 0x200 });
        vcpu.Put();
        Assert.Equal(["get", "put Full"], cpu.Calls);
        Assert.Equal([("observer", "GetState"), ("vcpu 0", "PutState")], log.Calls.Select(call => (call.Target, call.Name)));
        CallRecord put = Assert.Single(log.MachineCalls);
        Assert.Equal([new("level", "Full"), new("changed registers", "1")], put.Arguments);
        StatePut state = Assert.Single(log.Puts);
        Assert.Equal((put.Number, 0, PutLevel.Full, true, false), (state.Call, state.Vcpu, state.Level, state.DirtyBefore, state.DirtyAfter));
        Assert.Equal([new RegisterChange("RIP", 64, 0x100, 0x200)], state.Changes);
    }

    [Fact]
    public void WhatAnObserversCallCausesIsItsOwnToo()
    {
        CallLog log = new();
        int outer = log.Begin();
        int inner = log.Begin();
        log.End(inner, "vcpu fd 0", "KVM_GET_REGS", [], "0", 0);
        log.End(outer, CallRecord.ObserverTarget, "GetState", [], "done", 0);
        int other = log.Begin();
        log.End(other, "vcpu 0", "Run", [], "done", 0);
        Assert.Equal([(1, 0), (2, 1), (3, 0)], log.Calls.Select(call => (call.Number, call.Parent)));
        Assert.Equal([3], log.MachineCalls.Select(call => call.Number));
    }

    [Fact]
    public void AFailedPutLeavesOurCopyTheTruth()
    {
        CallLog log = new();
        RecordingCpu cpu = new() { OnPut = () => throw new InvalidOperationException("refused") };
        using Vcpu vcpu = new(new ObservedVcpu(cpu, log), new ProcessorState());
        Assert.Throws<InvalidOperationException>(vcpu.Put);
        Assert.True(vcpu.Dirty);
        Assert.Equal("failed", log.Calls[^1].Result);
        Assert.Equal((true, true), (log.Puts[0].DirtyBefore, log.Puts[0].DirtyAfter));
    }

    [Fact]
    public void APausedLogTakesNothingDown()
    {
        CallLog log = new();
        RecordingCpu cpu = new();
        using Vcpu vcpu = new(new ObservedVcpu(cpu, log), new ProcessorState());
        log.Paused = true;
        vcpu.Run();
        vcpu.Refresh();
        Assert.Equal(["put Full", "run", "get"], cpu.Calls);
        Assert.Empty(log.Calls);
        Assert.Empty(log.Puts);
        log.Paused = false;
        vcpu.Run();
        Assert.Equal(["Interrupted: kicked, or a signal came"], log.Calls.Select(call => call.Result));
    }

    [Fact]
    public void AnExitIsTakenDownInWords()
    {
        CallLog log = new();
        RecordingCpu cpu = new();
        cpu.Enqueue(VmExitReason.HaltForever, VmExitReason.Shutdown);
        using ObservedVcpu vcpu = new(cpu, log);
        vcpu.Run();
        vcpu.Run();
        Assert.Equal(["HaltForever: HLT with interrupts disabled", "Shutdown: triple fault"], log.Calls.Select(call => call.Result));
    }
}
