using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Translation;
using Decoder = Iced.Intel.Decoder;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>How code is written in listings, guest's and host's.</summary>
internal static unsafe class CodeText
{
    // SAFETY: reads as many bytes as it is told.

    /// <summary>Numbers as C# has them.</summary>
    public static FormatterOptions Options() => new() { HexPrefix = "0x", HexSuffix = null, UppercaseHex = false, ShowBranchSize = false, BranchLeadingZeros = false };

    /// <summary>A guest instruction.</summary>
    /// <param name="code">Its bytes.</param>
    /// <param name="length">How many can be read.</param>
    /// <param name="bitness">16, 32 or 64.</param>
    /// <param name="rip">Its RIP.</param>
    /// <param name="options">How it is decoded.</param>
    public static GuestCodeLine Guest(byte* code, int length, int bitness, ulong rip, DecoderOptions options)
    {
        PageCodeReader reader = new();
        reader.Start(code, length);
        Decoder decoder = Decoder.Create(bitness, reader, options);
        decoder.IP = rip;
        decoder.Decode(out Instruction instruction);
        if (decoder.LastError == DecoderError.NoMoreBytes) return new GuestCodeLine(rip, "", "(reaches into the next page)");
        StringOutput text = new();
        new NasmFormatter(Options()).Format(instruction, text);
        return new GuestCodeLine(rip, Convert.ToHexStringLower(new ReadOnlySpan<byte>(code, instruction.Length)), text.ToStringAndReset());
    }
}
