using System.Globalization;
using System.Text;
using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>A case and its outcomes for people.</summary>
// SAFETY: outcomes are the caller's and as long as OracleOutcome says.
internal static unsafe class CaseText
{
    private static readonly string[] _registers =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    private static readonly string[] _segments = ["es", "cs", "ss", "ds", "fs", "gs"];

    /// <summary>What kind of disagreement it is: the codes of the instructions, and what differs.</summary>
    public static string Kind(ref OracleCase test, List<string> differences, DecoderOptions options)
    {
        List<Instruction> instructions = InstructionText.Decode(test.Instructions(), test.Image.Bitness, test.Image.Rip, options);
        string what = differences[0].Split(':')[0];
        if (what.StartsWith("memory", StringComparison.Ordinal)) what = "memory";
        string codes = string.Join(", ", instructions.Where(instruction => instruction.Code != Code.Nopd).Select(instruction => instruction.Code));
        return $"{test.Image.Bitness} {codes}: {what}";
    }

    public static string Describe(
        ref OracleCase test, ReadOnlySpan<byte> memory, OracleOutcome* host, OracleOutcome* software, List<string> differences, DecoderOptions options)
    {
        StringBuilder text = new();
        byte[] code = test.Instructions();
        ref MachineImage image = ref test.Image;
        CultureInfo culture = CultureInfo.InvariantCulture;
        text.AppendLine(culture, $"{Convert.ToHexString(code)} at {image.Rip:x} ({image.Bitness}-bit code, {test.CodeLength} bytes there)");
        foreach (Instruction instruction in InstructionText.Decode(code, image.Bitness, image.Rip, options).Where(instruction => instruction.Code != Code.Nopd)) text.AppendLine(culture, $"    {instruction}    [{instruction.Code}]");
        text.Append("  before:");
        Registers(text, ref image);
        text.AppendLine();
        Memory(text, memory);
        text.AppendLine(culture, $"  host:     {OutcomeComparison.Exception(ref host->Image)} rip={host->Image.Rip:x} rflags={host->Image.Rflags:x}");
        text.AppendLine(culture, $"  software: {OutcomeComparison.Exception(ref software->Image)} rip={software->Image.Rip:x} rflags={software->Image.Rflags:x}");
        foreach (string difference in differences) text.AppendLine(culture, $"    {difference}");
        return text.ToString();
    }

    private static void Registers(StringBuilder text, ref MachineImage image)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        for (int i = 0; i < 16; i++)
        {
            if (image.General(i) != 0) text.Append(culture, $" {_registers[i]}={image.General(i):x}");
        }

        for (int segment = 0; segment < _segments.Length; segment++) text.Append(culture, $" {_segments[segment]}={image.Selector(segment):x}");
        text.Append(culture, $" rflags={image.Rflags:x} mxcsr={image.Mxcsr:x} fcw={image.ControlWord:x} fsw={image.StatusWord:x} ftw={image.Tag:x}");
        for (int i = 0; i < 16; i++)
        {
            if (image.Xmm(i) != 0) text.Append(culture, $" xmm{i}={image.Xmm(i):x32}");
            if (image.YmmHigh(i) != 0) text.Append(culture, $" ymm{i}[255:128]={image.YmmHigh(i):x32}");
        }

        for (int i = 0; i < 8; i++)
        {
            if (image.Significand(i) != 0 || image.SignExponent(i) != 0) text.Append(culture, $" st{i}={image.SignExponent(i):x4}:{image.Significand(i):x16}");
        }
    }

    private static void Memory(StringBuilder text, ReadOnlySpan<byte> memory)
    {
        int lines = 0;
        for (int i = 0; i < memory.Length && lines < 8; i += 16)
        {
            ReadOnlySpan<byte> line = memory.Slice(i, 16);
            if (!line.ContainsAnyExcept((byte)0)) continue;
            text.AppendLine(CultureInfo.InvariantCulture, $"    {OracleLayout.Data + (ulong)i:x}: {Convert.ToHexString(line)}");
            lines++;
        }
    }
}
