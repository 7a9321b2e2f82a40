namespace Vitrine.Tests.Differential;

/// <summary>SplitMix64, and the values that instructions have their corners at.</summary>
internal sealed class CaseRandom(ulong seed)
{
    private static readonly ulong[] _singles =
        [0, 0x8000_0000, 0x3F80_0000, 0xBF80_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F80_0001, 0xFFC0_1234, 1, 0x8000_0001, 0x007F_FFFF,
         0x0080_0000, 0x7F7F_FFFF, 0x4F00_0000, 0xCF00_0000, 0x4EFF_FFFF, 0x5F00_0000, 0x3F00_0000, 0x3FC0_0000, 0x4020_0000, 0x3F80_0001];

    private static readonly ulong[] _doubles =
        [0, 1UL << 63, 0x3FF0_0000_0000_0000, 0xBFF0_0000_0000_0000, 0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000, 0x7FF8_0000_0000_0000,
         0x7FF0_0000_0000_0001, 0xFFF8_0000_1234_0000, 1, 0x8000_0000_0000_0001, 0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000,
         0x7FEF_FFFF_FFFF_FFFF, 0x41E0_0000_0000_0000, 0xC1E0_0000_0000_0000, 0x41DF_FFFF_FFC0_0000, 0x43E0_0000_0000_0000,
         0x3FE0_0000_0000_0000, 0x3FF8_0000_0000_0000, 0x47EF_FFFF_F000_0000, 0x3690_0000_0000_0000];

    private static readonly ushort[] _exponents =
        [0, 0x8000, 1, 0x3FFF, 0xBFFF, 0x3FFE, 0x4000, 0x7FFE, 0x7FFF, 0xFFFF, 0x403E, 0xC03E, 0x401E, 0x3FBF, 0x400E, 0x3FC0, 0x403D, 0x3C01, 0x43FE];

    private static readonly ulong[] _significands =
        [1UL << 63, 0xC000_0000_0000_0000, ulong.MaxValue, 0x8000_0000_0000_0001, 0, 1, 0x4000_0000_0000_0000, 0xFFFF_FFFF_FFFF_F800, 0x8000_0000_0000_0400,
         0xC000_0000_0000_0001, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FF80_0000_0000, 0xC90F_DAA2_2168_C235];

    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 to below <paramref name="end"/>.</summary>
    public int Below(int end) => (int)((Next() >> 32) * (ulong)end >> 32);

    /// <summary>True once in <paramref name="times"/>.</summary>
    public bool OneIn(int times) => Below(times) == 0;

    public T Pick<T>(ReadOnlySpan<T> values) => values[Below(values.Length)];

    /// <summary>An integer: small, near a power of two, a repeated byte, or anything.</summary>
    public ulong Integer()
    {
        switch (Below(8))
        {
            case 0: return (ulong)Below(3) - 1;
            case 1: return (ulong)(long)(Below(300) - 150);
            case 2: return (1UL << Below(64)) + (ulong)(long)(Below(3) - 1);
            case 3: return ulong.MaxValue << Below(64);
            case 4: return (Next() & 0xFF) * 0x0101_0101_0101_0101;
            case 5: return Next() >> Below(64);
            default: return Next();
        }
    }

    /// <summary>Eight bytes of a vector or of memory.</summary>
    public ulong Lanes()
    {
        switch (Below(7))
        {
            case 0: return Pick<ulong>(_singles) | (Pick<ulong>(_singles) << 32);
            case 1: return Pick<ulong>(_doubles);
            case 2: return (uint)Single() | ((ulong)(uint)Single() << 32);
            case 3: return Double();
            case 4: return Few();
            case 5: return Integer();
            default: return Next();
        }
    }

    public (ulong Significand, ushort SignExponent) Extended()
    {
        switch (Below(8))
        {
            case 0: return (Next(), (ushort)Next());
            case 1: return (Lanes(), 0xFFFF);
            case 2: return (1UL << 63, 0x3FFF);
            case 3: return (Next() | (1UL << 63), (ushort)(0x3FFF - 70 + Below(140) + (Below(2) << 15)));
            case 4:
                int bits = Below(64);
                return ((Next() | (1UL << 63)) & (ulong.MaxValue << bits), (ushort)(0x403E - bits + (Below(2) << 15)));
            default: return (Pick<ulong>(_significands), (ushort)(Pick<ushort>(_exponents) ^ (Below(2) << 15)));
        }
    }

    private ulong Few()
    {
        ulong value = 0;
        for (int i = 0; i < 8; i++) value = (value << 8) | Pick((ReadOnlySpan<byte>)[0, 0, 1, 2, 3, 0x41, 0x7F, 0x80, 0xFF]);
        return value;
    }

    private int Single() => BitConverter.SingleToInt32Bits((float)((Below(2000) - 1000) * Math.Pow(2, Below(40) - 20)));

    private ulong Double() => BitConverter.DoubleToUInt64Bits((double)(long)(Next() >> Below(64)) * Math.Pow(2, Below(80) - 60));
}
