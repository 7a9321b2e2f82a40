using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>Random cases: one instruction of the table, a sequence of several, or bytes that only might be an instruction.</summary>
// SAFETY: cases are the caller's and as long as OracleCase says; writes are bounded by its capacity.
internal sealed unsafe class CaseGenerator
{
    private const int MaxInstructionLength = 15;
    private const int FirstOfBytes = 8;
    private const int FirstSequence = 12;
    // Contents of vector and x87 registers: there are so many of them that each case draws from a few hundred of the batch.
    private const int PoolSize = 256;

    private readonly CaseRandom _random;
    private readonly CodeSelection _selection;
    private readonly OperandFactory _operands;
    private readonly SequenceGenerator _sequences;
    private readonly MemoryStream _stream = new();
    private readonly ulong[] _lanes = new ulong[PoolSize];
    private readonly (ulong Significand, ushort SignExponent)[] _extended = new (ulong Significand, ushort SignExponent)[PoolSize];

    public CaseGenerator(CaseRandom random, CodeSelection selection)
    {
        _random = random;
        _selection = selection;
        _operands = new OperandFactory(random);
        _sequences = new SequenceGenerator(random, selection);
        foreach (ref ulong lanes in _lanes.AsSpan()) lanes = random.Lanes();
        foreach (ref (ulong Significand, ushort SignExponent) number in _extended.AsSpan()) number = random.Extended();
    }

    /// <summary>What the data pages hold before each case of a batch.</summary>
    public void FillMemory(Span<byte> bytes)
    {
        foreach (ref ulong word in MemoryMarshal.Cast<byte, ulong>(bytes)) word = _random.Lanes();

        // Extended-precision numbers are found by chance only.
        for (int i = 0; i + 16 <= bytes.Length; i += 16 + (16 * _random.Below(6)))
        {
            (ulong significand, ushort signExponent) = _random.Extended();
            MemoryMarshal.Write(bytes[i..], significand);
            MemoryMarshal.Write(bytes[(i + 8)..], signExponent);
        }
    }

    /// <summary>Makes the case of a slot.</summary>
    public void Create(int slot, OracleCase* test)
    {
        while (true)
        {
            bool is64 = !_random.OneIn(4);
            int kind = _random.Below(20);
            Registers(ref test->Image, is64);
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

    private void Registers(ref MachineImage image, bool is64)
    {
        image = default;
        for (int i = 0; i < 16; i++) image.SetGeneral(i, _random.Integer());
        if (_random.OneIn(2)) image.SetGeneral(Gpr.Rcx, (ulong)_random.Below(70));
        if (!_random.OneIn(8)) image.SetGeneral(Gpr.Rsp, _random.OneIn(4) ? _operands.Target(is64) : OracleLayout.Data + 0x800 + (ulong)(8 * _random.Below(256)));
        if (!_random.OneIn(8)) image.SetGeneral(Gpr.Rbp, _random.OneIn(4) ? _operands.Target(is64) : OracleLayout.Data + 0x800 + (ulong)_random.Below(0x800));
        if (!_random.OneIn(4)) image.SetGeneral(Gpr.Rsi, _operands.Target(is64));
        if (!_random.OneIn(4)) image.SetGeneral(Gpr.Rdi, _operands.Target(is64));
        if (!is64)
        {
            for (int i = 0; i < 16; i++) image.SetGeneral(i, i < 8 ? (uint)image.General(i) : 0);
        }

        const ulong Arithmetic = 0x8D5;
        image.Rflags = 2 | Rflags.IF | (_random.Next() & Arithmetic);
        if (_random.OneIn(3)) image.Rflags |= Rflags.DF;
        if (_random.OneIn(40)) image.Rflags |= Rflags.AC;
        image.Words[MachineImage.SelectorsWord] = (is64 ? OracleLayout.Code64 : OracleLayout.Code32) | ((ulong)OracleLayout.Stack << 48);
        for (int i = 0; i < 16; i++) image.SetXmm(i, Lanes());
        for (int i = 0; i < 16 && HostProcessor.HasAvx; i++) image.SetYmmHigh(i, Lanes());
        if (_random.OneIn(4)) image.SetXmm(1, image.Xmm(2));
        FloatingPoint(ref image);
    }

    private UInt128 Lanes()
    {
        ulong chosen = _random.Next();
        return new UInt128(_lanes[chosen % PoolSize], _lanes[(chosen >> 32) % PoolSize]);
    }

    private void FloatingPoint(ref MachineImage image)
    {
        // All exceptions are masked in most cases; the rounding and precision are anything.
        image.Mxcsr = 0x1F80;
        if (_random.OneIn(2)) image.Mxcsr |= (uint)_random.Next() & 0xE07F;
        if (_random.OneIn(8)) image.Mxcsr &= (uint)_random.Next() | 0xFFFF_E07F;
        ushort control = 0x37F;
        if (_random.OneIn(2)) control = (ushort)((control & ~0xF00) | (int)(_random.Next() & 0xC00) | _random.Pick<int>([0, 0x200, 0x300]));
        if (_random.OneIn(8)) control &= (ushort)(_random.Next() | 0xFFC0);
        image.ControlWord = control;
        ushort status = (ushort)(_random.Next() & 0x7800);
        if (_random.OneIn(4)) status |= (ushort)(_random.Next() & 0x477F);

        // What is pending and unmasked is summarised; a state with another summary is none that hardware keeps.
        if ((status & 0x40) != 0) status |= 1;
        if ((status & ~control & 0x3F) != 0) status |= 0x8080;
        image.StatusWord = status;
        image.Tag = _random.Below(3) switch
        {
            0 => 0xFF,
            1 => (byte)_random.Next(),
            _ => (byte)(0xFF << _random.Below(8)),
        };
        for (int i = 0; i < 8; i++)
        {
            (ulong significand, ushort signExponent) = _extended[_random.Below(PoolSize)];
            image.SetSt(i, significand, signExponent);
        }
    }
}
