using System.Collections.Concurrent;
using Vitrine.Devices.Io;
using Xunit;

namespace Vitrine.Tests.Devices.Io;

/// <summary>Completions with a device lock; what enters is kept back while <see cref="IsHeld"/>, as a held machine does.</summary>
internal sealed class IoFixture : IDisposable
{
    private readonly Queue<Action> _held = [];

    public IoFixture() => Completions = new IoCompletions(DeviceLock, Enter, error => Failures.Enqueue(error));

    public Lock DeviceLock { get; } = new();

    public IoCompletions Completions { get; }

    public ConcurrentQueue<Exception> Failures { get; } = [];

    public bool IsHeld { get; set; }

    /// <summary>What has completed, in order.</summary>
    public List<string> Completed { get; } = [];

    public Request NewRequest(string name, Action? work = null, Action? completed = null) => new(this, name, work, completed);

    public bool Submit(IIoQueue queue, IoRequest request)
    {
        lock (DeviceLock) return queue.TrySubmit(request);
    }

    public void Release()
    {
        IsHeld = false;
        lock (DeviceLock)
        {
            while (_held.TryDequeue(out Action? input)) input();
        }
    }

    public void Dispose() => Completions.Dispose();

    private void Enter(Action input)
    {
        lock (DeviceLock)
        {
            if (IsHeld) _held.Enqueue(input);
            else input();
        }
    }

    internal sealed class Request(IoFixture fixture, string name, Action? work, Action? completed) : IoRequest
    {
        protected internal override void Perform() => work?.Invoke();

        protected internal override void Complete()
        {
            Assert.True(fixture.DeviceLock.IsHeldByCurrentThread);
            fixture.Completed.Add(name);
            completed?.Invoke();
        }
    }
}
