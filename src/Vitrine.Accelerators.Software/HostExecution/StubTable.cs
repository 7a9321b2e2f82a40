using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.HostSignals;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// The stubs of one vCPU, by their keys. Bounded: when the table or its memory is full, all are dropped. Nobody else holds a
/// stub; a decoded operation holds the key, from which it is made again.
/// </summary>
internal sealed unsafe class StubTable : IDisposable
{
    // SAFETY: _entries has Slots elements; code is written within the memory's size, checked in Create; only the vCPU's thread comes here.
    private const int Slots = 4096;
    private const int MaxStubs = Slots / 2;
    private const int MemoryBytes = 256 << 10;
    private const int CodeAlignment = 16;

    private readonly ExecutableMemory _memory = ExecutableMemory.Create(MemoryBytes);
    private readonly HostStub* _entries;
    private readonly StubBuilder _builder = new();
    private readonly CodeRange* _guard;
    private readonly int _firstStub;
    private int _count;
    private int _used;

    /// <summary>Creates an empty table.</summary>
    /// <param name="frame">What all stubs are called with.</param>
    /// <exception cref="VitrineException">The host refuses memory for code.</exception>
    public StubTable(HostFrame* frame)
    {
        _entries = (HostStub*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(HostStub));
        _builder.BuildLanding(frame);
        Place(_builder.Code);
        _firstStub = _used;
        _guard = SignalHandler.Guard(new CodeRange
        {
            Start = _memory.Executable + _firstStub,
            End = _memory.Executable + _memory.Size,
            Landing = _memory.Executable,
            Record = &frame->Signal,
        });
    }

    /// <summary>Stubs made since creation, those made again included.</summary>
    public ulong Built { get; private set; }

    /// <summary>Times that all stubs were dropped.</summary>
    public ulong Flushes { get; private set; }

    /// <summary>The code of a stub, once more.</summary>
    public ReadOnlySpan<byte> CodeOf(StubKey key) => _builder.TryBuild(key, out _) ? _builder.Code : [];

    /// <summary>The stub of an instruction, made if need be; valid until the next call. Null when the instruction can't be executed so.</summary>
    public HostStub* Get(StubKey key)
    {
        HostStub* entry = SlotFor(key);
        return entry->Key == key ? entry : Create(key, entry);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        SignalHandler.Release(_guard);
        _memory.Dispose();
        NativeMemory.Free(_entries);
    }

    /// <summary>The entry that holds a key, or the free one where it belongs.</summary>
    private HostStub* SlotFor(StubKey key)
    {
        const ulong Golden = 0x9E37_79B9_7F4A_7C15;
        uint slot = (uint)((key.Value * Golden) >> 52);
        while (_entries[slot].Key != default && _entries[slot].Key != key) slot = (slot + 1) & (Slots - 1);
        return _entries + slot;
    }

    private HostStub* Create(StubKey key, HostStub* entry)
    {
        if (!_builder.TryBuild(key, out HostStub stub)) return null;
        int length = _builder.Code.Length;
        if (_count >= MaxStubs || _used + length > MemoryBytes)
        {
            NativeMemory.Clear(_entries, Slots * (nuint)sizeof(HostStub));
            (_count, _used) = (0, _firstStub);
            Flushes++;
            entry = SlotFor(key);
        }

        stub.Entry = (delegate* unmanaged[SuppressGCTransition]<HostFrame*, CpuState*, void>)Place(_builder.Code);
        *entry = stub;
        _count++;
        Built++;

        // CPUID serialises. Code that is written at one address and executed at another asks for it (APM vol. 2, 7.6.1) where other code
        // was executed there before.
        if (Flushes != 0) _ = X86Base.CpuId(0, 0);
        return entry;
    }

    /// <summary>Writes code, and says where it can be executed.</summary>
    private byte* Place(ReadOnlySpan<byte> code)
    {
        byte* place = _memory.Executable + _used;
        code.CopyTo(new Span<byte>(_memory.Writable + _used, code.Length));
        _used += (code.Length + CodeAlignment - 1) & ~(CodeAlignment - 1);
        return place;
    }
}
