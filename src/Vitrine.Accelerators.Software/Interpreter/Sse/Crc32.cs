using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>CRC32: one step of CRC-32C in a general register; the upper half of a 64-bit destination is cleared.</summary>
internal static unsafe class Crc32
{
    // SAFETY: registers by offsets from the binder; guest memory through GuestAccess.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Crc32_r32_rm8, &Bind<byte>);
        table.Add(Code.Crc32_r64_rm8, &Bind<byte>);
        table.Add(Code.Crc32_r32_rm16, &Bind<ushort>);
        table.Add(Code.Crc32_r32_rm32, &Bind<uint>);
        table.Add(Code.Crc32_r64_rm64, &Bind<ulong>);
    }

    private static void Bind<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 1) ? &FromMemory<T> : &FromRegister<T>;
    }

    private static Op* FromRegister<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        Step<T>(cpu, op, Width.ReadRegister<T>(cpu, op->Src));
        return op + 1;
    }

    private static Op* FromMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear)) return Faults.Raise(cpu, op);
        if (!GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        Step<T>(cpu, op, Width.ToUInt64(value));
        return op + 1;
    }

    private static void Step<T>(CpuState* cpu, Op* op, ulong data)
        where T : unmanaged
    {
        uint crc = (uint)Width.ReadRegister<uint>(cpu, op->Dst);
        crc = sizeof(T) switch
        {
            1 => BitOperations.Crc32C(crc, (byte)data),
            2 => BitOperations.Crc32C(crc, (ushort)data),
            4 => BitOperations.Crc32C(crc, (uint)data),
            _ => BitOperations.Crc32C(crc, data),
        };
        Width.WriteRegister<uint>(cpu, op->Dst, crc);
    }
}
