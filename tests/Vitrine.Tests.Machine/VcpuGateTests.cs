using System.Collections.Concurrent;
using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests.Machine;

public sealed class VcpuGateTests
{
    [Fact]
    public async Task WhoWaitsForVcpusThatAreReleasedAgainGoesOn()
    {
        VcpuGate gate = new(1, () => { }, _ => { });
        gate.Hold();
        Task<bool> held = Task.Run(gate.WaitUntilHeld, TestContext.Current.CancellationToken);
        gate.Release();
        Assert.False(await held.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task SaysWhenAllVcpusStandAndBeforeOneGoesOn()
    {
        ConcurrentQueue<bool> told = [];
        VcpuGate gate = new(2, () => { }, _ => { }, told.Enqueue);
        Task[] vcpus = [Stand(gate, 0, []), Stand(gate, 1, [])];
        Assert.True(gate.Send(0, () => Assert.Empty(told)));
        Assert.True(gate.Send(1, () => Assert.Equal([false], told), runs: true));
        Assert.Equal([false, true], told);
        gate.Release();
        Assert.Equal([false, true, false], told);

        // Whether or not a vCPU has left meanwhile.
        gate.Hold();
        Assert.True(gate.WaitUntilHeld());
        Assert.Equal([false, true, false, true], told);
        gate.End();
        await Task.WhenAll(vcpus).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task AnErrandIsDoneByItsVcpuWhileTheGateIsClosed()
    {
        VcpuGate gate = new(2, () => { }, _ => { });
        List<string> done = [];
        Task[] vcpus = [Stand(gate, 0, done), Stand(gate, 1, done)];
        Assert.True(gate.Send(1, () => done.Add("errand of 1")));
        Assert.True(gate.Send(0, () => done.Add("errand of 0")));
        Assert.Equal(["errand of 1", "errand of 0"], done);
        Assert.True(gate.WaitUntilHeld());
        gate.End();
        Assert.False(gate.Send(0, () => done.Add("too late")));
        await Task.WhenAll(vcpus).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(2, done.Count);
    }

    /// <summary>A reset waits for work of devices, and what does the work may stop the machine.</summary>
    [Fact]
    public async Task TheEndDoesNotWaitForAResetThatIsUnderWay()
    {
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        VcpuGate? gate = null;
        bool hasEnded = false;
        int settled = 0;
        gate = new VcpuGate(2, () => hasEnded = Task.Run(gate!.End, cancelled).Wait(TimeSpan.FromSeconds(20), cancelled), _ => settled++);
        gate.Release();
        gate.Reset();
        Task[] vcpus = [Stand(gate, 0, []), Stand(gate, 1, [])];
        await Task.WhenAll(vcpus).WaitAsync(TimeSpan.FromSeconds(60), cancelled);
        Assert.Equal((true, 0), (hasEnded, settled));
    }

    [Fact]
    public async Task NobodyIsSentWhileTheGateIsOpen()
    {
        VcpuGate gate = new(1, () => { }, _ => { });
        gate.Release();
        Assert.False(gate.Send(0, () => Assert.Fail("sent")));
        gate.Hold();
        Task vcpu = Stand(gate, 0, []);
        Assert.True(gate.Send(0, () => { }));
        gate.End();
        await vcpu.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task AnErrandThatFailsIsOverToo()
    {
        VcpuGate gate = new(1, () => { }, _ => { });
        Task vcpu = Task.Run(
            () =>
            {
                try
                {
                    gate.Pass(0, out Action? errand);
                    errand!();
                }
                finally
                {
                    gate.End();
                }
            },
            TestContext.Current.CancellationToken);
        Task<bool> sent = Task.Run(() => gate.Send(0, () => throw new InvalidOperationException("no")), TestContext.Current.CancellationToken);
        await sent.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => vcpu);
    }

    /// <summary>Each is put into its new state on its own thread; until all are, none runs.</summary>
    [Fact]
    public async Task NoVcpuRunsBehindAResetBeforeAllAreInTheirNewState()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using ManualResetEventSlim one = new(), goOn = new();
        ConcurrentQueue<string> done = [];
        VcpuGate gate = new(
            2,
            () => done.Enqueue("reset"),
            vcpu =>
            {
                if (vcpu == 1)
                {
                    one.Set();
                    goOn.Wait(cancellation);
                }

                done.Enqueue($"put {vcpu}");
            });
        gate.Release();
        gate.Reset();
        Task[] vcpus = [Run(0), Run(1)];
        Assert.True(one.Wait(TimeSpan.FromSeconds(60), cancellation));
        Assert.False(gate.IsOpen);
        goOn.Set();
        Assert.True(SpinWait.SpinUntil(() => done.Count == 5, TimeSpan.FromSeconds(60)));
        gate.End();
        await Task.WhenAll(vcpus).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
        string[] order = [.. done];
        Assert.Equal("reset", order[0]);
        Assert.Equal(["put 0", "put 1"], order[1..3].Order());
        Assert.Equal(["run 0", "run 1"], order[3..].Order());

        Task Run(int vcpu) => Task.Factory.StartNew(
            () =>
            {
                while (gate.Pass(vcpu, out Action? errand))
                {
                    if (errand is null) done.Enqueue($"run {vcpu}");
                    errand?.Invoke();
                    if (errand is null) SpinWait.SpinUntil(() => !gate.IsOpen);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    private static Task Stand(VcpuGate gate, int vcpu, List<string> done) => Task.Factory.StartNew(
        () =>
        {
            while (gate.Pass(vcpu, out Action? errand))
            {
                lock (done) errand?.Invoke();
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);
}
