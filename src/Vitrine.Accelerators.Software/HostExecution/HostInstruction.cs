using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// The handlers of instructions that the <see cref="HostExecutor"/> executes. The operand in memory goes through the MMU, before the
/// instruction or behind it, so that faults, device memory and page crossings are as with any other handler.
/// </summary>
internal static unsafe class HostInstruction
{
    // SAFETY: the operand in the frame has room for 64 bytes, and OperandSize is at most 32; guest memory through GuestAccess.
    /// <summary>Bits of <see cref="Op.Extra"/> that hold the size of the operand in memory, in bytes.</summary>
    public const ushort OperandSize = 0xFF;

    /// <summary>Bit of <see cref="Op.Extra"/>: the operand in memory must be aligned to its size, else #GP(0).</summary>
    public const ushort Aligned = 0x100;

    /// <summary>All operands are registers.</summary>
    public static Op* Registers(CpuState* cpu, Op* op)
    {
        HostExecutor host = HostExecutor.Of(cpu);
        if (!host.TryRun(cpu, op, out Op* fault)) return fault;
        host.Commit(cpu);
        return op + 1;
    }

    /// <summary>A source is in memory.</summary>
    public static Op* Load(CpuState* cpu, Op* op)
    {
        HostExecutor host = HostExecutor.Of(cpu);
        int size = op->Extra & OperandSize;
        if (!AnyAddress.ForRead(cpu, op, size, out ulong linear)) return Faults.Raise(cpu, op);
        if (IsMisaligned(op, linear)) return Faults.GeneralProtection(cpu, op);
        bool ok = size switch
        {
            1 => Read<byte>(cpu, op, linear, host),
            2 => Read<ushort>(cpu, op, linear, host),
            4 => Read<uint>(cpu, op, linear, host),
            8 => Read<ulong>(cpu, op, linear, host),
            16 => Read<Vector128<byte>>(cpu, op, linear, host),
            _ => Read<Vector256<byte>>(cpu, op, linear, host),
        };
        if (!ok) return Faults.Raise(cpu, op);
        if (!host.TryRun(cpu, op, out Op* fault)) return fault;
        host.Commit(cpu);
        return op + 1;
    }

    /// <summary>The destination is in memory.</summary>
    public static Op* Store(CpuState* cpu, Op* op)
    {
        HostExecutor host = HostExecutor.Of(cpu);
        int size = op->Extra & OperandSize;
        if (!AnyAddress.ForWrite(cpu, op, size, out ulong linear)) return Faults.Raise(cpu, op);
        if (IsMisaligned(op, linear)) return Faults.GeneralProtection(cpu, op);

        // Faults of the operand come before SIMD exceptions (SDM vol. 3, table 6-2).
        if (HostExecutor.MayRaise(cpu) && !GuestAccess.ProbeWrite(cpu, op, linear, size)) return Faults.Raise(cpu, op);
        if (!host.TryRun(cpu, op, out Op* fault)) return fault;
        bool ok = size switch
        {
            1 => Write<byte>(cpu, op, linear, host),
            2 => Write<ushort>(cpu, op, linear, host),
            4 => Write<uint>(cpu, op, linear, host),
            8 => Write<ulong>(cpu, op, linear, host),
            16 => Write<Vector128<byte>>(cpu, op, linear, host),
            _ => Write<Vector256<byte>>(cpu, op, linear, host),
        };
        if (!ok) return Faults.Raise(cpu, op);
        host.Commit(cpu);
        return op + 1;
    }

    private static bool IsMisaligned(Op* op, ulong linear) =>
        (op->Extra & Aligned) != 0 && (linear & ((uint)(op->Extra & OperandSize) - 1)) != 0;

    private static bool Read<T>(CpuState* cpu, Op* op, ulong linear, HostExecutor host)
        where T : unmanaged => GuestAccess.Read(cpu, op, linear, out *(T*)host.Operand);

    private static bool Write<T>(CpuState* cpu, Op* op, ulong linear, HostExecutor host)
        where T : unmanaged => GuestAccess.Write(cpu, op, linear, *(T*)host.Operand);
}
