using System.Buffers.Binary;
using Vitrine.Devices.Io;
using Vitrine.Devices.Virtio;
using Vitrine.Memory;
using Vitrine.Tests.Devices.Io;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Devices.Virtio;

/// <summary>
/// A driver as the standard has it (Virtual I/O Device 1.2, 3.1 and 4.2.3), for one device with rings at fixed places. It writes the rings itself, so that
/// it can write them wrong.
/// </summary>
internal sealed class VirtioDriver : IDisposable
{
    public const ulong Descriptors = 0x1000;
    public const ulong Available = 0x2000;
    public const ulong Used = 0x3000;
    public const ulong Data = 0x10_000;
    public const int QueueSize = 8;
    public const ushort Next = 1;
    public const ushort Write = 2;
    public const ushort Indirect = 4;
    public const uint NeedsReset = 64;
    private const uint IndirectFeature = 1 << 28;

    private readonly GuestMemory _memory = new();
    private readonly LineRecorder _lines = new();
    private readonly IoFixture _io = new();
    private readonly IoQueue _queue;
    private ushort _available;

    public VirtioDriver(Func<IIoQueue, VirtioDevice> device, int depth = 256)
    {
        _memory.Add("ram", new Gpa(0), 1 << 20);
        _queue = _io.Completions.CreateQueue("device", depth, workers: 0);
        Device = new VirtioMmio(_lines.Line(16), _memory.ForDevices, device(_queue));
    }

    public VirtioMmio Device { get; }

    public IGuestMemory Memory => _memory;

    public bool Interrupt => _lines.Level(16);

    public uint Status => Read(0x70);

    public ushort UsedIndex => Get16(Used + 2);

    public uint Read(int register)
    {
        lock (_io.DeviceLock) return (uint)Device.ReadMemory((ulong)register, 4);
    }

    public void WriteRegister(int register, uint value)
    {
        lock (_io.DeviceLock) Device.WriteMemory((ulong)register, 4, value);
    }

    /// <summary>Brings the device to DRIVER_OK with queue 0.</summary>
    public void Start(ulong descriptors = Descriptors, ulong available = Available, ulong used = Used)
    {
        WriteRegister(0x70, 0);
        _available = 0;
        Clear(Descriptors, 0x4000);
        Assert.Equal(0u, Status);
        WriteRegister(0x70, 1);
        WriteRegister(0x70, 3);
        WriteRegister(0x14, 1);
        Assert.Equal(1u, Read(0x10) & 1);
        WriteRegister(0x24, 0);
        WriteRegister(0x20, IndirectFeature);
        WriteRegister(0x24, 1);
        WriteRegister(0x20, 1);
        WriteRegister(0x70, 11);
        Assert.Equal(11u, Status);
        WriteRegister(0x30, 0);
        WriteRegister(0x38, QueueSize);
        WriteRegister(0x80, (uint)descriptors);
        WriteRegister(0x84, (uint)(descriptors >> 32));
        WriteRegister(0x90, (uint)available);
        WriteRegister(0x94, (uint)(available >> 32));
        WriteRegister(0xA0, (uint)used);
        WriteRegister(0xA4, (uint)(used >> 32));
        WriteRegister(0x44, 1);
        WriteRegister(0x70, 15);
    }

    public void SetDescriptor(int number, ulong address, uint length, ushort flags, ushort next, ulong table = Descriptors)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, address);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], next);
        Assert.True(_memory.TryWrite(new Gpa(table + ((ulong)number * 16)), bytes));
    }

    /// <summary>Makes a chain available and notifies; what the device then has to do is done when this returns.</summary>
    public void Offer(ushort head)
    {
        Set16(Available + 4 + ((ulong)(_available % QueueSize) * 2), head);
        Set16(Available + 2, ++_available);
        Notify();
    }

    public void SetAvailableIndex(ushort index) => Set16(Available + 2, index);

    public void Notify(uint queue = 0)
    {
        WriteRegister(0x50, queue);
        Work();
    }

    public void Work(int most = 10_000)
    {
        while (most-- > 0 && _queue.PerformNext())
        {
        }

        Assert.Empty(_io.Failures);
    }

    /// <summary>The newest entry of the used ring: head and length.</summary>
    public (uint Head, uint Length) LastUsed()
    {
        Span<byte> bytes = stackalloc byte[8];
        Assert.True(_memory.TryRead(new Gpa(Used + 4 + ((ulong)((UsedIndex - 1) % QueueSize) * 8)), bytes));
        return (BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
    }

    public byte[] Get(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(_memory.TryRead(new Gpa(address), bytes));
        return bytes;
    }

    public void Set(ulong address, ReadOnlySpan<byte> bytes) => Assert.True(_memory.TryWrite(new Gpa(address), bytes));

    public void Dispose()
    {
        _io.Dispose();
        _memory.Dispose();
    }

    private void Clear(ulong address, int length) => Set(address, new byte[length]);

    private ushort Get16(ulong address) => BinaryPrimitives.ReadUInt16LittleEndian(Get(address, 2));

    private void Set16(ulong address, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        Set(address, bytes);
    }
}
