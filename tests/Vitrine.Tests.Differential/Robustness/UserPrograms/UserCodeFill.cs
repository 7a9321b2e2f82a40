using System.Buffers.Binary;
using Iced.Intel;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>
/// Code pages of user programs: bytes by chance, bytes in the shape of instructions, and instructions that mostly get on with their work,
/// whose operands are near the pointers that <see cref="UserStart"/> puts into registers.
/// </summary>
internal static class UserCodeFill
{
    private const int PageSize = 0x1000;
    private const int LongestInstruction = 15;

    // Invalid, privileged or far in user code, prefixes, and 0F, which has a map of its own.
    private static readonly HashSet<byte> _rareOpcodes =
    [
        0x06, 0x07, 0x0E, 0x0F, 0x16, 0x17, 0x1E, 0x1F, 0x26, 0x27, 0x2E, 0x2F, 0x36, 0x37, 0x3E, 0x3F, 0x60, 0x61, 0x62, 0x64, 0x65, 0x66, 0x67,
        0x6C, 0x6D, 0x6E, 0x6F, 0x82, 0x9A, 0x9B, 0xA0, 0xA1, 0xA2, 0xA3, 0xC4, 0xC5, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF, 0xD4, 0xD5, 0xD6,
        0xE4, 0xE5, 0xE6, 0xE7, 0xEA, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xFA, 0xFB,
    ];

    /// <summary>Fills whole pages, each in one of the ways.</summary>
    public static void Fill(Random random, Span<byte> code, bool is64)
    {
        for (int page = 0; page < code.Length; page += PageSize)
        {
            Span<byte> bytes = code.Slice(page, PageSize);
            switch (random.Next(6))
            {
                case 0: random.NextBytes(bytes); break;
                case 1: FuzzCode.Fill(random, bytes); break;
                default: Instructions(random, bytes, is64); break;
            }
        }
    }

    private static void Instructions(Random random, Span<byte> page, bool is64)
    {
        byte[] buffer = new byte[LongestInstruction + 1];
        ByteArrayCodeReader reader = new(buffer);
        Decoder decoder = Decoder.Create(is64 ? 64 : 32, reader);
        for (int at = 0; at < page.Length;)
        {
            random.NextBytes(buffer);
            Shape(random, buffer, is64);
            reader.Position = 0;
            decoder.IP = 0;
            decoder.Decode(out Instruction instruction);
            if (instruction.Code == Code.INVALID && random.Next(64) != 0) continue;
            int length = Math.Min(instruction.Code == Code.INVALID ? 3 : instruction.Length, page.Length - at);
            if (instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch or FlowControl.Call) Aim(random, buffer.AsSpan(0, length), instruction);
            buffer.AsSpan(0, length).CopyTo(page[at..]);
            at += length;
        }
    }

    /// <summary>Near, and mostly forward.</summary>
    private static void Aim(Random random, Span<byte> instruction, in Instruction decoded)
    {
        int distance = random.Next(8) == 0 ? random.Next(-64, 0) : random.Next(0, 100);
        if (decoded.Op0Kind is not (OpKind.NearBranch32 or OpKind.NearBranch64)) return;
        bool isShort = instruction.Length < 5 || instruction[^2] is (>= 0x70 and <= 0x7F) or 0xEB or (>= 0xE0 and <= 0xE3);
        if (isShort) instruction[^1] = (byte)distance;
        else BinaryPrimitives.WriteInt32LittleEndian(instruction[^4..], distance * 4);
    }

    private static void Shape(Random random, Span<byte> bytes, bool is64)
    {
        int at = 0;
        if (random.Next(5) == 0) bytes[at++] = random.Next(32) == 0 ? (byte)0xF0 : (byte)(random.Next(3) switch { 0 => 0x66, 1 => 0xF2, _ => 0xF3 });
        if (random.Next(48) == 0) bytes[at++] = (byte)(random.Next(3) switch { 0 => 0x64, 1 => 0x65, _ => 0x67 });
        if (is64 && random.Next(2) == 0) bytes[at++] = (byte)(0x40 | random.Next(16));
        if (random.Next(5) < 2)
        {
            bytes[at++] = 0x0F;
            if (bytes[at] is < 0x0D or (>= 0x20 and <= 0x24) or (>= 0x30 and <= 0x37)) bytes[at] += 0x40;
            if (bytes[at] is 0x38 or 0x3A) at++;
        }
        else
        {
            while (_rareOpcodes.Contains(bytes[at]) || (is64 && (bytes[at] & 0xF0) == 0x40)) bytes[at] = (byte)random.Next(256);
        }

        ModRm(random, bytes[(at + 1)..]);
    }

    private static void ModRm(Random random, Span<byte> bytes)
    {
        int register = random.Next(8) << 3;
        int pointer = random.Next(4) switch { 0 => 3, 1 => 5, 2 => 6, _ => 7 };
        switch (random.Next(16))
        {
            case < 6:
                bytes[0] = (byte)(0xC0 | register | random.Next(8));
                break;
            case < 12:
                bytes[0] = (byte)(0x40 | register | pointer);
                break;
            case 12:
                // By RSP or another pointer through a SIB byte, mostly without an index.
                bytes[0] = (byte)(0x44 | register);
                bytes[1] = (byte)((random.Next(4) == 0 ? random.Next(256) & 0xF8 : 0x20) | (random.Next(2) == 0 ? 4 : pointer));
                break;
            case 13:
                bytes[0] = (byte)(0x80 | register | pointer);
                BinaryPrimitives.WriteInt32LittleEndian(bytes[1..], random.Next(-0x1800, 0x1800));
                break;
            case 14:
                // RIP-relative: this code, or what is behind it. An absolute address in 32-bit code.
                bytes[0] = (byte)(5 | register);
                BinaryPrimitives.WriteInt32LittleEndian(bytes[1..], random.Next(-0x200, 0x400));
                break;
        }
    }
}
