using System.Buffers.Binary;
using Vitrine.Memory;
using Vitrine.X86;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>What guest memory must hold. Trials are taken back with <see cref="Undo"/>.</summary>
internal sealed class ModelMemory(GuestMemory real)
{
    private readonly byte[] _pool = new byte[L.PoolPages << 12];
    private readonly Stack<(int Offset, byte Before)> _log = new();

    /// <summary>The pool.</summary>
    public ReadOnlySpan<byte> Pool => _pool;

    /// <summary>How many bytes were written since <see cref="Begin"/>.</summary>
    public int Mark => _log.Count;

    /// <summary>Takes the pool over as it is.</summary>
    public void Begin(ReadOnlySpan<byte> pool)
    {
        pool.CopyTo(_pool);
        _log.Clear();
    }

    /// <summary>Takes writes back.</summary>
    public void Undo(int mark)
    {
        while (_log.Count > mark)
        {
            (int offset, byte before) = _log.Pop();
            _pool[offset] = before;
        }
    }

    public static MemoryKind KindOf(ulong gpa) => gpa switch
    {
        >= L.Pool and < L.PoolEnd => MemoryKind.Pool,
        >= L.Rom and < L.RomEnd => MemoryKind.Rom,
        < L.RamSize or (>= L.ApicPage and < L.ApicPage + 0x1000) => MemoryKind.Forbidden,
        _ => MemoryKind.Device,
    };

    /// <summary>The first entry of a root maps the harness.</summary>
    public static bool IsHarnessEntry(ulong gpa) => gpa - L.Pool < L.Roots << 12 && (gpa & 0xFFF) < 8;

    /// <summary>Reads a paging-structure entry. Where there is no memory it is all ones.</summary>
    public ulong Entry(ulong gpa, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        switch (KindOf(gpa))
        {
            case MemoryKind.Pool:
                int offset = (int)(gpa - L.Pool);
                return size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(_pool.AsSpan(offset)) : BinaryPrimitives.ReadUInt64LittleEndian(_pool.AsSpan(offset));
            case MemoryKind.Device:
                return size == 4 ? uint.MaxValue : ulong.MaxValue;
            default:
                return real.TryRead(new Gpa(gpa), bytes[..size]) ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : ulong.MaxValue;
        }
    }

    /// <summary>One byte of the pool or ROM.</summary>
    public byte Byte(ulong gpa)
    {
        if (KindOf(gpa) == MemoryKind.Pool) return _pool[(int)(gpa - L.Pool)];
        Span<byte> one = [0];
        return real.TryRead(new Gpa(gpa), one) ? one[0] : (byte)0xFF;
    }

    /// <summary>Writes one byte of the pool.</summary>
    public void SetByte(ulong gpa, byte value)
    {
        int offset = (int)(gpa - L.Pool);
        _log.Push((offset, _pool[offset]));
        _pool[offset] = value;
    }
}
