using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>From Iced's operands to the fields of an operation.</summary>
internal static unsafe class Operands
{
    // SAFETY: computes offsets of fields and writes only to the operation it is given.
    private static readonly ushort[] _offsets = BuildOffsets();

    /// <summary>Offset in <see cref="CpuState"/> of a general, XMM, YMM or MMX register.</summary>
    public static ushort Offset(Register register) => _offsets[(int)register];

    /// <summary>Number in <see cref="Seg"/> of a segment register.</summary>
    public static int SegmentNumber(Register register) => register switch
    {
        Register.ES => Seg.Es,
        Register.CS => Seg.Cs,
        Register.SS => Seg.Ss,
        Register.FS => Seg.Fs,
        Register.GS => Seg.Gs,
        _ => Seg.Ds,
    };

    /// <summary>Sets <see cref="Op.Dst"/> from operand 0 when it is a register.</summary>
    public static void Destination(in Instruction instruction, Op* op)
    {
        if (instruction.Op0Kind == OpKind.Register) op->Dst = Offset(instruction.Op0Register);
    }

    /// <summary>Sets <see cref="Op.Src"/> from operand 1 when it is a register.</summary>
    public static void Source(in Instruction instruction, Op* op)
    {
        if (instruction.Op1Kind == OpKind.Register) op->Src = Offset(instruction.Op1Register);
    }

    /// <summary>True when operand <paramref name="number"/> is in memory.</summary>
    public static bool IsMemory(in Instruction instruction, int number) => instruction.GetOpKind(number) == OpKind.Memory;

    /// <summary>Fills the fields that describe a memory operand.</summary>
    /// <param name="instruction">Decoded with IP 0 at the block's first byte, so RIP-relative addresses are distances from it.</param>
    /// <param name="context">The block's mode.</param>
    /// <param name="op">The operation.</param>
    public static void Memory(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Traits |= OpTraits.Memory;
        Register @base = instruction.MemoryBase;
        Register index = instruction.MemoryIndex;
        int segment = SegmentNumber(instruction.MemorySegment);

        // 64-bit mode ignores prefixes of the segments without a base: a fault is #SS where the address is formed from rSP or rBP.
        if (context.Is64 && segment < Seg.Fs) segment = @base is Register.RSP or Register.RBP or Register.ESP or Register.EBP ? Seg.Ss : Seg.Ds;
        op->Segment = (byte)segment;
        op->Scale = (byte)BitOperations.Log2((uint)instruction.MemoryIndexScale);
        op->Disp = (long)instruction.MemoryDisplacement64;
        op->Index = index == Register.None ? CpuState.ZeroOffset : Offset(index);
        bool address32 = false;
        bool address16 = false;
        if (@base is Register.RIP or Register.EIP)
        {
            op->Base = CpuState.BlockRipOffset;
            op->Disp = (long)instruction.IPRelativeMemoryAddress;
            if (@base == Register.EIP) op->Disp = (int)op->Disp;
            address32 = @base == Register.EIP;
        }
        else
        {
            op->Base = @base == Register.None ? CpuState.ZeroOffset : Offset(@base);
            Register sized = @base != Register.None || index.IsVectorRegister() ? @base : index;
            address32 = sized != Register.None ? sized.IsGPR32() : instruction.MemoryDisplSize == 4;
            address16 = sized != Register.None ? sized.IsGPR16() : instruction.MemoryDisplSize == 2;
        }

        if (address32) op->Traits |= OpTraits.Address32;
        if (address16) op->Traits |= OpTraits.Address16;
        bool hasBase = context.Is64 && segment >= Seg.Fs;
        op->SegmentBase = hasBase ? CpuState.SegmentBaseOffset(segment) : CpuState.ZeroOffset;
        op->Form = !context.Is64 || address32 || address16 ? AddressForm.Legacy
            : index == Register.None && !hasBase ? AddressForm.BaseDisplacement
            : AddressForm.Long;
    }

    /// <summary>Fills in the segment of a string instruction's source operand (rSI or rDI with an override).</summary>
    public static void StringSegment(in Instruction instruction, in BindContext context, Op* op)
    {
        int segment = SegmentNumber(instruction.MemorySegment);
        op->Segment = (byte)segment;
        if (context.Is64 && segment >= Seg.Fs) op->SegmentBase = CpuState.SegmentBaseOffset(segment);
    }

    private static ushort[] BuildOffsets()
    {
        ushort[] offsets = new ushort[IcedConstants.RegisterCount];
        for (int i = 0; i < Gpr.Count; i++)
        {
            ushort offset = CpuState.GprOffset(i);
            offsets[(int)Register.RAX + i] = offset;
            offsets[(int)Register.EAX + i] = offset;
            offsets[(int)Register.AX + i] = offset;
            offsets[(int)Register.XMM0 + i] = CpuState.XmmOffset(i);
            offsets[(int)Register.YMM0 + i] = CpuState.XmmOffset(i);
        }

        for (int i = 0; i < 4; i++)
        {
            offsets[(int)Register.AL + i] = CpuState.GprOffset(i);
            offsets[(int)Register.AH + i] = (ushort)(CpuState.GprOffset(i) + 1);
        }

        // After AH to BH, Iced counts SPL to DIL and R8L to R15L.
        for (int i = 4; i < Gpr.Count; i++) offsets[(int)Register.SPL + i - 4] = CpuState.GprOffset(i);
        for (int i = 0; i < 8; i++) offsets[(int)Register.MM0 + i] = CpuState.MmxOffset(i);
        return offsets;
    }
}
