using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Vitrine.Devices.Io;
using Vitrine.Devices.Virtio.Queues;
using Vitrine.Disks;
using Vitrine.Errors;
using static Vitrine.Devices.Virtio.Block.VirtioBlockRegisters;

namespace Vitrine.Devices.Virtio.Block;

/// <summary>A disk (Virtual I/O Device 1.2, 5.2). Requests are done by workers; several may be under way, in no order among them.</summary>
public sealed class VirtioBlock : VirtioDevice
{
    /// <summary>Descriptors of a queue.</summary>
    public const int QueueSize = 256;

    /// <summary>How many requests can be under way at once, over all queues.</summary>
    public const int Depth = 128;

    // How much one request may discard or clear, so that no worker is busy for ever: 1 GiB in each of 16 segments.
    internal const uint ReleaseSectors = 1 << 21;
    internal const uint ReleaseSegments = 16;

    // Header and status take two descriptors.
    private const int DataSegments = QueueSize - 2;
    private const int LogicalBlock = 512;
    private const int PhysicalBlockLog = 3; // 4 KiB, in logical blocks

    private readonly IIoQueue _io;
    private readonly IoTurn _turn;
    private readonly Action<DiskException>? _failed;
    private readonly byte[] _serial;
    private readonly int _queueCount;
    private readonly Stack<BlockRequest> _free = new(Depth);
    private bool _writeBack = true;

    /// <summary>Creates the device.</summary>
    /// <param name="name">Its name: "disk0".</param>
    /// <param name="image">What it holds. It stays its owner's.</param>
    /// <param name="serial">Serial number for the guest: at most 20 ASCII characters.</param>
    /// <param name="queues">Number of queues, from 1 to 16.</param>
    /// <param name="io">Where its requests are done: room for <see cref="Depth"/>, one more for each worker, and one.</param>
    /// <param name="failed">Told of each failure of the host's, with the device lock held; null for nobody. The guest has an error of its request in any case.</param>
    public VirtioBlock(string name, DiskImage image, string serial, int queues, IIoQueue io, Action<DiskException>? failed = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(queues, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(queues, 16);
        ArgumentNullException.ThrowIfNull(serial);
        Name = name;
        Image = image;
        _serial = Encoding.ASCII.GetBytes(serial);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_serial.Length, IdLength, nameof(serial));
        _queueCount = queues;
        QueueSizes = [.. Enumerable.Repeat(QueueSize, queues)];
        _io = io;
        _failed = failed;
        _turn = new IoTurn(ProcessAll);
        FillPool();
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override uint DeviceType => VirtioBlockRegisters.DeviceType;

    /// <inheritdoc/>
    public override ulong Features => SegmentMaximum | BlockSize | VirtioBlockRegisters.Flush | Topology | ConfigurableCache
        | (_queueCount > 1 ? MultipleQueues : 0)
        | (IsReadOnly ? VirtioBlockRegisters.ReadOnly : VirtioBlockRegisters.Discard | VirtioBlockRegisters.WriteZeroes);

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; }

    /// <inheritdoc/>
    public override int ConfigurationLength => VirtioBlockRegisters.ConfigurationLength;

    /// <summary>What it holds.</summary>
    public DiskImage Image { get; }

    /// <summary>True when nothing can be written.</summary>
    public bool IsReadOnly => Image.IsReadOnly;

    /// <summary>Whole sectors that it has.</summary>
    internal ulong Capacity => (ulong)Image.Length / SectorLength;

    internal ReadOnlyMemory<byte> Serial => _serial;

    /// <summary>
    /// True while each write is to survive by itself: the driver has chosen that, or knows no flush (5.2.6.2).
    /// </summary>
    internal bool IsWriteThrough =>
        (Transport.Features & ConfigurableCache) != 0 ? !_writeBack : (Transport.Features & VirtioBlockRegisters.Flush) == 0;

    /// <inheritdoc/>
    public override void ReadConfiguration(Span<byte> destination)
    {
        destination.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(destination[VirtioBlockRegisters.Capacity..], Capacity);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[SegmentMaximumField..], DataSegments);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[BlockSizeField..], LogicalBlock);
        destination[PhysicalBlockExponent] = PhysicalBlockLog;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[MinimumIo..], 1 << PhysicalBlockLog);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[OptimalIo..], 1 << PhysicalBlockLog);
        destination[WriteBack] = _writeBack ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[VirtioBlockRegisters.QueueCount..], (ushort)_queueCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[DiscardSectorsMaximum..], ReleaseSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[DiscardSegmentsMaximum..], ReleaseSegments);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[DiscardAlignment..], 1 << PhysicalBlockLog);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[WriteZeroesSectorsMaximum..], ReleaseSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[WriteZeroesSegmentsMaximum..], ReleaseSegments);
        destination[WriteZeroesMayUnmap] = 1;
    }

    /// <inheritdoc/>
    public override void WriteConfiguration(int offset, ReadOnlySpan<byte> source)
    {
        if (offset == WriteBack && source.Length == 1 && (Transport.Features & ConfigurableCache) != 0) _writeBack = source[0] != 0;
    }

    /// <inheritdoc/>
    public override void Notified(int queue) => Process(Transport.Queues[queue]);

    /// <summary>The image has become longer: the driver is told. Device lock held.</summary>
    public void CapacityChanged() => Transport.ConfigurationChanged();

    /// <inheritdoc/>
    public override void Reset()
    {
        _io.CancelAndSettle();

        // Those that were cancelled are let go of a little later, and come back to nobody.
        FillPool();
        _writeBack = true;
    }

    /// <inheritdoc/>
    public override JsonElement? Save() => JsonElement.Parse(_writeBack ? "true"u8 : "false"u8);

    /// <inheritdoc/>
    public override void Load(JsonElement? saved)
    {
        InvalidState.Unless(saved is { ValueKind: JsonValueKind.True or JsonValueKind.False }, Name, "it doesn't say how its cache is");
        _writeBack = saved!.Value.GetBoolean();
    }

    /// <summary>A request is done. Device lock held.</summary>
    internal void Completed(BlockRequest request)
    {
        if (request.Failure is { } failure) _failed?.Invoke(failure);
        VirtioQueue queue = request.Origin;
        queue.Return(request.Chain.Head, request.Written);
        bool waited = _free.Count == 0;
        _free.Push(request);
        Transport.Update(queue);
        if (waited) ProcessAll();
    }

    private void ProcessAll()
    {
        if (!Transport.IsRunning) return;
        foreach (VirtioQueue queue in Transport.Queues) Process(queue);
    }

    private void Process(VirtioQueue queue)
    {
        int left = queue.MaximumSize;
        do
        {
            // When none is free, the next that completes goes on here.
            while (_free.TryPeek(out BlockRequest? request) && queue.TryTake(request.Chain))
            {
                if (!request.TryBegin(Transport.Memory))
                {
                    queue.Return(request.Chain.Head, written: 0);
                }
                else
                {
                    _free.Pop();
                    request.Origin = queue;
                    if (!_io.TrySubmit(request)) return; // the machine has ended
                }

                left--;
                if (left > 0) continue;
                _turn.Ask(_io);
                Transport.Update(queue);
                return;
            }
        }
        while (_free.Count != 0 && queue.WantNotification());

        Transport.Update(queue);
    }

    private void FillPool()
    {
        _free.Clear();
        for (int i = 0; i < Depth; i++) _free.Push(new BlockRequest(this));
    }
}
