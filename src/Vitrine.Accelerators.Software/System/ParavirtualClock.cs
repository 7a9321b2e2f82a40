using System.Buffers.Binary;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// KVM's clock for guests: structures in the guest's memory, from which it computes the time from its time-stamp counter (Documentation/virt/kvm/x86/msr.rst). Both count
/// nanoseconds here, so that the structure changes only when one of them is set.
/// </summary>
internal sealed unsafe class ParavirtualClock(CpuState* cpu, Processor processor)
{
    // SAFETY: cpu is the state of the vCPU that owns this object, used by its thread only.
    private const uint WallClock = 0x11;
    private const uint SystemTime = 0x12;
    private const uint NewWallClock = 0x4B56_4D00;
    private const uint NewSystemTime = 0x4B56_4D01;
    private const ulong Enabled = 1;
    private const byte TscStable = 1;
    private const byte GuestStopped = 2;
    private const int TimeBytes = 32;
    private const int WallBytes = 12;

    private ulong _wallClock;
    private ulong _systemTime;
    private bool _wallClockDue;
    private bool _isDue;
    private bool _stopped;
    private int _clockVersion;
    private long _tscOffset;

    /// <summary>Its registers.</summary>
    public static ReadOnlySpan<uint> Indices => [NewWallClock, NewSystemTime];

    /// <summary>The guest reads the time from it.</summary>
    public bool IsEnabled => (_systemTime & Enabled) != 0;

    /// <summary>A structure has to be written: by <see cref="Update"/>, while the vCPU runs.</summary>
    public bool IsDue =>
        _wallClockDue || (IsEnabled && (_isDue || _clockVersion != processor.Behavior.ClockVersion || _tscOffset != cpu->TscOffset));

    /// <summary>Reads a register.</summary>
    /// <returns>False when it is none of these.</returns>
    public bool TryRead(uint index, out ulong value)
    {
        value = index is WallClock or NewWallClock ? _wallClock : _systemTime;
        return index is WallClock or NewWallClock or SystemTime or NewSystemTime;
    }

    /// <summary>Writes a register.</summary>
    /// <returns>False when it is none of these.</returns>
    public bool TryWrite(uint index, ulong value)
    {
        switch (index)
        {
            case WallClock or NewWallClock:
                _wallClock = value;
                _wallClockDue = true;
                break;
            case SystemTime or NewSystemTime:
                _systemTime = value;
                _isDue = true;
                break;
            default:
                return false;
        }

        Volatile.Write(ref cpu->PollAt, 0);
        return true;
    }

    /// <summary>The guest is to learn that it was stopped for a while, so that its watchdogs don't bark (KVM_KVMCLOCK_CTRL).</summary>
    /// <returns>False when it doesn't use the clock.</returns>
    public bool TryNotePause()
    {
        if (!IsEnabled) return false;
        _stopped = _isDue = true;
        Volatile.Write(ref cpu->PollAt, 0);
        return true;
    }

    /// <summary>Writes what is due. A structure in memory that isn't there is forgotten. On the thread of the vCPU, which runs, between blocks.</summary>
    public void Update()
    {
        if (_wallClockDue) UpdateWallClock();
        _wallClockDue = false;
        if (!IsDue) return;
        _isDue = false;
        _clockVersion = processor.Behavior.ClockVersion;
        _tscOffset = cpu->TscOffset;
        Span<byte> time = stackalloc byte[TimeBytes];
        ulong address = _systemTime & ~Enabled;
        if (!processor.Mmu.TryReadPhysical(address, time)) return;
        bool stopped = _stopped || (time[29] & GuestStopped) != 0;
        _stopped = false;
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(time);
        long now = processor.Now;
        time[4..].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(time[8..], (ulong)(now + cpu->TscOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(time[16..], (ulong)(now + processor.Behavior.ClockOffset));

        // Ticks times 2, times 2 to the 31st, divided by 2 to the 32nd.
        BinaryPrimitives.WriteUInt32LittleEndian(time[24..], 1u << 31);
        time[28] = 1;
        time[29] = (byte)(TscStable | (stopped ? GuestStopped : 0));
        Write(address, version, time);
    }

    private void UpdateWallClock()
    {
        const long NanosecondsPerSecond = 1_000_000_000;
        const long NanosecondsPerTick = 100;
        // Clients put 0 at a reset: it is no address, as in KVM (kvm_write_wall_clock).
        if (_wallClock == 0) return;
        Span<byte> wall = stackalloc byte[WallBytes];
        if (!processor.Mmu.TryReadPhysical(_wallClock, wall)) return;
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(wall);
        long boot = ((processor.UtcNow - DateTimeOffset.UnixEpoch).Ticks * NanosecondsPerTick) - (processor.Now + processor.Behavior.ClockOffset);
        (long seconds, long nanoseconds) = Math.DivRem(boot, NanosecondsPerSecond);
        BinaryPrimitives.WriteUInt32LittleEndian(wall[4..], (uint)seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(wall[8..], (uint)nanoseconds);
        Write(_wallClock, version, wall);
    }

    // An odd version says that the rest is being changed; another vCPU may read it.
    private void Write(ulong address, uint version, Span<byte> structure)
    {
        uint odd = version + 1 | 1;
        BinaryPrimitives.WriteUInt32LittleEndian(structure, odd);
        processor.Mmu.TryWritePhysical(address, structure[..sizeof(uint)]);
        Interlocked.MemoryBarrier();
        processor.Mmu.TryWritePhysical(address + sizeof(uint), structure[sizeof(uint)..]);
        Interlocked.MemoryBarrier();
        BinaryPrimitives.WriteUInt32LittleEndian(structure, odd + 1);
        processor.Mmu.TryWritePhysical(address, structure[..sizeof(uint)]);
    }
}
