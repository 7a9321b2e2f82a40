using Vitrine.Devices;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Io;
using Vitrine.Devices.State;

namespace Vitrine.Tests.Boards;

/// <summary>A device whose one register starts work that takes its time.</summary>
internal sealed class SlowDevice : IPortDevice, IDevice
{
    private readonly IIoQueue _queue;
    private readonly Work[] _works;

    public SlowDevice(IIoQueue queue, Action work)
    {
        _queue = queue;
        _works = [new Work(this, work), new Work(this, work)];
    }

    public string Name => "slow";

    public int Completions { get; private set; }

    public int Refusals { get; private set; }

    public int InFlight => _queue.InFlight;

    public uint ReadPort(int offset, int size) => (uint)Completions;

    public void WritePort(int offset, int size, uint value)
    {
        if (Array.Find(_works, static work => !work.IsInFlight) is not { } free || !_queue.TrySubmit(free)) Refusals++;
    }

    public void Reset()
    {
    }

    public DeviceState Save() => NoState.Format.Write(Name, default);

    public void Load(DeviceState saved) => NoState.Format.Read(Name, saved);

    public IEnumerable<KeyValuePair<string, string>> Inspect() => [];

    private sealed class Work(SlowDevice device, Action work) : IoRequest
    {
        protected internal override void Perform() => work();

        protected internal override void Complete() => device.Completions++;
    }
}
