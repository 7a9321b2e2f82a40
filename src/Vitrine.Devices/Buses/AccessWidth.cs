using System.Buffers.Binary;
using System.Numerics;

namespace Vitrine.Devices.Buses;

/// <summary>How a bus cuts an access into pieces that a device takes, and moves their bytes.</summary>
internal static class AccessWidth
{
    /// <summary>The largest naturally aligned piece at an address, within what is left and what the device takes.</summary>
    /// <returns>1, 2, 4 or 8.</returns>
    public static int Next(ulong address, int remaining, int widest)
    {
        int width = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(remaining, widest) + 1) >> 1;
        ulong alignment = address & (~address + 1);
        return alignment != 0 && alignment < (ulong)width ? (int)alignment : width;
    }

    /// <summary>Reads a little-endian value of 1, 2, 4 or 8 bytes.</summary>
    public static ulong Load(ReadOnlySpan<byte> data, int width) => width switch
    {
        1 => data[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(data),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(data),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(data),
    };

    /// <summary>Writes the low 1, 2, 4 or 8 bytes of a value, little-endian.</summary>
    public static void Store(Span<byte> data, int width, ulong value)
    {
        switch (width)
        {
            case 1: data[0] = (byte)value; break;
            case 2: BinaryPrimitives.WriteUInt16LittleEndian(data, (ushort)value); break;
            case 4: BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)value); break;
            default: BinaryPrimitives.WriteUInt64LittleEndian(data, value); break;
        }
    }
}
