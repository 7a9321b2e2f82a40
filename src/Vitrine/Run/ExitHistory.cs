using System.Buffers.Binary;
using Vitrine.Accelerators;

namespace Vitrine.Run;

/// <summary>The last exits of one vCPU, in a ring that is written without allocating.</summary>
internal sealed class ExitHistory
{
    /// <summary>How many are kept.</summary>
    public const int Capacity = 16;

    private readonly ExitRecord[] _ring = new ExitRecord[Capacity];

    /// <summary>How many exits there have been.</summary>
    public ulong Total { get; private set; }

    /// <summary>Keeps an exit. After it was handled, so that what a read returned is in it.</summary>
    public void Add(ref VmExit exit)
    {
        ref ExitRecord record = ref _ring[Total % Capacity];
        record.Number = ++Total;
        record.Reason = exit.Reason;
        record.IsWrite = exit.IsWrite;
        record.Size = exit.Size;
        record.Count = exit.Count;
        switch (exit.Reason)
        {
            case VmExitReason.PortIo:
                record.Address = exit.Port;
                record.Value = FirstValue(ref exit);
                break;
            case VmExitReason.Mmio or VmExitReason.Msr:
                record.Address = exit.Address;
                record.Value = FirstValue(ref exit);
                break;
            case VmExitReason.IoapicEoi:
                record.Value = exit.Vector;
                break;
            case VmExitReason.InternalError:
                record.Value = exit.Suberror;
                break;
            default:
                record.Value = exit.Detail;
                break;
        }
    }

    /// <summary>What is kept, oldest first.</summary>
    public IEnumerable<ExitRecord> Recent()
    {
        for (ulong number = Total > Capacity ? Total - Capacity : 0; number < Total; number++) yield return _ring[number % Capacity];
    }

    private static ulong FirstValue(ref VmExit exit)
    {
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        Span<byte> data = exit.Data;
        data[..Math.Min(Math.Min(Math.Max(exit.Size, 0), 8), data.Length)].CopyTo(value);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }
}
