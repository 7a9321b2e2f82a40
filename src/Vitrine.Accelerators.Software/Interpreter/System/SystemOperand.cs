using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>Operands that are a register or memory, decided at run time: for instructions that are not hot.</summary>
internal static unsafe class SystemOperand
{
    // SAFETY: register operands are offsets that binders compute from the layout of CpuState.

    /// <summary>Reads operand <paramref name="register"/> (an offset in CpuState) or the memory operand.</summary>
    /// <returns>False when a fault is recorded.</returns>
    public static bool TryRead<T>(CpuState* cpu, Op* op, ushort register, out T value)
        where T : unmanaged
    {
        if ((op->Traits & OpTraits.Memory) == 0)
        {
            value = *(T*)((byte*)cpu + register);
            return true;
        }

        value = default;
        return AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) && GuestAccess.Read(cpu, op, linear, out value);
    }

    /// <summary>
    /// Stores a 16-bit system value: 16 bits into memory whatever the operand size, zero-extended into a register.
    /// </summary>
    public static Op* StoreWord(CpuState* cpu, Op* op, ulong value)
    {
        if ((op->Traits & OpTraits.Memory) == 0)
        {
            WriteSized(cpu, op->Dst, op->Extra, value);
            return op + 1;
        }

        if (!AnyAddress.ForWrite(cpu, op, 2, out ulong linear)) return Faults.Raise(cpu, op);
        return GuestAccess.Write(cpu, op, linear, (ushort)value) ? op + 1 : Faults.Raise(cpu, op);
    }

    /// <summary>Writes a register of 2, 4 or 8 bytes.</summary>
    public static void WriteSized(CpuState* cpu, ushort register, int size, ulong value)
    {
        if (size == 2) Width.WriteRegister<ushort>(cpu, register, value);
        else if (size == 4) Width.WriteRegister<uint>(cpu, register, value);
        else Width.WriteRegister<ulong>(cpu, register, value);
    }
}
