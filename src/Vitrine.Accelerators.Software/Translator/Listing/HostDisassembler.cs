using System.Globalization;
using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Translation;
using Decoder = Iced.Intel.Decoder;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>Emitted code as text, with names for the state's fields and the shared code.</summary>
internal sealed unsafe class HostDisassembler : ISymbolResolver
{
    // SAFETY: reads code that was just written, between addresses that the translator gave.
    private const string State = "state.";

    private readonly Dictionary<ulong, SharedCode> _shared;
    private readonly PageCodeReader _reader = new();
    private readonly StringOutput _output = new();
    private readonly NasmFormatter _formatter;
    private ulong _body;
    private ulong _end;

    /// <summary>Creates a disassembler for blocks that use the shared code of a cache.</summary>
    public HostDisassembler(EntryStubs stubs)
    {
        _shared = new Dictionary<ulong, SharedCode>
        {
            [(ulong)stubs.Lookup] = new("exit.Lookup", SiteKind.None),
            [(ulong)stubs.Link] = new("exit.Link", SiteKind.Branch),
            [(ulong)stubs.Interpret] = new("exit.Interpret", SiteKind.Offset),
            [(ulong)stubs.Poll] = new("exit.Poll", SiteKind.Offset),
            [(ulong)stubs.SecondPage] = new("exit.SecondPage", SiteKind.Offset),
            [(ulong)stubs.Read] = new("exit.Read", SiteKind.Access),
            [(ulong)stubs.Write] = new("exit.Write", SiteKind.Access),
            [(ulong)stubs.LoadVectors] = new("load.Vectors", SiteKind.None),
            [(ulong)stubs.X87] = new("exit.X87", SiteKind.Offset),
            [(ulong)stubs.LoadX87] = new("load.X87", SiteKind.None),
        };
        _formatter = new NasmFormatter(CodeText.Options(), this);
    }

    /// <summary>Lists code.</summary>
    /// <param name="body">Where the block begins.</param>
    /// <param name="from">Distance of the first instruction from there.</param>
    /// <param name="to">Distance of the end.</param>
    /// <param name="end">Distance of the block's end.</param>
    /// <param name="marks">Knows RIPs.</param>
    public List<HostCodeLine> List(byte* body, int from, int to, int end, CodeMarks marks)
    {
        _body = (ulong)body;
        _end = _body + (ulong)end;
        List<HostCodeLine> lines = [];
        while (from < to)
        {
            _reader.Start(body + from, to - from);
            Decoder decoder = Decoder.Create(64, _reader);
            decoder.IP = _body + (ulong)from;
            decoder.Decode(out Instruction instruction);
            ReadOnlySpan<byte> bytes = new(body + from, instruction.Length);
            int next = from + instruction.Length;
            string note = "";
            if (instruction.Mnemonic == Mnemonic.Call && _shared.TryGetValue(instruction.NearBranchTarget, out SharedCode shared))
            {
                note = shared.Note(new ReadOnlySpan<byte>(body + next, shared.SiteBytes), marks);
                next += shared.SiteBytes;
            }

            lines.Add(new HostCodeLine(from, Convert.ToHexStringLower(bytes), Format(in instruction), note));
            from = next;
        }

        return lines;
    }

    /// <inheritdoc/>
    public bool TryGetSymbol(in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
    {
        string? name = null;
        OpKind kind = instructionOperand < 0 ? OpKind.Immediate8 : instruction.GetOpKind(instructionOperand);
        if (kind == OpKind.Memory && instruction.MemoryBase == Register.RSP) name = State + StateFieldNames.Of((int)address);
        else if (kind == OpKind.NearBranch64 && _shared.TryGetValue(address, out SharedCode shared)) name = shared.Name;
        else if (kind == OpKind.NearBranch64 && address >= _body && address < _end) name = string.Create(CultureInfo.InvariantCulture, $"+{address - _body:x}");
        symbol = name is null ? default : new SymbolResult(address, name);
        return name is not null;
    }

    private string Format(in Instruction instruction)
    {
        _formatter.Format(instruction, _output);
        string text = _output.ToStringAndReset();

        // RSP is the state: [rsp+state.PageRip] says the same twice.
        return text.Replace($"[rsp+{State}", $"[{State}", StringComparison.Ordinal)
            .Replace("[rsp]", $"[{State}{StateFieldNames.Of(0)}]", StringComparison.Ordinal)
            .Replace("[rsp+r15*8+state.Branches]", $"[{State}Branches+r15*8]", StringComparison.Ordinal);
    }
}
