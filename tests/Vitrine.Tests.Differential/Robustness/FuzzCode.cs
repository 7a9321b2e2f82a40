namespace Vitrine.Tests.Robustness;

/// <summary>
/// Random instruction streams: bytes in the shape of instructions (prefixes, opcode map, ModRM, SIB, displacement, immediate), so
/// that nearly all of them decode, with what changes the machine more often than chance would have it.
/// </summary>
internal static class FuzzCode
{
    private static readonly byte[] _prefixes = [0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65];

    // Opcodes (or heads of instructions, before their ModRM byte or immediate) that touch system state.
    private static readonly byte[][] _system =
    [
        [0x0F, 0x20], [0x0F, 0x22], [0x0F, 0x21], [0x0F, 0x23], [0x0F, 0x30], [0x0F, 0x32], [0x0F, 0x00], [0x0F, 0x01], [0x0F, 0x01],
        [0x0F, 0x05], [0x0F, 0x07], [0x48, 0x0F, 0x07], [0x0F, 0x34], [0x0F, 0x35], [0x0F, 0xA2], [0x0F, 0x06], [0x0F, 0x08], [0x0F, 0x09],
        [0x0F, 0x01, 0xD1], [0x0F, 0x01, 0xD0], [0x0F, 0x01, 0xF8], [0x0F, 0x01, 0xF9], [0x0F, 0x01, 0xCA], [0x0F, 0x01, 0xCB],
        [0x66, 0x0F, 0x38, 0x82], [0x0F, 0xAE], [0x0F, 0xC7], [0x0F, 0xA0], [0x0F, 0xA1], [0x0F, 0xB2], [0x0F, 0xB4], [0x0F, 0x02], [0x0F, 0x03],
        [0x8E], [0x8C], [0x17], [0x07], [0x9A], [0xEA], [0xCA], [0xCB], [0x48, 0xCB], [0xCF], [0x48, 0xCF], [0x66, 0xCF], [0xCC], [0xCD], [0xCE],
        [0xF1], [0xF4], [0xFA], [0xFB], [0xFB, 0xF4], [0x9C], [0x9D], [0xFF], [0xE4], [0xE5], [0xE6], [0xE7], [0xEC], [0xED], [0xEE], [0xEF],
        [0xC8], [0xC9], [0x60], [0x61], [0x62], [0x63], [0xC4], [0xC5], [0x9B], [0xD9], [0xDB], [0xDD], [0xDF],
        [0xF3, 0x6C], [0xF3, 0x6D], [0xF2, 0x6E], [0xF3, 0x6F], [0xF3, 0xA4], [0xF3, 0xA5], [0xF3, 0xAA], [0xF3, 0xAB], [0xF3, 0xA6], [0xF2, 0xA7],
        [0xF3, 0xAE], [0xF2, 0xAF], [0xF3, 0xAD], [0x67, 0xF3, 0xA4], [0x67, 0xF3, 0xAB], [0x67, 0xF3, 0x6D], [0xF0, 0x0F, 0xC7], [0xF0, 0x0F, 0xB1],
        [0xE2], [0xE3], [0xEB], [0xE8], [0x74], [0xC3], [0xC2],
    ];

    /// <summary>Fills memory with instructions.</summary>
    public static void Fill(Random random, Span<byte> code)
    {
        random.NextBytes(code);
        Span<byte> instruction = stackalloc byte[32];
        for (int position = 0; position < code.Length;)
        {
            int length = random.Next(8) switch
            {
                0 => random.Next(1, 16),
                <= 3 => System(random, instruction),
                _ => Any(random, instruction),
            };
            instruction[..Math.Min(length, code.Length - position)].CopyTo(code[position..]);
            position += length;
        }
    }

    private static int Any(Random random, Span<byte> bytes)
    {
        random.NextBytes(bytes);
        int length = Prefixes(random, bytes);
        switch (random.Next(10))
        {
            case 0:
                bytes[length++] = 0x0F;
                bytes[length++] = random.Next(2) == 0 ? (byte)0x38 : (byte)0x3A;
                break;
            case <= 4:
                bytes[length++] = 0x0F;
                break;
            case 5 when random.Next(3) == 0:
                bytes[length++] = (byte)(0xC4 + random.Next(2));

                // VEX with three bytes knows three opcode maps.
                if (bytes[length - 1] == 0xC4) bytes[length] = (byte)((bytes[length] & 0xE0) | random.Next(1, 4));
                length += bytes[length - 1] == 0xC4 ? 2 : 1;
                break;
            case 6:
                bytes[length++] = (byte)(0xD8 + random.Next(8));
                return ModRm(random, bytes, length);
        }

        length++;
        return ModRm(random, bytes, length) + random.Next(3);
    }

    private static int System(Random random, Span<byte> bytes)
    {
        random.NextBytes(bytes);
        int length = random.Next(4) == 0 ? Prefixes(random, bytes) : 0;
        byte[] head = _system[random.Next(_system.Length)];
        head.CopyTo(bytes[length..]);
        return ModRm(random, bytes, length + head.Length);
    }

    private static int Prefixes(Random random, Span<byte> bytes)
    {
        int length = 0;
        while (length < 4 && random.Next(3) == 0) bytes[length++] = _prefixes[random.Next(_prefixes.Length)];
        if (random.Next(3) == 0) bytes[length++] = (byte)(0x40 + random.Next(16));
        return length;
    }

    private static int ModRm(Random random, Span<byte> bytes, int length)
    {
        // Immediates and displacements are small more often than not, so that they hit something.
        if (random.Next(2) == 0) bytes[(length + 3)..(length + 5)].Clear();
        return length + random.Next(1, 7);
    }
}
