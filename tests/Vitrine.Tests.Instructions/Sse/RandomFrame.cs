using System.Runtime.InteropServices;

namespace Vitrine.Tests.Software.Sse;

/// <summary>Random machine states, with values where vector arithmetic has its corners.</summary>
internal static class RandomFrame
{
    private static readonly ulong[] _corners =
        [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, long.MaxValue, 1UL << 63, ulong.MaxValue];

    private static readonly byte[] _few = [0, 0, 1, 2, 3, 0x41, 0x80, 0xFF];

    /// <summary>General registers, flags, XMM and x87 registers; no x87 exception is pending and RSP's value is meaningless.</summary>
    public static void Fill(MachineFrame frame, Random random)
    {
        frame.Bytes.Clear();
        for (int i = 0; i < 16; i++)
        {
            frame.General[i] = random.Next(3) == 0 ? (ulong)random.NextInt64(-20, 21) : (ulong)random.NextInt64(long.MinValue, long.MaxValue);
        }

        for (int i = 0; i < 16; i++) Fill(frame.Xmm(i), random);
        if (random.Next(4) == 0) frame.Xmm(1).CopyTo(frame.Xmm(2));
        for (int i = 0; i < 8; i++)
        {
            Fill(frame.St(i)[..8], random);
            random.NextBytes(frame.St(i)[8..10]);
        }

        frame.ControlWord = 0x37F;
        frame.StatusWord = (ushort)((random.Next(8) << 11) | (random.Next(2) * 0x4700));
        frame.FxImage[4] = (byte)random.Next(256);
        frame.Mxcsr = 0x1F80;
        frame.Flags = 2 | ((ulong)random.Next(0x1000) & 0x8D5);
    }

    /// <summary>Bytes that are random, few-valued (so that comparisons hit), corners of some lane width, or small numbers.</summary>
    public static void Fill(Span<byte> bytes, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                foreach (ref byte b in bytes) b = _few[random.Next(_few.Length)];
                break;
            case 1:
                foreach (ref ushort w in MemoryMarshal.Cast<byte, ushort>(bytes)) w = (ushort)Corner(random);
                break;
            case 2:
                foreach (ref uint d in MemoryMarshal.Cast<byte, uint>(bytes)) d = (uint)Corner(random);
                break;
            case 3:
                bytes.Clear();
                foreach (ref ulong q in MemoryMarshal.Cast<byte, ulong>(bytes)) q = random.Next(2) == 0 ? (ulong)random.Next(70) : Corner(random);
                break;
            default:
                random.NextBytes(bytes);
                break;
        }
    }

    private static ulong Corner(Random random) => _corners[random.Next(_corners.Length)];
}
