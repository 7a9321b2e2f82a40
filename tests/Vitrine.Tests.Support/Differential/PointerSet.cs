using Iced.Intel;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Registers that keep their values through a sequence, so that each memory operand in it can be given the address that it is to have.
/// Any register can be one: which of them a translator holds elsewhere is its own affair.
/// </summary>
internal sealed class PointerSet(CaseRandom random)
{
    private readonly List<(int Number, ulong Value, Register Segment)> _pointers = [];
    private (int Number, ulong Value) _index;
    private ushort _held;

    /// <summary>Chooses the registers and gives them their values.</summary>
    /// <param name="image">The registers before the sequence.</param>
    /// <param name="is64">64-bit code.</param>
    /// <param name="strings">RSI and RDI are to be among them.</param>
    public void Choose(ref MachineImage image, bool is64, bool strings)
    {
        _pointers.Clear();
        _held = 0;
        if (strings)
        {
            Add(ref image, Gpr.Rsi, Register.None);
            Add(ref image, Gpr.Rdi, Register.None);
        }

        int count = is64 ? 16 : 8;
        for (int i = 1 + random.Below(3); i > 0; i--)
        {
            int number = random.OneIn(6) ? Gpr.Rsp : random.Below(count);
            if (IsHeld(number)) continue;
            Register segment = !is64 || number == Gpr.Rsp || !random.OneIn(10) ? Register.None : random.OneIn(2) ? Register.FS : Register.GS;
            Add(ref image, number, segment);
        }

        if (_pointers.Count == 0) Add(ref image, Gpr.Rbx, Register.None);
        _index.Number = -1;
        int index = random.Below(count);
        if (index == Gpr.Rsp || IsHeld(index)) return;
        ulong value = random.OneIn(2) ? (ulong)random.Below(64) : 0UL - (ulong)random.Below(64);
        if (!is64) value = (uint)value;
        _index = (index, value);
        image.SetGeneral(index, value);
        Hold(index);
    }

    /// <summary>A register must keep its value from now on.</summary>
    public void Hold(int number) => _held |= (ushort)(1 << number);

    /// <summary>True when a register must keep its value.</summary>
    public bool IsHeld(int number) => (_held & (1 << number)) != 0;

    /// <summary>Makes an instruction's memory operand one at an address.</summary>
    public void Form(ref Instruction instruction, ulong target, bool is64)
    {
        const int Relative = 0;
        const int Absolute = 1;
        int shape = random.Below(12);
        if (shape == Relative && is64 && target <= int.MaxValue)
        {
            instruction.MemoryBase = Register.RIP;
            instruction.MemoryDisplSize = 8;
            instruction.MemoryDisplacement64 = target;
            return;
        }

        (int number, ulong value, Register segment) = _pointers[random.Below(_pointers.Count)];
        bool narrow = !is64 || (segment == Register.None && target <= uint.MaxValue && random.OneIn(6));
        bool indexed = _index.Number >= 0 && random.OneIn(3);
        int scale = 1 << random.Below(4);
        ulong distance = target - value - (indexed ? _index.Value * (ulong)scale : 0);
        if (narrow) distance = (ulong)(int)distance;
        if (shape == Absolute || (long)distance != (int)distance)
        {
            instruction.MemoryDisplSize = is64 ? 8 : 4;
            instruction.MemoryDisplacement64 = is64 ? (ulong)(int)target : (uint)target;
            return;
        }

        if (segment != Register.None) instruction.SegmentPrefix = segment;
        Register first = narrow ? Register.EAX : Register.RAX;
        instruction.MemoryBase = first + number;
        if (indexed)
        {
            instruction.MemoryIndex = first + _index.Number;
            instruction.MemoryIndexScale = scale;
        }

        bool small = (long)distance == (sbyte)distance;
        instruction.MemoryDisplSize = distance == 0 && random.OneIn(2) ? 0 : small ? 1 : narrow ? 4 : 8;
        instruction.MemoryDisplacement64 = narrow ? (uint)distance : distance;
    }

    private void Add(ref MachineImage image, int number, Register segment)
    {
        // What is relative to RSP shares its page with what is pushed.
        ulong value = number == Gpr.Rsp ? image.General(Gpr.Rsp) : OracleLayout.Data + 0x200 + (ulong)(16 * random.Below((OracleLayout.DataSize - 0x600) / 16));
        if (number != Gpr.Rsp && random.OneIn(4)) value += (ulong)random.Below(16);
        if (segment == Register.FS) value -= OracleLayout.FsBase;
        if (segment == Register.GS) value -= OracleLayout.GsBase;
        image.SetGeneral(number, value);
        _pointers.Add((number, value, segment));
        Hold(number);
    }
}
