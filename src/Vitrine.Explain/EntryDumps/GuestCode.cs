using System.Collections.Immutable;
using Iced.Intel;
using Vitrine.Explain.Fetch;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.EntryDumps;

/// <summary>The code bytes of a dump, and where in them CS:RIP is.</summary>
/// <param name="Bytes">The bytes; null where QEMU could not read.</param>
/// <param name="At">Index of the byte at CS:RIP; −1 where none is marked.</param>
internal sealed record GuestCode(ImmutableArray<byte?> Bytes, int At)
{
    private const ulong VideoMemory = 0xA_0000, VideoMemoryEnd = 0xC_0000;
    private const ulong Apics = 0xFEC0_0000, ApicsEnd = 0xFEF0_0000;

    /// <summary>Where the guest was, and the instruction there.</summary>
    /// <param name="state">The guest's registers.</param>
    /// <param name="code">The bytes; null where the dump has none.</param>
    public static ImmutableArray<string> Describe(ProcessorState state, GuestCode? code)
    {
        SegmentRegister cs = state.Segments[Seg.Cs];
        ProcessorMode mode = ProcessorMode.Of(state);
        ulong linear = mode.Bits == 64 ? state.Rip : (uint)(cs.Base + state.Rip);
        List<string> sentences =
            [$"The guest was in {mode.Name} at CS:RIP = {cs.Selector:x4}:{state.Rip:x}, linear address 0x{linear:x}."];
        if (Outside(state, mode) is { } outside) sentences.Add(outside);
        if (Place(linear, (state.Cr0 & Cr0.PG) != 0) is { } place) sentences.Add(place);
        sentences.AddRange(code?.DescribeBytes(state.Rip, mode.Bits) ?? ["The dump has no code bytes, so that the instruction is not known."]);
        return [.. sentences];
    }

    private IEnumerable<string> DescribeBytes(ulong rip, int bits)
    {
        if (At < 0) return ["No code byte is marked as the one at CS:RIP (<xx>), so that the instruction is not known."];
        byte[] bytes = [.. Bytes.Skip(At).TakeWhile(value => value is not null).Select(value => value!.Value)];
        if (bytes.Length == 0) return ["CS:RIP points into nothing: QEMU could not read a byte there (??), because the page is not mapped or nothing answers."];
        return bytes switch
        {
            [0, 0, ..] => ["The bytes at CS:RIP are 00 00: empty memory. The guest ran or jumped to where nobody has written code.", Decode(bytes, rip, bits)],
            [0xFF, 0xFF, ..] =>
            [
                "The bytes at CS:RIP are ff ff: nothing is mapped there (or it is erased flash memory). The guest ran or jumped into nothing.",
                Decode(bytes, rip, bits),
            ],
            _ => [Decode(bytes, rip, bits)],
        };
    }

    private static string Decode(byte[] bytes, ulong rip, int bits)
    {
        Decoder decoder = Decoder.Create(bits, bytes, rip);
        Instruction instruction = decoder.Decode();
        if (decoder.LastError == DecoderError.NoMoreBytes) return $"The dump ends before the instruction does: {Hexadecimal(bytes)}.";
        if (instruction.IsInvalid) return $"The bytes at CS:RIP are no valid instruction: {Hexadecimal(bytes.AsSpan(0, Math.Min(bytes.Length, 15)))}.";
        StringOutput text = new();
        new NasmFormatter(new FormatterOptions { HexPrefix = "0x", HexSuffix = null, UppercaseHex = false }).Format(instruction, text);
        string features = string.Join(", ", instruction.CpuidFeatures.Select(feature => feature.ToString()));
        return $"The instruction there is '{text.ToStringAndReset()}' ({features}; {Hexadecimal(bytes.AsSpan(0, instruction.Length))}).";
    }

    private static string? Outside(ProcessorState state, ProcessorMode mode)
    {
        if (mode.Bits == 64)
        {
            int unused = (state.Cr4 & Cr4.LA57) != 0 ? 64 - 57 : 64 - 48;
            return (ulong)((long)(state.Rip << unused) >> unused) == state.Rip ? null : "RIP is not canonical: no fetch from there is possible.";
        }

        uint limit = state.Segments[Seg.Cs].Limit;
        return state.Rip > limit ? $"RIP is beyond the limit of CS, 0x{limit:x}: no fetch from there is possible." : null;
    }

    // What a PC has at some addresses; with paging, if they are mapped one to one, as firmware does.
    private static string? Place(ulong linear, bool paging)
    {
        string? place = linear switch
        {
            >= VideoMemory and < VideoMemoryEnd => "the video memory (and SMRAM) of a PC",
            >= Apics and < ApicsEnd => "the registers of the interrupt controllers",
            _ => null,
        };
        return place is null ? null : $"CS:RIP points into nothing that holds code: {(paging ? "mapped one to one, " : "")}this address is {place}.";
    }

    private static string Hexadecimal(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes) is { Length: > 0 } digits
        ? string.Join(' ', digits.Chunk(2).Select(pair => new string(pair))) : "";
}
