namespace Vitrine.Tests.Differential;

/// <summary>
/// Random bytes in the order of an instruction: prefixes of all kinds, redundant and repeated, the escapes of all maps, an opcode, ModRM and whatever
/// follows (SDM vol. 2, 2.1 to 2.7).
/// </summary>
internal sealed class RandomEncoding(CaseRandom random)
{
    private const int MaxLength = 15;
    private const int FirstVector = 10;
    private static readonly byte[] _prefixes = [0x66, 0x67, 0xF2, 0xF3, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0xF0];

    // Aliases, opcodes that few assemblers write, and groups with holes.
    private static readonly byte[] _rare =
        [0x82, 0x8F, 0xC0, 0xC1, 0xC6, 0xC7, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xF1, 0xF6, 0xF7, 0xFE, 0xFF, 0x8C, 0x8E, 0x8D, 0x62, 0x63, 0x9B, 0x90];

    private static readonly byte[] _rareEscaped =
        [0x00, 0x01, 0x02, 0x03, 0x05, 0x07, 0x0B, 0x0D, 0x0E, 0x0F, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x24, 0x26, 0x36, 0x37, 0x39,
         0x3C, 0x71, 0x72, 0x73, 0x77, 0x78, 0x79, 0x7A, 0xA6, 0xA7, 0xAE, 0xB8, 0xB9, 0xBA, 0xBC, 0xBD, 0xC7, 0xD6, 0xE6, 0xF0, 0xFF, 0x13, 0x17, 0x50, 0xC5,
         0xD7, 0xE7, 0x2B, 0xA3, 0xAB, 0xC2, 0xC3];

    private int _at;

    /// <summary>Fills a buffer with an encoding, and what is left of it with anything.</summary>
    public void Fill(Span<byte> bytes, int bitness)
    {
        foreach (ref byte b in bytes) b = (byte)random.Next();
        if (random.OneIn(32)) return;
        _at = 0;
        int form = random.Below(16);

        // What is encoded with VEX and EVEX allows few prefixes before it.
        if (form >= FirstVector && !random.OneIn(4)) Segments(bytes);
        else Prefixes(bytes, bitness == 64);
        switch (form)
        {
            case 0 or 1 or 2:
                _at++;
                break;
            case 3:
                bytes[_at++] = random.Pick<byte>(_rare);
                break;
            case 4:
                bytes[_at++] = (byte)(0xD8 + random.Below(8));
                break;
            case 5 or 6:
                bytes[_at++] = 0x0F;
                _at++;
                break;
            case 7:
                bytes[_at++] = 0x0F;
                bytes[_at++] = random.Pick<byte>(_rareEscaped);
                break;
            case 8:
                bytes[_at++] = 0x0F;
                bytes[_at++] = 0x38;
                _at++;
                break;
            case 9:
                bytes[_at++] = 0x0F;
                bytes[_at++] = 0x3A;
                _at++;
                break;
            case FirstVector or 11 or 12:
                Vex3(bytes, random.OneIn(16) ? (byte)0x8F : (byte)0xC4, bitness == 64);
                break;
            case 13 or 14:
                Vex2(bytes, bitness == 64);
                break;
            default:
                bytes[_at++] = 0x62;
                break;
        }

        if (random.OneIn(3)) Operand(bytes[_at..]);
    }

    private void Segments(Span<byte> bytes)
    {
        while (random.OneIn(4) && _at < 3) bytes[_at++] = random.Pick((ReadOnlySpan<byte>)[0x67, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65]);
    }

    private void Prefixes(Span<byte> bytes, bool is64)
    {
        int count = random.Below(8) switch { < 3 => 0, < 5 => 1, 5 => 2, 6 => random.Below(6), _ => random.OneIn(3) ? random.Below(MaxLength + 2) : 0 };
        bool locks = random.OneIn(4);
        byte repeated = random.OneIn(8) ? random.Pick<byte>(_prefixes) : (byte)0;
        for (int i = 0; i < count; i++)
        {
            // REX with a prefix behind it counts for nothing.
            if (is64 && random.OneIn(6)) bytes[_at++] = Rex();
            else if (repeated != 0) bytes[_at++] = repeated;
            else bytes[_at++] = _prefixes[random.Below(_prefixes.Length - (locks ? 0 : 1))];
        }

        if (is64 && random.OneIn(2)) bytes[_at++] = Rex();
    }

    private byte Rex() => (byte)(0x40 + random.Below(16));

    private void Vex2(Span<byte> bytes, bool is64)
    {
        bytes[_at++] = 0xC5;
        bytes[_at] = Registers(bytes[_at]);
        if (!is64 && !random.OneIn(8)) bytes[_at] |= 0x80;
        _at++;
        Opcode(bytes, 1);
    }

    private void Vex3(Span<byte> bytes, byte first, bool is64)
    {
        bytes[_at++] = first;
        int map = first == 0x8F ? 8 + random.Below(3) : 1 + random.Below(3);
        if (!random.OneIn(5)) bytes[_at] = (byte)((bytes[_at] & 0xE0) | map);
        if (!is64 && !random.OneIn(8)) bytes[_at] |= 0xC0;
        map = bytes[_at++] & 0x1F;
        bytes[_at] = Registers(bytes[_at]);
        _at++;
        Opcode(bytes, map);
    }

    /// <summary>Most opcodes have no register in vvvv.</summary>
    private byte Registers(byte last) => random.OneIn(2) ? (byte)(last | 0x78) : last;

    private void Opcode(Span<byte> bytes, int map)
    {
        // Where there are few opcodes, chance finds them too seldom.
        if (map == 1 && random.OneIn(4)) bytes[_at] = random.Pick((ReadOnlySpan<byte>)[0x77, 0xAE, 0x50, 0x7E, 0x6E, 0xC5, 0xC4, 0x2A, 0x2D, 0x41, 0x4B, 0x90, 0x92]);
        if (map == 2 && random.OneIn(4)) bytes[_at] = random.Pick((ReadOnlySpan<byte>)[0xF2, 0xF3, 0xF5, 0xF6, 0xF7, 0x8C, 0x8E, 0x90, 0x92, 0x1A, 0x19]);
        if (map == 3 && random.OneIn(2)) bytes[_at] = (byte)random.Below(0x80);
        _at++;
    }

    /// <summary>A ModRM byte that names memory without a large displacement, or registers.</summary>
    private void Operand(Span<byte> bytes) => bytes[0] = random.OneIn(2) ? (byte)(bytes[0] | 0xC0) : (byte)(bytes[0] & 0x7F);
}
