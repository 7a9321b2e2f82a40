using Iced.Intel;
using Vitrine.X86.Registers;

namespace Vitrine.Tests.Differential;

/// <summary>Random cases: one instruction of the table, a sequence of several, or bytes that only might be an instruction.</summary>
// SAFETY: cases are the caller's and as long as OracleCase says; writes are bounded by its capacity.
internal sealed unsafe class CaseGenerator : ICaseSource
{
    private const int MaxInstructionLength = 15;
    private const int FirstOfBytes = 8;
    private const int FirstSequence = 12;

    private readonly CaseRandom _random;
    private readonly CodeSelection _selection;
    private readonly OperandFactory _operands;
    private readonly SequenceGenerator _sequences;
    private readonly MemoryStream _stream = new();
    private readonly CaseState _state;

    public CaseGenerator(CaseRandom random, CodeSelection selection)
    {
        _random = random;
        _selection = selection;
        _operands = new OperandFactory(random);
        _sequences = new SequenceGenerator(random, selection);
        _state = new CaseState(random, _operands);
    }

    /// <inheritdoc/>
    public void FillMemory(Span<byte> bytes) => _state.FillMemory(bytes);

    /// <inheritdoc/>
    public void Create(int slot, OracleCase* test)
    {
        while (true)
        {
            bool is64 = !_random.OneIn(4);
            int kind = _random.Below(20);
            _state.Registers(ref test->Image, is64);
            test->Image.Rip = OracleLayout.Code + (ulong)(slot * OracleLayout.SlotSize);
            if (kind >= FirstSequence)
            {
                if (Sequence(slot, test, is64)) return;
                continue;
            }

            if (!(kind < FirstOfBytes ? Table(test, is64) : Bytes(test, is64))) continue;

            // With the trap flag the next instruction isn't fetched.
            if ((test->Image.Rflags & Rflags.TF) == 0) Place(slot, test);
            return;
        }
    }

    private bool Table(OracleCase* test, bool is64)
    {
        // What the host executes for the software CPU has a share of its own.
        Code[] codes = is64 ? _selection.Codes64 : _selection.Codes32;
        Code[] native = is64 ? _selection.Native64 : _selection.Native32;
        if (native.Length > 0 && _random.OneIn(2)) codes = native;
        Code code = codes[_random.Below(codes.Length)];
        if (!_operands.TryCreate(code, is64 ? 64 : 32, ref test->Image, out Instruction instruction)) return false;
        _stream.SetLength(0);
        if (!TryEncode(instruction, is64, test->Image.Rip)) return false;
        if (VendorDifferences.Applies(instruction, _stream.GetBuffer().AsSpan(0, (int)_stream.Length), is64)) return false;
        return Take(test, singleStep: NeedsStep(code) || _random.OneIn(16));
    }

    private bool Bytes(OracleCase* test, bool is64)
    {
        if (_random.OneIn(2))
        {
            for (int i = 0; i < (is64 ? 16 : 8); i++)
            {
                if (!_random.OneIn(4)) test->Image.SetGeneral(i, _operands.Target(is64));
            }
        }

        Span<byte> code = stackalloc byte[MaxInstructionLength];
        foreach (ref byte b in code) b = (byte)_random.Next();
        if (!_random.OneIn(8)) Shape(code, is64);
        Decoder decoder = Decoder.Create(is64 ? 64 : 32, code.ToArray(), _selection.Options);
        decoder.IP = test->Image.Rip;
        decoder.Decode(out Instruction instruction);
        if (instruction.Code != Code.INVALID && !_selection.IsComparable(instruction.Code)) return false;
        if (VendorDifferences.Applies(instruction, code, is64)) return false;
        _stream.SetLength(0);
        _stream.Write(instruction.Code == Code.INVALID ? code : code[..instruction.Length]);
        return Take(test, singleStep: NeedsStep(instruction.Code) || _random.OneIn(4));
    }

    /// <summary>It could lead to where something else lies than INT3 or nothing.</summary>
    private static bool NeedsStep(Code code) =>
        code == Code.INVALID || code.FlowControl() is not (FlowControl.Next or FlowControl.IndirectBranch or FlowControl.IndirectCall or FlowControl.Return);

    /// <summary>Prefixes, then an opcode of one of the maps; all else stays _random.</summary>
    private void Shape(Span<byte> code, bool is64)
    {
        int at = 0;
        while (_random.OneIn(3) && at < 6) code[at++] = _random.Pick((ReadOnlySpan<byte>)[0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65]);
        if (is64 && _random.OneIn(2)) code[at++] = (byte)(0x40 + _random.Below(16));
        if (_random.OneIn(3)) return;
        if (_selection.Native64.Length > 0 && _random.OneIn(4))
        {
            // VEX: with two bytes or three, of the maps that there are.
            code[at++] = _random.OneIn(2) ? (byte)0xC5 : (byte)0xC4;
            if (code[at - 1] == 0xC4) code[at] = (byte)((code[at] & 0xE0) | (1 + _random.Below(3)));
            return;
        }

        code[at++] = 0x0F;
        if (_random.OneIn(6)) code[at] = _random.Pick((ReadOnlySpan<byte>)[0x38, 0x3A]);
    }

    private bool TryEncode(in Instruction instruction, bool is64, ulong rip)
    {
        Encoder encoder = Encoder.Create(is64 ? 64 : 32, new StreamCodeWriter(_stream));
        return encoder.TryEncode(instruction, rip, out _, out _);
    }

    private bool Take(OracleCase* test, bool singleStep)
    {
        int length = (int)_stream.Length;
        test->InstructionLength = length;
        new ReadOnlySpan<byte>(_stream.GetBuffer(), 0, length).CopyTo(new Span<byte>(test->Code, OracleCase.CodeCapacity));
        new Span<byte>(test->Code + length, OracleCase.CodeCapacity - length).Fill(0xCC);
        test->CodeLength = OracleCase.CodeCapacity;
        if (singleStep) test->Image.Rflags |= Rflags.TF;
        return true;
    }

    private bool Sequence(int slot, OracleCase* test, bool is64)
    {
        if (!_sequences.TryCreate(ref test->Image, is64) || !_sequences.TryEncode(_stream, test->Image.Rip)) return false;
        Take(test, singleStep: false);
        Place(slot, test);
        long present = test->CodeLength;
        if (!_sequences.TryEncode(_stream, test->Image.Rip)) return false;
        Take(test, singleStep: false);
        test->CodeLength = present;
        return true;
    }

    /// <summary>
    /// Moves some cases to the end of a page, so that an instruction, or the one behind the last, can't be fetched, or lies in both pages of a
    /// pair. One case for each page: nothing is decoded twice in a batch.
    /// </summary>
    private void Place(int slot, OracleCase* test)
    {
        int pair = slot - OracleLayout.EdgePages;
        int kept = _random.Below((int)test->InstructionLength + 1);
        if (pair >= OracleLayout.PairCount || kept == 0) return;
        if (pair < 0) test->CodeLength = kept;
        ulong page = pair < 0 ? OracleLayout.Edge + ((ulong)slot * 0x2000) : OracleLayout.Pairs + ((ulong)pair * 0x2000);
        test->Image.Rip = page + 0x1000 - (ulong)kept;
    }
}
