using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>
/// INS and OUTS with their repeat prefix (SDM vol. 2). Registers are committed element by element, so an exit, a fault or an
/// interrupt in the middle leaves an instruction that goes on where it was.
/// </summary>
internal static unsafe class PortStringOps
{
    // SAFETY: Extra is an address size of 2, 4 or 8, Segment a segment number; guest memory is reached through GuestAccess only.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Insb_m8_DX, &Bind);
        table.Add(Code.Insw_m16_DX, &Bind);
        table.Add(Code.Insd_m32_DX, &Bind);
        table.Add(Code.Outsb_DX_m8, &Bind);
        table.Add(Code.Outsw_DX_m16, &Bind);
        table.Add(Code.Outsd_DX_m32, &Bind);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        bool isIn = instruction.Mnemonic is Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd;
        op->Extra = (isIn ? instruction.Op0Kind : instruction.Op1Kind) switch
        {
            OpKind.MemoryESDI or OpKind.MemorySegSI => 2,
            OpKind.MemoryESEDI or OpKind.MemorySegESI => 4,
            _ => 8,
        };
        op->Segment = (byte)(isIn ? Seg.Es : Operands.SegmentNumber(instruction.MemorySegment));
        op->Handler = instruction.Code switch
        {
            Code.Insb_m8_DX => &Run<Input<byte>>,
            Code.Insw_m16_DX => &Run<Input<ushort>>,
            Code.Insd_m32_DX => &Run<Input<uint>>,
            Code.Outsb_DX_m8 => &Run<Output<byte>>,
            Code.Outsw_DX_m16 => &Run<Output<ushort>>,
            _ => &Run<Output<uint>>,
        };
    }

    /// <summary>One element.</summary>
    private interface IElement
    {
        static abstract int Size { get; }

        static abstract int IndexRegister { get; }

        /// <summary>Moves one element; false when a fault or an exit is recorded.</summary>
        static abstract bool Step(CpuState* cpu, Op* op, ushort port);
    }

    private readonly struct Input<T> : IElement
        where T : unmanaged
    {
        public static int Size => sizeof(T);

        public static int IndexRegister => Gpr.Rdi;

        public static bool Step(CpuState* cpu, Op* op, ushort port) =>
            TryForm(cpu, op, Gpr.Rdi, sizeof(T), write: true, out ulong linear)
            && GuestAccess.ProbeWrite(cpu, op, linear, sizeof(T))
            && Processor.Of(cpu).Bus.PortRead(cpu, op, port, sizeof(T), out uint value)
            && GuestAccess.Write(cpu, op, linear, Width.From<T>(value));
    }

    private readonly struct Output<T> : IElement
        where T : unmanaged
    {
        public static int Size => sizeof(T);

        public static int IndexRegister => Gpr.Rsi;

        public static bool Step(CpuState* cpu, Op* op, ushort port) =>
            TryForm(cpu, op, Gpr.Rsi, sizeof(T), write: false, out ulong linear)
            && GuestAccess.Read(cpu, op, linear, out T value)
            && Processor.Of(cpu).Bus.PortWrite(cpu, op, port, sizeof(T), (uint)Width.ToUInt64(value));
    }

    private static Op* Run<TElement>(CpuState* cpu, Op* op)
        where TElement : IElement
    {
        bool repeats = (op->Traits & (OpTraits.Repeat | OpTraits.RepeatWhileNotEqual)) != 0;
        ulong mask = op->Extra == 2 ? ushort.MaxValue : op->Extra == 4 ? uint.MaxValue : ulong.MaxValue;
        ushort port = (ushort)cpu->Gpr[Gpr.Rdx];

        // The permission is asked for even where nothing is to be moved, as hardware does.
        if (!PortOps.TryCheck(cpu, port, TElement.Size)) return Faults.Raise(cpu, op);
        if (repeats && (cpu->Gpr[Gpr.Rcx] & mask) == 0) return op + 1;
        ulong step = (cpu->SystemFlags & Rflags.DF) == 0 ? (ulong)TElement.Size : (ulong)-TElement.Size;
        while (true)
        {
            if (!TElement.Step(cpu, op, port)) return Faults.Raise(cpu, op);
            Advance(cpu, op, TElement.IndexRegister, step);
            if (!repeats) return op + 1;
            Advance(cpu, op, Gpr.Rcx, ulong.MaxValue);

            // This element is finished: its accesses must not answer those of the next one.
            cpu->Replay.Count = 0;
            cpu->Replay.Cursor = 0;
            if ((cpu->Gpr[Gpr.Rcx] & mask) == 0) return op + 1;
            if (cpu->Instructions + op->Position >= cpu->PollAt || DebugEvents.NeedsStepping(cpu)) return Pause(cpu, op);
        }
    }

    /// <summary>Returns to the dispatcher between two elements. RF is set in what an interrupt pushes there (SDM vol. 3, 19.3.1.1).</summary>
    private static Op* Pause(CpuState* cpu, Op* op)
    {
        Faults.Raise(cpu, op);
        DebugEvents.Paused(cpu);
        cpu->SystemFlags |= Rflags.RF;
        cpu->Leave = LeaveReason.NextBlock;
        return null;
    }

    private static void Advance(CpuState* cpu, Op* op, int register, ulong delta) =>
        SystemOperand.WriteSized(cpu, CpuState.GprOffset(register), op->Extra, cpu->Gpr[register] + delta);

    private static bool TryForm(CpuState* cpu, Op* op, int register, int size, bool write, out ulong linear)
    {
        ulong offset = cpu->Gpr[register];
        if (op->Extra == 2) offset = (ushort)offset;
        else if (op->Extra == 4) offset = (uint)offset;
        ref SegmentCache segment = ref cpu->Segments[op->Segment];
        if ((cpu->Mode & ExecutionMode.Code64) == 0 && offset + (ulong)size <= (write ? segment.WriteEnd : segment.ReadEnd))
        {
            linear = (uint)(segment.Base + offset);
            return true;
        }

        return SegmentCheck.Slow(cpu, op->Segment, offset, size, write, out linear);
    }
}
