using System.Globalization;
using System.Text;
using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Xunit;

namespace Vitrine.Tests.Instructions.Interpreter;

public sealed class OpcodeFactsTests
{
    private const int Columns = 140;

    private static readonly string s_path = Path.Combine(
        RepositoryRoot.Path, "src", "Vitrine.Accelerators.Software", "Interpreter", "Decode", "OpcodeFacts.Table.cs");

    /// <summary>With VITRINE_WRITE_GOLDEN=1 the table is written anew; the next build takes it up.</summary>
    [Fact]
    public void TheTableIsWhatIcedSays()
    {
        string table = Write();
        if (Environment.GetEnvironmentVariable("VITRINE_WRITE_GOLDEN") == "1") File.WriteAllText(s_path, table);
        Assert.Equal(table, File.ReadAllText(s_path));
    }

    [Fact]
    public void FactsAreReadAsIcedHasThem()
    {
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpcodeFacts facts = OpcodeFacts.Of(code);
            Assert.Equal(IsKept(code), facts.IsKnown);
            if (!facts.IsKnown) continue;
            OpCodeInfo info = code.ToOpCode();
            Assert.Equal((info.OpCount, info.IsGroup, info.Mode64, info.OperandSize == 16), (facts.OperandCount, facts.IsGroup, facts.IsFor64Bits, facts.IsWord));
            for (int i = 0; i < info.OpCount; i++) Assert.Equal(info.GetOpKind(i), facts.Operand(i));
            if (!IsX87(info)) continue;
            Assert.Equal((info.OpCode, (uint)Math.Max(info.GroupIndex, 0)), (facts.X87Opcode, facts.X87GroupIndex));
        }
    }

    private static bool IsKept(Code code) => code.Encoding() is EncodingKind.Legacy or EncodingKind.VEX;

    private static bool IsX87(OpCodeInfo info) =>
        info.Table == OpCodeTableKind.Normal && (info.OpCode > 0xFF ? info.OpCode >> 8 : info.OpCode) is >= 0xD8 and <= 0xDF;

    private static ulong Pack(Code code)
    {
        if (!IsKept(code)) return 0;
        OpCodeInfo info = code.ToOpCode();
        ulong packed = OpcodeFacts.KnownFlag | (uint)info.OpCount;
        for (int i = 0; i < info.OpCount; i++) packed |= (ulong)info.GetOpKind(i) << (OpcodeFacts.CountBits + (OpcodeFacts.OperandBits * i));
        if (info.IsGroup) packed |= OpcodeFacts.GroupFlag;
        if (info.Mode64) packed |= OpcodeFacts.Mode64Flag;
        if (info.OperandSize == 16) packed |= OpcodeFacts.WordFlag;
        if (!IsX87(info)) return packed;
        return packed | ((ulong)info.OpCode << OpcodeFacts.OpcodeShift) | ((ulong)Math.Max(info.GroupIndex, 0) << OpcodeFacts.GroupIndexShift);
    }

    private static string Write()
    {
        List<ulong> elements = [];
        Dictionary<ulong, int> indices = [];
        List<int> codes = [];
        foreach (ulong element in Enum.GetValues<Code>().Select(Pack))
        {
            if (indices.TryAdd(element, elements.Count)) elements.Add(element);
            codes.Add(indices[element]);
        }

        StringBuilder text = new();
        text.Append("""
            namespace Vitrine.Accelerators.Software.Interpreter.Decode;

            // Written by OpcodeFactsTests: VITRINE_WRITE_GOLDEN=1 ./test --filter-class '*OpcodeFactsTests'
            internal readonly partial struct OpcodeFacts
            {
                // Each element once.
                private static ReadOnlySpan<ulong> Elements =>
                [

            """);
        Append(text, elements.Select(static element => string.Create(CultureInfo.InvariantCulture, $"0x{element:X}")));
        text.Append("""
                ];

                // Of each code, which element is its.
                private static ReadOnlySpan<ushort> Indices =>
                [

            """);
        Append(text, codes.Select(static index => index.ToString(CultureInfo.InvariantCulture)));
        text.Append("""
                ];
            }

            """);
        return text.ToString();
    }

    private static void Append(StringBuilder text, IEnumerable<string> values)
    {
        const string Indent = "       ";
        int column = 0;
        foreach (string value in values)
        {
            if (column == 0 || column + value.Length + 2 > Columns)
            {
                if (column != 0) text.Append('\n');
                text.Append(Indent);
                column = Indent.Length;
            }

            text.Append(' ').Append(value).Append(',');
            column += value.Length + 2;
        }

        text.Append('\n');
    }
}
