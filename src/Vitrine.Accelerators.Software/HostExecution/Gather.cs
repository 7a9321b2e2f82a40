using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// VGATHERxPy, VPGATHERxy of AVX2 (SDM vol. 2): elements from addresses that a vector of indexes gives, from the lowest to the highest, where
/// the mask has its sign set. An element that was loaded clears its part of the mask, so that after a fault in the middle the
/// instruction goes on where it was. Alignment is never checked.
/// </summary>
internal static unsafe class Gather
{
    // SAFETY: operands are offsets of vector registers; buffers on the stack have the size of one.
    private const int Bytes = 32;

    /// <summary>Binds a gather, where AVX is available.</summary>
    public static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        bool index8 = instruction.Mnemonic is Mnemonic.Vgatherqps or Mnemonic.Vgatherqpd or Mnemonic.Vpgatherqd or Mnemonic.Vpgatherqq;
        bool element8 = instruction.Mnemonic is Mnemonic.Vgatherdpd or Mnemonic.Vgatherqpd or Mnemonic.Vpgatherdq or Mnemonic.Vpgatherqq;
        int size = element8 ? sizeof(ulong) : sizeof(uint);
        int indexSize = index8 ? sizeof(ulong) : sizeof(uint);
        bool wide = instruction.Op0Register.IsYMM() || instruction.MemoryIndex.IsYMM();
        op->Dst = Operands.Offset(instruction.Op0Register);
        op->Src = Operands.Offset(instruction.Op2Register);
        op->Src2 = op->Index;
        op->Index = CpuState.ZeroOffset;
        op->Extra = VectorElements.Pack(size, (wide ? Bytes : Bytes / 2) / Math.Max(size, indexSize), indexSize);
        op->Traits |= OpTraits.AnyAlignment;
        op->Handler = &Execute;
    }

    private static Op* Execute(CpuState* cpu, Op* op)
    {
        int size = VectorElements.Size(op);
        int count = VectorElements.Count(op);
        byte* indexes = (byte*)cpu + op->Src2;
        Vector256<byte> result = *(Vector256<byte>*)((byte*)cpu + op->Dst);
        Vector256<byte> mask = *(Vector256<byte>*)((byte*)cpu + op->Src);
        for (int i = 0; i < count; i++)
        {
            if (!VectorElements.IsActive((byte*)&mask, i, size)) continue;
            long index = VectorElements.IndexSize(op) == sizeof(ulong) ? ((long*)indexes)[i] : ((int*)indexes)[i];
            if (!VectorElements.Read(cpu, op, index << op->Scale, size, (byte*)&result + (i * size))) return Stop(cpu, op, result, mask);
            new Span<byte>((byte*)&mask + (i * size), size).Clear();
        }

        // Behind the last element both registers are zero.
        new Span<byte>((byte*)&result + (count * size), Bytes - (count * size)).Clear();
        *(Vector256<byte>*)((byte*)cpu + op->Dst) = result;
        *(Vector256<byte>*)((byte*)cpu + op->Src) = default;
        return op + 1;
    }

    /// <summary>
    /// A fault keeps what was loaded. A bus access that leaves doesn't: the instruction runs again from its start, with the same
    /// accesses.
    /// </summary>
    private static Op* Stop(CpuState* cpu, Op* op, Vector256<byte> result, Vector256<byte> mask)
    {
        if (cpu->Leave == LeaveReason.Fault)
        {
            *(Vector256<byte>*)((byte*)cpu + op->Dst) = result;
            *(Vector256<byte>*)((byte*)cpu + op->Src) = mask;
        }

        return Faults.Raise(cpu, op);
    }
}
