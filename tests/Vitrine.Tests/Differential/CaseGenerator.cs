using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>Random cases: one instruction of the table, a sequence of several, or bytes that only might be an instruction.</summary>
// SAFETY: cases are the caller's and as long as OracleCase says; writes are bounded by its capacity.
internal sealed unsafe class CaseGenerator(CaseRandom random, CodeSelection selection)
{
    private const int MaxInstructionLength = 15;
    private const int FirstOfBytes = 8;
    private const int FirstSequence = 12;
    private readonly OperandFactory _operands = new(random);
    private readonly SequenceGenerator _sequences = new(random, selection);
    private readonly MemoryStream _stream = new();

    /// <summary>What the data pages hold before each case of a batch.</summary>
    public void FillMemory(Span<byte> bytes)
    {
        foreach (ref ulong word in MemoryMarshal.Cast<byte, ulong>(bytes)) word = random.Lanes();

        // Extended-precision numbers are found by chance only.
        for (int i = 0; i + 16 <= bytes.Length; i += 16 + (16 * random.Below(6)))
        {
            (ulong significand, ushort signExponent) = random.Extended();
            MemoryMarshal.Write(bytes[i..], significand);
            MemoryMarshal.Write(bytes[(i + 8)..], signExponent);
        }
    }

    /// <summary>Makes the case of a slot.</summary>
    public void Create(int slot, OracleCase* test)
    {
        while (true)
        {
            bool is64 = !random.OneIn(4);
            int kind = random.Below(20);
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
        Code[] codes = is64 ? selection.Codes64 : selection.Codes32;
        Code[] native = is64 ? selection.Native64 : selection.Native32;
        bool isNative = native.Length > 0 && random.OneIn(2);
        if (isNative) codes = native;
        Code code = codes[random.Below(codes.Length)];
        if (!_operands.TryCreate(code, is64 ? 64 : 32, ref test->Image, out Instruction instruction)) return false;
        _stream.SetLength(0);
        if (!TryEncode(instruction, is64, test->Image.Rip)) return false;
        if (VendorDifferences.Applies(instruction, _stream.GetBuffer().AsSpan(0, (int)_stream.Length), is64)) return false;
        return Take(test, singleStep: NeedsStep(code) || random.OneIn(16));
    }

    private bool Bytes(OracleCase* test, bool is64)
    {
        if (random.OneIn(2))
        {
            for (int i = 0; i < (is64 ? 16 : 8); i++)
            {
                if (!random.OneIn(4)) test->Image.SetGeneral(i, _operands.Target(is64));
            }
        }

        Span<byte> code = stackalloc byte[MaxInstructionLength];
        foreach (ref byte b in code) b = (byte)random.Next();
        if (!random.OneIn(8)) Shape(code, is64);
        Decoder decoder = Decoder.Create(is64 ? 64 : 32, code.ToArray(), selection.Options);
        decoder.IP = test->Image.Rip;
        decoder.Decode(out Instruction instruction);
        if (instruction.Code != Code.INVALID && !selection.IsComparable(instruction.Code)) return false;
        if (VendorDifferences.Applies(instruction, code, is64)) return false;
        _stream.SetLength(0);
        _stream.Write(instruction.Code == Code.INVALID ? code : code[..instruction.Length]);
        return Take(test, singleStep: NeedsStep(instruction.Code) || random.OneIn(4));
    }

    /// <summary>It could lead to where something else lies than INT3 or nothing.</summary>
    private static bool NeedsStep(Code code) =>
        code == Code.INVALID || code.FlowControl() is not (FlowControl.Next or FlowControl.IndirectBranch or FlowControl.IndirectCall or FlowControl.Return);

    /// <summary>Prefixes, then an opcode of one of the maps; all else stays random.</summary>
    private void Shape(Span<byte> code, bool is64)
    {
        int at = 0;
        while (random.OneIn(3) && at < 6) code[at++] = random.Pick((ReadOnlySpan<byte>)[0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65]);
        if (is64 && random.OneIn(2)) code[at++] = (byte)(0x40 + random.Below(16));
        if (random.OneIn(3)) return;
        if (selection.Native64.Length > 0 && random.OneIn(4))
        {
            // VEX: with two bytes or three, of the maps that there are.
            code[at++] = random.OneIn(2) ? (byte)0xC5 : (byte)0xC4;
            if (code[at - 1] == 0xC4) code[at] = (byte)((code[at] & 0xE0) | (1 + random.Below(3)));
            return;
        }

        code[at++] = 0x0F;
        if (random.OneIn(6)) code[at] = random.Pick((ReadOnlySpan<byte>)[0x38, 0x3A]);
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
        int kept = random.Below((int)test->InstructionLength + 1);
        if (pair >= OracleLayout.PairCount || kept == 0) return;
        if (pair < 0) test->CodeLength = kept;
        ulong page = pair < 0 ? OracleLayout.Edge + ((ulong)slot * 0x2000) : OracleLayout.Pairs + ((ulong)pair * 0x2000);
        test->Image.Rip = page + 0x1000 - (ulong)kept;
    }

    private void Registers(ref MachineImage image, bool is64)
    {
        image = default;
        for (int i = 0; i < 16; i++) image.SetGeneral(i, random.Integer());
        if (random.OneIn(2)) image.SetGeneral(Gpr.Rcx, (ulong)random.Below(70));
        if (!random.OneIn(8)) image.SetGeneral(Gpr.Rsp, random.OneIn(4) ? _operands.Target(is64) : OracleLayout.Data + 0x800 + (ulong)(8 * random.Below(256)));
        if (!random.OneIn(8)) image.SetGeneral(Gpr.Rbp, random.OneIn(4) ? _operands.Target(is64) : OracleLayout.Data + 0x800 + (ulong)random.Below(0x800));
        if (!random.OneIn(4)) image.SetGeneral(Gpr.Rsi, _operands.Target(is64));
        if (!random.OneIn(4)) image.SetGeneral(Gpr.Rdi, _operands.Target(is64));
        if (!is64)
        {
            for (int i = 0; i < 16; i++) image.SetGeneral(i, i < 8 ? (uint)image.General(i) : 0);
        }

        const ulong Arithmetic = 0x8D5;
        image.Rflags = 2 | Rflags.IF | (random.Next() & Arithmetic);
        if (random.OneIn(3)) image.Rflags |= Rflags.DF;
        if (random.OneIn(40)) image.Rflags |= Rflags.AC;
        image.Words[MachineImage.SelectorsWord] = (is64 ? OracleLayout.Code64 : OracleLayout.Code32) | ((ulong)OracleLayout.Stack << 48);
        for (int i = 0; i < 16; i++) image.SetXmm(i, new UInt128(random.Lanes(), random.Lanes()));
        for (int i = 0; i < 16 && HostProcessor.HasAvx; i++) image.SetYmmHigh(i, new UInt128(random.Lanes(), random.Lanes()));
        if (random.OneIn(4)) image.SetXmm(1, image.Xmm(2));
        FloatingPoint(ref image);
    }

    private void FloatingPoint(ref MachineImage image)
    {
        // All exceptions are masked in most cases; the rounding and precision are anything.
        image.Mxcsr = 0x1F80;
        if (random.OneIn(2)) image.Mxcsr |= (uint)random.Next() & 0xE07F;
        if (random.OneIn(8)) image.Mxcsr &= (uint)random.Next() | 0xFFFF_E07F;
        ushort control = 0x37F;
        if (random.OneIn(2)) control = (ushort)((control & ~0xF00) | (int)(random.Next() & 0xC00) | random.Pick<int>([0, 0x200, 0x300]));
        if (random.OneIn(8)) control &= (ushort)(random.Next() | 0xFFC0);
        image.ControlWord = control;
        ushort status = (ushort)(random.Next() & 0x7800);
        if (random.OneIn(4)) status |= (ushort)(random.Next() & 0x477F);

        // What is pending and unmasked is summarised; a state with another summary is none that hardware keeps.
        if ((status & 0x40) != 0) status |= 1;
        if ((status & ~control & 0x3F) != 0) status |= 0x8080;
        image.StatusWord = status;
        image.Tag = random.Below(3) switch
        {
            0 => 0xFF,
            1 => (byte)random.Next(),
            _ => (byte)(0xFF << random.Below(8)),
        };
        for (int i = 0; i < 8; i++)
        {
            (ulong significand, ushort signExponent) = random.Extended();
            image.SetSt(i, significand, signExponent);
        }
    }
}
