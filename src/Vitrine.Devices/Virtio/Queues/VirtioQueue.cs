using System.Buffers.Binary;
using System.Numerics;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Devices.Virtio.Queues;

/// <summary>
/// The device's side of a split virtqueue (Virtual I/O Device 1.2, 2.7). Called with the device lock held. The rings lie in guest memory and may hold anything: what
/// they say is checked here, once, for all devices.
/// </summary>
/// <remarks>
/// What breaks the rings themselves (an index that jumps, a number out of range, a chain without end, a ring that is in no memory) makes the queue
/// <see cref="Fault">faulty</see>: it gives and takes nothing more until it is reset, and the device says that it needs a reset. What is wrong inside one chain
/// concerns only that chain.
/// </remarks>
public sealed class VirtioQueue
{
    private const int DescriptorLength = 16;
    private const ushort NextFlag = 1;
    private const ushort WriteFlag = 2;
    private const ushort IndirectFlag = 4;

    // Both rings: flags, index, entries, and at the end the other side's event index.
    private const ulong RingIndex = 2;
    private const ulong RingEntries = 4;
    private const ulong AvailableEntryLength = 2;
    private const ulong UsedEntryLength = 8;
    private const ushort NoInterruptFlag = 1;
    private const ushort NoNotifyFlag = 1;

    private readonly IGuestMemory _memory;
    private VirtioQueueState _state;
    private bool _eventIndex;
    private bool _indirect;

    /// <summary>Creates a queue in its state after a reset.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="maximumSize">The most descriptors that it may have: a power of two, at most 32768.</param>
    public VirtioQueue(IGuestMemory memory, int maximumSize)
    {
        if (maximumSize is < 1 or > 32768 || !BitOperations.IsPow2(maximumSize)) throw new ArgumentOutOfRangeException(nameof(maximumSize));
        _memory = memory;
        MaximumSize = maximumSize;
        Reset();
    }

    /// <summary>The most descriptors that it may have, and that a chain may have with the help of a table.</summary>
    public int MaximumSize { get; }

    /// <summary>The driver has set it up.</summary>
    public bool IsReady => _state.Ready;

    /// <summary>What is wrong with its rings.</summary>
    public QueueFault Fault { get; private set; }

    /// <summary>True when chains can be taken and given back.</summary>
    public bool IsUsable => _state.Ready && Fault == QueueFault.None;

    /// <summary>Descriptors that the driver has chosen.</summary>
    internal int Size => _state.Size;

    /// <summary>What it holds.</summary>
    internal ref VirtioQueueState State => ref _state;

    /// <summary>Takes the next chain that the driver has made available.</summary>
    /// <param name="chain">Receives it.</param>
    /// <returns>False when there is none, or the queue is not usable or has just turned out not to be.</returns>
    public bool TryTake(DescriptorChain chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (!IsUsable || !TryCountAvailable(out int available) || available == 0) return false;
        ulong entry = _state.Available + RingEntries + ((ulong)(_state.NextAvailable & (_state.Size - 1)) * AvailableEntryLength);
        if (!TryRead16(entry, out ushort head)) return Fail(QueueFault.Unreachable);
        if (head >= _state.Size) return Fail(QueueFault.DescriptorOutOfRange);
        chain.Begin(head);
        if (!Walk(chain, head)) return false;
        _state.NextAvailable++;
        return true;
    }

    /// <summary>Gives a chain back to the driver, which is to be told afterwards if <see cref="TakeInterrupt"/> says so.</summary>
    /// <param name="head">The chain's number.</param>
    /// <param name="written">How many bytes were written into its writable part, from its beginning.</param>
    public void Return(ushort head, uint written)
    {
        if (!IsUsable) return;
        Span<byte> entry = stackalloc byte[(int)UsedEntryLength];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, head);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], written);
        ulong address = _state.Used + RingEntries + ((ulong)(_state.NextUsed & (_state.Size - 1)) * UsedEntryLength);
        if (!_memory.TryWrite(new Gpa(address), entry))
        {
            Fail(QueueFault.Unreachable);
            return;
        }

        // The entry before the index that shows it: stores of this processor are seen in their order (SDM vol. 3, 9.2.2), and the compiler keeps that of a call.
        Interlocked.MemoryBarrier();
        _state.NextUsed++;
        if (!TryWrite16(_state.Used + RingIndex, _state.NextUsed)) Fail(QueueFault.Unreachable);
    }

    /// <summary>True when chains have been given back that the driver wants to be told of; asked once after each batch.</summary>
    public bool TakeInterrupt()
    {
        if (!IsUsable || _state.ToldUsed == _state.NextUsed) return false;

        // Between the used index and the driver's wish: it writes its wish and then looks at the index.
        Interlocked.MemoryBarrier();
        ushort before = _state.ToldUsed;
        _state.ToldUsed = _state.NextUsed;
        if (_eventIndex)
        {
            ulong usedEvent = _state.Available + RingEntries + (_state.Size * AvailableEntryLength);
            if (!TryRead16(usedEvent, out ushort wanted)) return Fail(QueueFault.Unreachable);
            return (ushort)(_state.NextUsed - wanted - 1) < (ushort)(_state.NextUsed - before);
        }

        if (!TryRead16(_state.Available, out ushort flags)) return Fail(QueueFault.Unreachable);
        return (flags & NoInterruptFlag) == 0;
    }

    /// <summary>
    /// Asks the driver for a notification when it makes the next chain available. It may have made one before it saw this: the answer tells.
    /// </summary>
    /// <returns>True when there are chains to take already.</returns>
    public bool WantNotification()
    {
        if (!IsUsable) return false;
        bool written = _eventIndex
            ? TryWrite16(AvailableEvent, _state.NextAvailable)
            : TryWrite16(_state.Used, 0);
        if (!written) return Fail(QueueFault.Unreachable);
        Interlocked.MemoryBarrier();
        return TryCountAvailable(out int available) && available != 0;
    }

    /// <summary>Tells the driver that no notification is needed: the device looks by itself. A hint.</summary>
    public void WantNoNotification()
    {
        // With event indices it is enough to leave the old one, which lies behind.
        if (IsUsable && !_eventIndex && !TryWrite16(_state.Used, NoNotifyFlag)) Fail(QueueFault.Unreachable);
    }

    /// <summary>The driver takes the queue into use with what was agreed.</summary>
    internal void Agree(ulong features)
    {
        _eventIndex = (features & VirtioFeatures.EventIndex) != 0;
        _indirect = (features & VirtioFeatures.IndirectDescriptors) != 0;
    }

    /// <summary>Brings it into its state after a reset.</summary>
    internal void Reset()
    {
        _state = new() { Size = (ushort)MaximumSize };
        Fault = QueueFault.None;
        _eventIndex = _indirect = false;
    }

    /// <summary>Checks that the rings are aligned as they must be and lie in memory as a whole (2.7).</summary>
    internal void CheckRings()
    {
        if (!_state.Ready) return;
        ulong size = _state.Size;
        bool aligned = _state.Descriptors % 16 == 0 && _state.Available % 2 == 0 && _state.Used % 4 == 0;
        bool present = IsMemory(_state.Descriptors, size * DescriptorLength)
            && IsMemory(_state.Available, RingEntries + (size * AvailableEntryLength) + 2)
            && IsMemory(_state.Used, RingEntries + (size * UsedEntryLength) + 2);
        if (!aligned || !present) Fail(QueueFault.Unreachable);
    }

    /// <summary>Why a saved state can't be this queue's; null when it can.</summary>
    internal string? Refuse(VirtioQueueState state) =>
        state.Size == 0 || state.Size > MaximumSize || !BitOperations.IsPow2(state.Size) ? $"a queue can't have {state.Size} descriptors" : null;

    private ulong AvailableEvent => _state.Used + RingEntries + (_state.Size * UsedEntryLength);

    private bool IsMemory(ulong address, ulong length)
    {
        if (address + length < address) return false;

        // First and last byte: what lies between them and is missing is found when it is used.
        Span<byte> probe = stackalloc byte[1];
        return _memory.TryRead(new Gpa(address), probe) && _memory.TryRead(new Gpa(address + length - 1), probe);
    }

    private bool TryCountAvailable(out int available)
    {
        available = 0;
        if (!TryRead16(_state.Available + RingIndex, out ushort index)) return Fail(QueueFault.Unreachable);

        // The index before the entries that it announces.
        Interlocked.MemoryBarrier();
        available = (ushort)(index - _state.NextAvailable);
        return available <= _state.Size || Fail(QueueFault.TooManyAvailable);
    }

    private bool Walk(DescriptorChain chain, ushort head)
    {
        ulong table = _state.Descriptors;
        uint limit = _state.Size;
        uint number = head;
        bool isIndirect = false;
        Span<byte> bytes = stackalloc byte[DescriptorLength];
        for (uint steps = 0; ;)
        {
            if (!_memory.TryRead(new Gpa(table + ((ulong)number * DescriptorLength)), bytes))
            {
                // A table that is in no memory is its chain's problem; the queue's own was there when it was set up.
                if (!isIndirect) return Fail(QueueFault.Unreachable);
                chain.MarkInvalid();
                return true;
            }

            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]);
            ushort next = BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]);
            if ((flags & IndirectFlag) != 0)
            {
                // 2.7.5.3.1: agreed on, not within a table, the last of its chain, whole descriptors and no more than a chain may have. The write flag means nothing.
                bool legal = _indirect && !isIndirect && (flags & NextFlag) == 0 && length != 0 && length % DescriptorLength == 0
                    && length / DescriptorLength <= (uint)MaximumSize && address + length > address;
                if (!legal)
                {
                    chain.MarkInvalid();
                    return true;
                }

                isIndirect = true;
                table = address;
                limit = length / DescriptorLength;
                number = steps = 0;
                continue;
            }

            chain.Add(new GuestBuffer(new Gpa(address), length), (flags & WriteFlag) != 0);
            if ((flags & NextFlag) == 0) return true;
            if (next >= limit || ++steps >= limit)
            {
                if (!isIndirect) return Fail(next >= limit ? QueueFault.DescriptorOutOfRange : QueueFault.Loop);
                chain.MarkInvalid();
                return true;
            }

            number = next;
        }
    }

    private bool TryRead16(ulong address, out ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        bool read = _memory.TryRead(new Gpa(address), bytes);
        value = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        return read;
    }

    private bool TryWrite16(ulong address, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        return _memory.TryWrite(new Gpa(address), bytes);
    }

    private bool Fail(QueueFault fault)
    {
        Fault = fault;
        return false;
    }
}
