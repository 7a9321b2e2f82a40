using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Mmx;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.State;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>
/// MASKMOVQ, MASKMOVDQU, VMASKMOVDQU: writes to DS:rDI the bytes whose mask byte has its sign set, and no other. All bytes are checked
/// for faults, whatever the mask (as processors do; the manual leaves it open).
/// </summary>
internal static unsafe class MaskedMove
{
    // SAFETY: registers by offsets from the binder; guest memory through GuestAccess.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Maskmovq_rDI_mm_mm, &Bind<MmxRegister, ulong>);
        table.Add(Code.Maskmovdqu_rDI_xmm_xmm, &Bind<XmmRegister, V>);
    }

    /// <summary>Binds VMASKMOVDQU, where AVX is available.</summary>
    public static void BindVex(in Instruction instruction, in BindContext context, Op* op)
    {
        SetOperands(instruction, op);
        op->Handler = &Execute<XmmRegister, V>;
    }

    private static void Bind<TRegister, T>(in Instruction instruction, in BindContext context, Op* op)
        where TRegister : struct, IVectorSource, IVectorDestination
        where T : unmanaged
    {
        SetOperands(instruction, op);
        op->Handler = VectorInstruction.Guarded<TRegister, TRegister>(context, &Execute<TRegister, T>);
    }

    private static void SetOperands(in Instruction instruction, Op* op)
    {
        // The destination is implied: not an operand that the decoder knows the address of.
        op->Base = CpuState.GprOffset(Gpr.Rdi);
        op->Form = instruction.Op0Kind == OpKind.MemorySegRDI ? AddressForm.Long : AddressForm.Legacy;
        op->Src = Operands.Offset(instruction.Op1Register);
        op->Dst = Operands.Offset(instruction.Op2Register);
    }

    private static Op* Execute<TRegister, T>(CpuState* cpu, Op* op)
        where TRegister : struct, IVectorSource, IVectorDestination
        where T : unmanaged
    {
        if (!TRegister.Ready(cpu) || !TRegister.Load(cpu, op, out V value)) return Faults.Raise(cpu, op);
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear)) return Faults.Raise(cpu, op);
        uint mask = TRegister.Current(cpu, op).ExtractMostSignificantBits();
        bool ok = mask == (1u << sizeof(T)) - 1
            ? GuestAccess.Write(cpu, op, linear, Part<T>.LowEnd(value))
            : WriteBytes(cpu, op, linear, value, mask, sizeof(T));
        if (!ok) return Faults.Raise(cpu, op);
        TRegister.Complete(cpu);
        return op + 1;
    }

    private static bool WriteBytes(CpuState* cpu, Op* op, ulong linear, V value, uint mask, int size)
    {
        if (!GuestAccess.ProbeWrite(cpu, op, linear, size)) return false;
        for (int i = 0; i < size; i++)
        {
            if ((mask >> i & 1) != 0 && !GuestAccess.Write(cpu, op, linear + (ulong)i, value.GetElement(i))) return false;
        }

        return true;
    }
}
