using System.Globalization;
using System.Text;
using Iced.Intel;

namespace Vitrine.Tests.Software;

/// <summary>
/// How guest code ended. Two are equal when their ends are; a failing assertion also shows where the processor stood: RIP, CR2, general registers and the code at RIP.
/// An expected one is written as text: "ok", "#14(2)" for a fault with its error code (hexadecimal), "#6" for one without, or the name of another end.
/// </summary>
internal sealed record RunResult
{
    /// <summary>The end of code that came to its own.</summary>
    public const string Ok = "ok";

    private const int Instructions = 3;

    private RunResult(string end) => End = end;

    /// <summary>The end, if it was no fault.</summary>
    public string? End { get; private init; }

    /// <summary>Vector of the fault.</summary>
    public int? Vector { get; private init; }

    /// <summary>What the fault pushed as its error code; null for one without.</summary>
    public uint? ErrorCode { get; private init; }

    private Position? Where { get; init; }

    /// <summary>An expected result.</summary>
    /// <param name="text">The end.</param>
    /// <exception cref="FormatException">It begins like a fault and is none.</exception>
    public static implicit operator RunResult(string text)
    {
        if (!text.StartsWith('#')) return new RunResult(text);
        int open = text.IndexOf('(', StringComparison.Ordinal);
        CultureInfo culture = CultureInfo.InvariantCulture;
        return open < 0
            ? Fault(int.Parse(text.AsSpan(1), culture), null)
            : Fault(int.Parse(text.AsSpan(1, open - 1), culture), uint.Parse(text.AsSpan((open + 1)..^1), NumberStyles.HexNumber, culture));
    }

    /// <summary>A fault.</summary>
    /// <param name="vector">Its vector.</param>
    /// <param name="errorCode">Its error code; null for one without.</param>
    public static RunResult Fault(int vector, uint? errorCode) => new("") { End = null, Vector = vector, ErrorCode = errorCode };

    /// <summary>The same end with the place where it came.</summary>
    /// <param name="rip">RIP.</param>
    /// <param name="cr2">CR2.</param>
    /// <param name="registers">General registers by number.</param>
    /// <param name="code">The bytes at RIP; none where nothing is mapped.</param>
    /// <param name="bits">Size of the code segment: 16, 32 or 64.</param>
    public RunResult At(ulong rip, ulong cr2, ReadOnlySpan<ulong> registers, ReadOnlySpan<byte> code, int bits) =>
        this with { Where = new Position(rip, cr2, registers.ToArray(), code.ToArray(), bits) };

    public bool Equals(RunResult? other) => other is not null && (End, Vector, ErrorCode) == (other.End, other.Vector, other.ErrorCode);

    public override int GetHashCode() => HashCode.Combine(End, Vector, ErrorCode);

    public override string ToString()
    {
        string end = End ?? (ErrorCode is { } code ? $"#{Vector}({code:x})" : $"#{Vector}");
        return Where is null ? end : $"{end}{Where}";
    }

    /// <summary>The processor at the end.</summary>
    private sealed record Position(ulong Rip, ulong Cr2, ulong[] Registers, byte[] Code, int Bits)
    {
        private static readonly string[] s_names =
            ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

        public override string ToString()
        {
            StringBuilder text = new($" with rip {Rip:x} cr2 {Cr2:x}");
            for (int i = 0; i < s_names.Length; i++) text.Append(CultureInfo.InvariantCulture, $"{(i % 8 == 0 ? "\n  " : " ")}{s_names[i]} {Registers[i]:x}");
            Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(Bits, Code, Rip);
            for (int i = 0; i < Instructions && decoder.IP < Rip + (ulong)Code.Length; i++)
            {
                Instruction instruction = decoder.Decode();
                if (instruction.IsInvalid) break;
                text.Append(CultureInfo.InvariantCulture, $"\n  {instruction.IP:x}: {instruction}");
            }

            return text.ToString();
        }
    }
}
