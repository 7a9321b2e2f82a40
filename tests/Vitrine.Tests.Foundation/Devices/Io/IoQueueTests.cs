using Vitrine.Devices.Io;
using Xunit;

namespace Vitrine.Tests.Devices.Io;

/// <summary>What <see cref="IIoQueue"/> promises: order, depth, and that nothing of before a reset or a disposal completes.</summary>
public sealed class IoQueueTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly IoFixture _io = new();

    public void Dispose() => _io.Dispose();

    [Fact]
    public void RequestsCompleteInTheOrderInWhichTheyAreFinishedAcrossQueues()
    {
        IoQueue one = _io.Completions.CreateQueue("one", depth: 2, workers: 0);
        IoQueue other = _io.Completions.CreateQueue("other", depth: 2, workers: 0);
        _io.Submit(one, _io.NewRequest("1a"));
        _io.Submit(one, _io.NewRequest("1b"));
        _io.Submit(other, _io.NewRequest("2a"));
        _io.IsHeld = true;
        Assert.True(other.PerformNext());
        Assert.True(one.PerformNext());
        Assert.True(one.PerformNext());
        Assert.False(one.PerformNext());
        Assert.Empty(_io.Completed);
        _io.Release();
        Assert.Equal(["2a", "1a", "1b"], _io.Completed);
    }

    /// <summary>A device that is reset may not return while a worker still has the guest's memory.</summary>
    [Fact]
    public void SettlingWaitsForWhatAWorkerHasBegunAndForNothingElse()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 2, workers: 1);
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim release = new();
        bool done = false;
        bool other = false;
        _io.Submit(queue, _io.NewRequest("begun", () =>
        {
            begun.Set();
            release.Wait(Patience, CancellationToken.None);
            Volatile.Write(ref done, true);
        }));
        _io.Submit(queue, _io.NewRequest("waiting", () => other = true));
        Assert.True(begun.Wait(Patience, TestContext.Current.CancellationToken));
        Thread settling = new(() =>
        {
            // As a reset by the guest: with the device lock held, which the worker wants when it is done.
            lock (_io.DeviceLock)
            {
                queue.CancelAndSettle();
                Assert.True(Volatile.Read(ref done));
            }
        });
        settling.Start();
        Assert.False(settling.Join(TimeSpan.FromMilliseconds(50)));
        release.Set();
        Assert.True(settling.Join(Patience));
        _io.Completions.Drain();
        Assert.Empty(_io.Completed);
        Assert.False(other);
    }

    [Fact]
    public void NoMoreThanTheDepthIsInFlight()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 2, workers: 0);
        Assert.True(_io.Submit(queue, _io.NewRequest("a")));
        Assert.True(_io.Submit(queue, _io.NewRequest("b")));
        Assert.False(_io.Submit(queue, _io.NewRequest("c")));
        queue.PerformNext();
        Assert.Equal(1, queue.InFlight);
        Assert.True(_io.Submit(queue, _io.NewRequest("d")));
        Assert.False(_io.Submit(queue, _io.NewRequest("e")));
    }

    [Fact]
    public void ARequestMayBeSubmittedAgainWhenItCompletesAndNotBefore()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 2, workers: 0);
        IoRequest? again = null;
        bool isAgain = false;
        again = _io.NewRequest("a", completed: () =>
        {
            if (!isAgain) isAgain = queue.TrySubmit(again!);
        });
        _io.Submit(queue, again);
        Assert.Throws<InvalidOperationException>(() => _io.Submit(queue, again));
        queue.PerformNext();
        queue.PerformNext();
        Assert.Equal(["a", "a"], _io.Completed);
        Assert.False(again.IsInFlight);
    }

    [Fact]
    public void AfterAResetNothingOfBeforeCompletes()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 3, workers: 0);
        IoRequest finished = _io.NewRequest("finished");
        IoRequest waiting = _io.NewRequest("waiting");
        IoRequest? performing = null;
        performing = _io.NewRequest("performing", work: () =>
        {
            lock (_io.DeviceLock) queue.Cancel();
            Assert.Equal((true, false), (performing!.IsInFlight, waiting.IsInFlight));
        });
        _io.IsHeld = true;
        _io.Submit(queue, finished);
        _io.Submit(queue, performing);
        _io.Submit(queue, waiting);
        queue.PerformNext();
        queue.PerformNext();
        Assert.False(queue.PerformNext());
        _io.Submit(queue, _io.NewRequest("after"));
        queue.PerformNext();
        _io.Release();
        Assert.Equal(["after"], _io.Completed);
        Assert.Equal(0, queue.InFlight);
        Assert.False(finished.IsInFlight || performing.IsInFlight);
    }

    [Fact]
    public void DisposalWaitsForWhatIsBeingDoneAndLetsNothingComplete()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 2, workers: 1);
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        bool isDone = false;
        _io.Submit(queue, _io.NewRequest("a", work: () =>
        {
            begun.Set();
            goOn.Wait(cancelled);
            isDone = true;
        }));
        _io.Submit(queue, _io.NewRequest("b", work: () => Assert.Fail("It was cancelled before it began.")));
        Assert.True(begun.Wait(Patience, cancelled));
        Thread disposer = new(() => _io.Completions.Remove(queue));
        disposer.Start();
        Assert.True(SpinWait.SpinUntil(() => queue.InFlight == 1, Patience));
        Assert.False(disposer.Join(TimeSpan.FromMilliseconds(20)));
        goOn.Set();
        Assert.True(disposer.Join(Patience));
        Assert.True(isDone);
        Assert.Empty(_io.Completed);
        Assert.Equal(0, queue.InFlight);
        Assert.False(_io.Submit(queue, _io.NewRequest("c")));
    }

    [Fact]
    public void AClosedQueueFinishesWhatItHasAndTakesNoMore()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 2, workers: 1);
        IoRequest? again = null;
        bool isTaken = false;
        again = _io.NewRequest("a", completed: () => isTaken = queue.TrySubmit(again!));
        lock (_io.DeviceLock)
        {
            Assert.True(queue.TrySubmit(again));
            Assert.True(queue.TrySubmit(_io.NewRequest("b")));
            queue.Close();
        }

        _io.Completions.Drain();
        Assert.Equal(["a", "b"], _io.Completed);
        Assert.False(isTaken || again.IsInFlight);
        _io.Completions.Remove(queue);
    }

    [Fact]
    public void DrainingCompletesEverythingAlsoWhileTheMachineIsHeld()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 1, workers: 1);
        int left = 5;
        IoRequest? chain = null;
        chain = _io.NewRequest("part", work: () => Thread.Sleep(1), completed: () =>
        {
            if (--left > 0) Assert.True(queue.TrySubmit(chain!));
        });
        _io.IsHeld = true;
        _io.Submit(queue, chain);
        _io.Completions.Drain();
        Assert.Equal((0, 0), (left, queue.InFlight));
        _io.Release();
        Assert.Equal(5, _io.Completed.Count);
    }

    [Fact]
    public void OneWorkerKeepsTheOrderAndSeveralWorkAtOnce()
    {
        IoQueue ordered = _io.Completions.CreateQueue("ordered", depth: 100, workers: 1);
        for (int i = 0; i < 100; i++) _io.Submit(ordered, _io.NewRequest($"{i}"));
        _io.Completions.Drain();
        Assert.Equal(Enumerable.Range(0, 100).Select(number => $"{number}"), _io.Completed);

        IoQueue parallel = _io.Completions.CreateQueue("parallel", depth: 2, workers: 2);
        using Barrier together = new(2);
        for (int i = 0; i < 2; i++) _io.Submit(parallel, _io.NewRequest("together", work: () => Assert.True(together.SignalAndWait(Patience))));
        _io.Completions.Drain();
        Assert.Empty(_io.Failures);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatARequestThrowsIsToldAndTheQueueGoesOn(bool whileCompleting)
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 1, workers: 1);
        void Throw() => throw new InvalidDataException("bad sector");
        _io.Submit(queue, whileCompleting ? _io.NewRequest("a", completed: Throw) : _io.NewRequest("a", work: Throw));
        _io.Completions.Drain();
        Assert.True(SpinWait.SpinUntil(() => !_io.Failures.IsEmpty, Patience));
        Assert.Equal("bad sector", Assert.Single(_io.Failures).Message);
        Assert.True(_io.Submit(queue, _io.NewRequest("b")));
        _io.Completions.Drain();
        Assert.Equal("b", _io.Completed[^1]);
    }

    [Fact]
    public void ARequestCostsNoAllocation()
    {
        IoQueue queue = _io.Completions.CreateQueue("queue", depth: 1, workers: 0);
        EmptyRequest request = new();
        void Cycle()
        {
            _io.Submit(queue, request);
            queue.PerformNext();
        }

        Cycle();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) Cycle();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private sealed class EmptyRequest : IoRequest
    {
        protected internal override void Perform()
        {
        }

        protected internal override void Complete()
        {
        }
    }
}
