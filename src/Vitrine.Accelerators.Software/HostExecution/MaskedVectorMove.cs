using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// VMASKMOVPS, VMASKMOVPD, VPMASKMOVD, VPMASKMOVQ (SDM vol. 2): elements whose mask has its sign set are moved; the others are not
/// accessed at all, and fault for nothing. Alignment is never checked.
/// </summary>
internal static unsafe class MaskedVectorMove
{
    // SAFETY: operands are offsets of vector registers; buffers on the stack have the size of one.
    private const int Bytes = 32;

    /// <summary>Binds either form, where AVX is available.</summary>
    public static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        bool loads = instruction.Op0Kind == OpKind.Register;
        bool is8 = instruction.Mnemonic is Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovq;
        int size = is8 ? sizeof(ulong) : sizeof(uint);
        op->Dst = Operands.Offset(loads ? instruction.Op0Register : instruction.Op2Register);
        op->Src = Operands.Offset(instruction.Op1Register);
        op->Extra = VectorElements.Pack(size, (instruction.Op1Register.IsYMM() ? Bytes : Bytes / 2) / size);
        op->Traits |= OpTraits.AnyAlignment;
        op->Handler = loads ? &Load : &Store;
    }

    private static Op* Load(CpuState* cpu, Op* op)
    {
        int size = VectorElements.Size(op);
        byte* mask = (byte*)cpu + op->Src;
        Vector256<byte> result = default;
        for (int i = 0; i < VectorElements.Count(op); i++)
        {
            if (!VectorElements.IsActive(mask, i, size)) continue;
            if (!VectorElements.Read(cpu, op, i * size, size, (byte*)&result + (i * size))) return Faults.Raise(cpu, op);
        }

        *(Vector256<byte>*)((byte*)cpu + op->Dst) = result;
        return op + 1;
    }

    private static Op* Store(CpuState* cpu, Op* op)
    {
        int size = VectorElements.Size(op);
        byte* mask = (byte*)cpu + op->Src;
        byte* source = (byte*)cpu + op->Dst;
        for (int i = 0; i < VectorElements.Count(op); i++)
        {
            if (VectorElements.IsActive(mask, i, size) && !VectorElements.ProbeWrite(cpu, op, i * size, size)) return Faults.Raise(cpu, op);
        }

        for (int i = 0; i < VectorElements.Count(op); i++)
        {
            if (!VectorElements.IsActive(mask, i, size)) continue;
            if (!VectorElements.Write(cpu, op, i * size, size, source + (i * size))) return Faults.Raise(cpu, op);
        }

        return op + 1;
    }
}
