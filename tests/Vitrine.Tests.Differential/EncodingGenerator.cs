using Iced.Intel;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Random encodings in 64-bit, 32-bit and 16-bit code: what a processor makes of them, and not a decoder, decides what they are. Each case is one
/// instruction, or none.
/// </summary>
// SAFETY: cases are the caller's and as long as OracleCase says; writes are bounded by its capacity.
internal sealed unsafe class EncodingGenerator : ICaseSource
{
    // More than an instruction may have: those that are too long are cases as well.
    private const int Capacity = 40;

    private readonly CaseRandom _random;
    private readonly CodeSelection _selection;
    private readonly OperandFactory _operands;
    private readonly CaseState _state;
    private readonly RandomEncoding _encoding;
    private readonly byte[] _bytes = new byte[Capacity];

    public EncodingGenerator(CaseRandom random, CodeSelection selection)
    {
        _random = random;
        _selection = selection;
        _operands = new OperandFactory(random);
        _state = new CaseState(random, _operands);
        _encoding = new RandomEncoding(random);
    }

    /// <inheritdoc/>
    public void FillMemory(Span<byte> bytes) => _state.FillMemory(bytes);

    /// <inheritdoc/>
    public void Create(int slot, OracleCase* test)
    {
        ref MachineImage image = ref test->Image;
        while (true)
        {
            bool is64 = _random.OneIn(2);
            _state.Registers(ref image, is64);
            if (is64) Pointers(ref image, is64: true, 0);
            else if (_random.OneIn(3)) Pointers(ref image, is64: false, 0);
            else Segments(ref image);
            ulong code = OracleLayout.Code + (ulong)(slot * OracleLayout.SlotSize);
            image.Rip = code - LocalSegments.BaseOf(image.CodeSelector);
            _encoding.Fill(_bytes, image.Bitness);
            Instruction instruction = Decode(ref image, out ConstantOffsets offsets);
            if (offsets.HasDisplacement && !_random.OneIn(4)) Aim(ref image, instruction, offsets);
            instruction = Decode(ref image, out _);
            int length = instruction.Code == Code.INVALID ? _bytes.Length : instruction.Length;
            if (!_selection.IsSwept(instruction) || VendorDifferences.Applies(instruction, _bytes.AsSpan(0, length), is64)) continue;
            Write(test, length, NeedsStep(instruction.Code) || _random.OneIn(8));
            if ((image.Rflags & Rflags.TF) == 0 || _random.OneIn(8)) Place(slot, test);
            return;
        }
    }

    private static bool NeedsStep(Code code) => code == Code.INVALID || code.FlowControl() != FlowControl.Next;

    private Instruction Decode(ref MachineImage image, out ConstantOffsets offsets)
    {
        Decoder decoder = Decoder.Create(image.Bitness, _bytes, _selection.Options);
        decoder.IP = image.Rip;
        decoder.Decode(out Instruction instruction);
        offsets = instruction.Code == Code.INVALID ? default : decoder.GetConstantOffsets(instruction);
        return instruction;
    }

    /// <summary>General registers that point to data, most of them.</summary>
    private void Pointers(ref MachineImage image, bool is64, ulong @base)
    {
        for (int i = 0; i < (is64 ? 16 : 8); i++)
        {
            if (i != Gpr.Rcx && !_random.OneIn(4)) image.SetGeneral(i, _operands.Target(is64) - @base);
        }
    }

    /// <summary>Code and data in segments of the local table.</summary>
    private void Segments(ref MachineImage image)
    {
        image.CodeSelector = _random.OneIn(4) ? LocalSegments.BasedCode : LocalSegments.SmallCode;
        image.StackSelector = _random.Pick(LocalSegments.Writable);
        foreach (int segment in (ReadOnlySpan<int>)[Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs])
        {
            ushort selector = _random.OneIn(16) ? (ushort)0 : _random.Pick(_random.OneIn(3) ? LocalSegments.Readable : LocalSegments.Writable);
            image.SetDataSelector(segment, selector);
        }

        Pointers(ref image, is64: false, LocalSegments.DataBase);
        if (!_random.OneIn(4)) image.SetGeneral(Gpr.Rsp, (ulong)(LocalSegments.DataOffset + 0x800 + _random.Below(0x800)));
        for (int i = 0; i < 8; i++)
        {
            if (_random.OneIn(12)) image.SetGeneral(i, (ushort)image.General(i) | ((_random.Next() & 0xFFFF) << 16));
            if (_random.OneIn(12)) image.SetGeneral(i, (ulong)(_random.Below(LocalSegments.All.Length + 1) << 3) | 4 | (uint)_random.Below(4));
            image.SetGeneral(i, (uint)image.General(i));
        }

        // What is in ESP above a 16-bit stack pointer doesn't pass through IRET.
        if (LocalSegments.Find(image.StackSelector) is { IsBig: false }) image.SetGeneral(Gpr.Rsp, (ushort)image.General(Gpr.Rsp));
    }

    /// <summary>Puts another displacement into the bytes: one with which the operand is worth looking at.</summary>
    private void Aim(ref MachineImage image, in Instruction instruction, in ConstantOffsets offsets)
    {
        if (offsets.DisplacementSize < 2) return;
        MachineImage registers = image;
        ulong now = instruction.GetVirtualAddress(FirstMemory(instruction), 0, (register, _, _) => registers.Value(register));
        ulong distance = _operands.Target(image.Is64) - now;
        Span<byte> displacement = _bytes.AsSpan(offsets.DisplacementOffset, offsets.DisplacementSize);
        ulong value = 0;
        for (int i = 0; i < displacement.Length; i++) value |= (ulong)displacement[i] << (8 * i);
        value += distance;
        for (int i = 0; i < displacement.Length; i++) displacement[i] = (byte)(value >> (8 * i));
    }

    private static int FirstMemory(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory) return i;
        }

        return 0;
    }

    private void Write(OracleCase* test, int length, bool singleStep)
    {
        test->InstructionLength = length;
        _bytes.AsSpan(0, length).CopyTo(new Span<byte>(test->Code, OracleCase.CodeCapacity));
        new Span<byte>(test->Code + length, OracleCase.CodeCapacity - length).Fill(0xCC);
        test->CodeLength = OracleCase.CodeCapacity;
        if (singleStep) test->Image.Rflags |= Rflags.TF;
    }

    /// <summary>Moves a case to the end of a page, so that not all of it is there or it lies in both of a pair; see <see cref="CaseGenerator"/>.</summary>
    private void Place(int slot, OracleCase* test)
    {
        ref MachineImage image = ref test->Image;
        int pair = slot - OracleLayout.EdgePages;
        bool small = image.CodeSelector == LocalSegments.SmallCode;
        int kept = _random.Below((int)Math.Min(test->InstructionLength, 16) + 1);
        if (kept == 0) return;
        ulong page;
        if (pair < 0)
        {
            page = OracleLayout.Edge + ((ulong)slot * 0x2000);
            test->CodeLength = kept;
            if (small) image.CodeSelector = LocalSegments.SmallEdge;
        }
        else if (pair < OracleLayout.PairCount)
        {
            page = OracleLayout.Pairs + ((ulong)pair * 0x2000);
            if (small) image.CodeSelector = LocalSegments.SmallPairs;
        }
        else if (slot == OracleLayout.BatchSize - 1 && small)
        {
            // The segment ends with the page.
            page = OracleLayout.Code + 0xF000;
            test->CodeLength = kept;
        }
        else
        {
            return;
        }

        image.Rip = page + 0x1000 - (ulong)kept - LocalSegments.BaseOf(image.CodeSelector);
    }
}
