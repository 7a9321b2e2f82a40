using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Tests.Software.FloatingPoint;

/// <summary>Random operands, most of them near something that matters: zeros, denormals, infinities, NaNs, ties, range ends.</summary>
internal sealed class RandomOperands(int seed)
{
    private static readonly ulong[] Significands =
    [
        0, 1, 0x8000_0000_0000_0000, 0x8000_0000_0000_0001, 0xC000_0000_0000_0000, 0xC000_0000_0000_0001,
        0xBFFF_FFFF_FFFF_FFFF, 0xA000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x4000_0000_0000_0000,
        0x8000_0080_0000_0000, 0x8000_0100_0000_0000, 0x8000_0000_0000_0400, 0x8000_0000_0000_0C00, 0xFFFF_FF00_0000_0000,
        0xFFFF_FF80_0000_0000, 0xFFFF_FFFF_FFFF_F800, 0xFFFF_FFFF_FFFF_FC00, 0x0000_0000_0000_0800, 0xB504_F333_F9DE_6484,
    ];

    private static readonly int[] Exponents =
    [
        0, 0, 1, 2, 63, 64, 0x7FFF, 0x7FFF, 0x7FFE, 0x7FFD, 0x3FFF, 0x3FFE, 0x3FFD, 0x4000, 0x3FFF + 63, 0x3FFF + 62, 0x3FFF + 31,
        0x3FFF + 15, 0x3FFF - 1022, 0x3FFF - 1023, 0x3FFF - 1074, 0x3FFF - 126, 0x3FFF - 127, 0x3FFF - 149, 0x3FFF - 150,
        0x3FFF + 127, 0x3FFF + 128, 0x3FFF + 1023, 0x3FFF + 1024,
    ];

    private readonly Random random = new(seed);

    public ushort ControlWord(bool masked = true) =>
        (ushort)((masked ? 0x3F : random.Next(0x40)) | (random.Next(4) switch { 0 => 0, 1 => 2, _ => 3 } << 8) | (random.Next(4) << 10));

    public uint Mxcsr() =>
        (uint)(0x1F80 | (random.Next(2) == 0 ? 0 : (random.Next(4) << 13) | (random.Next(2) << 15) | (random.Next(2) << 6)) | (random.Next(3) == 0 ? random.Next(0x40) : 0));

    public int Next(int limit) => random.Next(limit);

    public long NextInteger() => random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64);

    public Float80 Extended()
    {
        int exponent = random.Next(4) switch
        {
            0 => random.Next(0x8000),
            1 => 0x3FFF + random.Next(-70, 70),
            _ => Exponents[random.Next(Exponents.Length)],
        };
        ulong significand = Significand();
        if (exponent != 0 && random.Next(8) != 0) significand |= Float80.IntegerBit;
        return new(significand, (ushort)(exponent | (random.Next(2) << 15)));
    }

    /// <summary>An operand near another: same or neighbouring exponent, where sums cancel and quotients tie.</summary>
    public Float80 Near(Float80 other) =>
        random.Next(3) != 0
            ? Extended()
            : new(random.Next(2) == 0 ? other.Significand ^ ((ulong)random.Next(4) << random.Next(63)) : Significand() | Float80.IntegerBit,
                (ushort)((other.SignExponent + random.Next(-66, 67)) & 0x7FFF | (random.Next(2) << 15)));

    public ulong Double()
    {
        int exponent = random.Next(5) switch
        {
            0 => random.Next(0x800),
            1 => 0x3FF + random.Next(-60, 60),
            2 => random.Next(2) * 0x7FF,
            3 => random.Next(2) == 0 ? random.Next(56) : 0x7FE - random.Next(56),
            _ => 0x3FF + random.Next(-1, 65),
        };
        return ((ulong)random.Next(2) << 63) | ((ulong)exponent << 52) | (Significand() << 1 >> 12);
    }

    public ulong Single()
    {
        int exponent = random.Next(4) switch
        {
            0 => random.Next(0x100),
            1 => 0x7F + random.Next(-30, 30),
            2 => random.Next(2) * 0xFF,
            _ => 0x7F + random.Next(-1, 65),
        };
        return ((ulong)random.Next(2) << 31) | ((ulong)exponent << 23) | (Significand() << 1 >> 41);
    }

    public ulong Near(ulong other, bool isDouble)
    {
        int fraction = isDouble ? 52 : 23;
        return random.Next(4) switch
        {
            0 => other ^ (ulong)random.Next(4),
            1 => other ^ (1UL << random.Next(fraction + 4)),
            2 => other ^ (1UL << (isDouble ? 63 : 31)),
            _ => isDouble ? Double() : Single(),
        };
    }

    private ulong Significand() => random.Next(4) switch
    {
        0 => (ulong)random.NextInt64() << 1 ^ (ulong)random.NextInt64(),
        1 => ulong.MaxValue << random.Next(64),
        2 => (Float80.IntegerBit | (1UL << random.Next(64))) >> (random.Next(3) == 0 ? random.Next(64) : 0),
        _ => Significands[random.Next(Significands.Length)],
    };
}
