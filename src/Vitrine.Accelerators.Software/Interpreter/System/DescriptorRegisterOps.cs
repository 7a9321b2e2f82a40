using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>GDTR, IDTR, LDTR and TR: LGDT, LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR (SDM vol. 2).</summary>
internal static unsafe class DescriptorRegisterOps
{
    // SAFETY: register operands are offsets computed by binders; guest memory is reached through GuestAccess only.
    private const ulong Base24 = 0xFF_FFFF;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Lgdt_m1632_16, Code.Lgdt_m1632, Code.Lgdt_m1664, Code.Lidt_m1632_16, Code.Lidt_m1632, Code.Lidt_m1664,
            Code.Sgdt_m1632_16, Code.Sgdt_m1632, Code.Sgdt_m1664, Code.Sidt_m1632_16, Code.Sidt_m1632, Code.Sidt_m1664,
            Code.Lldt_rm16, Code.Lldt_r32m16, Code.Lldt_r64m16, Code.Ltr_rm16, Code.Ltr_r32m16, Code.Ltr_r64m16,
            Code.Sldt_rm16, Code.Sldt_r32m16, Code.Sldt_r64m16, Code.Str_rm16, Code.Str_r32m16, Code.Str_r64m16])
        {
            table.Add(code, &Bind);
        }
    }

    /// <summary>CR4.UMIP keeps user code from reading system registers: #GP(0).</summary>
    public static bool IsHiddenFromUser(CpuState* cpu) => (cpu->Cr4 & Cr4.UMIP) != 0 && cpu->Cpl > 0;

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        if (instruction.Op0Kind == OpKind.Register) op->Extra = (ushort)instruction.Op0Register.GetSize();
        bool short24 = instruction.Code is Code.Lgdt_m1632_16 or Code.Lidt_m1632_16;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Lgdt or Mnemonic.Lidt:
                op->Extra = (ushort)(instruction.Code is Code.Lgdt_m1664 or Code.Lidt_m1664 ? 8 : short24 ? 3 : 4);
                op->Handler = instruction.Mnemonic == Mnemonic.Lgdt ? &LoadGdt : &LoadIdt;
                break;
            case Mnemonic.Sgdt or Mnemonic.Sidt:
                op->Extra = (ushort)(instruction.Code is Code.Sgdt_m1664 or Code.Sidt_m1664 ? 8 : 4);
                op->Handler = instruction.Mnemonic == Mnemonic.Sgdt ? &StoreGdt : &StoreIdt;
                break;
            case Mnemonic.Lldt:
                op->Handler = &LoadLdt;
                break;
            case Mnemonic.Ltr:
                op->Handler = &LoadTask;
                break;
            case Mnemonic.Sldt:
                op->Handler = &StoreLdt;
                break;
            default:
                op->Handler = &StoreTask;
                break;
        }
    }

    private static Op* LoadGdt(CpuState* cpu, Op* op)
    {
        if (!TryReadTable(cpu, op, out ushort limit, out ulong tableBase)) return Faults.Raise(cpu, op);
        cpu->GdtBase = tableBase;
        cpu->GdtLimit = limit;
        return Faults.Serialize(cpu, op);
    }

    private static Op* LoadIdt(CpuState* cpu, Op* op)
    {
        if (!TryReadTable(cpu, op, out ushort limit, out ulong tableBase)) return Faults.Raise(cpu, op);
        cpu->IdtBase = tableBase;
        cpu->IdtLimit = limit;
        return Faults.Serialize(cpu, op);
    }

    private static bool TryReadTable(CpuState* cpu, Op* op, out ushort limit, out ulong tableBase)
    {
        limit = 0;
        tableBase = 0;
        if (cpu->Cpl != 0) return GuestFault.GeneralProtection(cpu, 0);
        int size = op->Extra == 8 ? 8 : 4;
        if (!AnyAddress.ForRead(cpu, op, size + 2, out ulong linear)) return false;
        ulong second = linear + 2;
        if ((cpu->Mode & ExecutionMode.LongMode) == 0) second = (uint)second;
        if (!GuestAccess.Read(cpu, op, linear, out limit)) return false;
        if (size == 8) return GuestAccess.Read(cpu, op, second, out tableBase)
            && (Canonical.Is(tableBase) || GuestFault.GeneralProtection(cpu, 0));
        if (!GuestAccess.Read(cpu, op, second, out uint base32)) return false;
        tableBase = op->Extra == 3 ? base32 & Base24 : base32;
        return true;
    }

    private static Op* StoreGdt(CpuState* cpu, Op* op) => StoreTable(cpu, op, (ushort)cpu->GdtLimit, cpu->GdtBase);

    private static Op* StoreIdt(CpuState* cpu, Op* op) => StoreTable(cpu, op, (ushort)cpu->IdtLimit, cpu->IdtBase);

    private static Op* StoreTable(CpuState* cpu, Op* op, ushort limit, ulong tableBase)
    {
        if (IsHiddenFromUser(cpu)) return Faults.GeneralProtection(cpu, op);
        int size = op->Extra + 2;
        if (!AnyAddress.ForWrite(cpu, op, size, out ulong linear)) return Faults.Raise(cpu, op);
        byte* image = stackalloc byte[10];
        *(ushort*)image = limit;
        *(ulong*)(image + 2) = tableBase;
        return GuestAccess.WriteBytes(cpu, op, linear, image, size) ? op + 1 : Faults.Raise(cpu, op);
    }

    private static Op* StoreLdt(CpuState* cpu, Op* op) => StoreSelector(cpu, op, Seg.Ldtr);

    private static Op* StoreTask(CpuState* cpu, Op* op) => StoreSelector(cpu, op, Seg.Tr);

    private static Op* StoreSelector(CpuState* cpu, Op* op, int number)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Faults.InvalidOpcode(cpu, op);
        if (IsHiddenFromUser(cpu)) return Faults.GeneralProtection(cpu, op);
        return SystemOperand.StoreWord(cpu, op, cpu->Segments[number].Selector);
    }

    private static Op* LoadLdt(CpuState* cpu, Op* op)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Faults.InvalidOpcode(cpu, op);
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        if (!SystemOperand.TryRead(cpu, op, op->Dst, out ushort selector)) return Faults.Raise(cpu, op);
        if (DescriptorRules.IsNull(selector))
        {
            SegmentLoad.StoreNull(cpu, Seg.Ldtr, selector, 0);
            return Faults.Serialize(cpu, op);
        }

        if (!TryFetchSystem(cpu, selector, out SegmentDescriptor descriptor, out _, out uint baseHigh)) return Faults.Raise(cpu, op);
        uint error = GuestFault.ErrorCode(selector);
        if (!descriptor.IsSystem(DescriptorType.Ldt)) return Faults.Raise(cpu, op, ExceptionVector.GP, error);
        if (!descriptor.Present) return Faults.Raise(cpu, op, ExceptionVector.NP, error);
        SegmentLoad.Store(cpu, Seg.Ldtr, selector, descriptor);
        cpu->Segments[Seg.Ldtr].Base |= (ulong)baseHigh << 32;
        return Faults.Serialize(cpu, op);
    }

    private static Op* LoadTask(CpuState* cpu, Op* op)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Faults.InvalidOpcode(cpu, op);
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        if (!SystemOperand.TryRead(cpu, op, op->Dst, out ushort selector)) return Faults.Raise(cpu, op);
        if (DescriptorRules.IsNull(selector)) return Faults.GeneralProtection(cpu, op);
        if (!TryFetchSystem(cpu, selector, out SegmentDescriptor descriptor, out ulong address, out uint baseHigh)) return Faults.Raise(cpu, op);
        uint error = GuestFault.ErrorCode(selector);
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        bool available = descriptor.IsSystem(DescriptorType.TssAvailable)
            || (!longMode && descriptor.IsSystem(DescriptorType.Tss16Available));
        if (!available) return Faults.Raise(cpu, op, ExceptionVector.GP, error);
        if (!descriptor.Present) return Faults.Raise(cpu, op, ExceptionVector.NP, error);
        if (!DescriptorTables.TrySetBusy(cpu, address, busy: true)) return Faults.Raise(cpu, op);
        SegmentLoad.Store(cpu, Seg.Tr, selector, new SegmentDescriptor(descriptor.Raw | SegmentDescriptor.BusyBit));
        cpu->Segments[Seg.Tr].Base |= (ulong)baseHigh << 32;
        return Faults.Serialize(cpu, op);
    }

    private static bool TryFetchSystem(
        CpuState* cpu, ushort selector, out SegmentDescriptor descriptor, out ulong address, out uint baseHigh)
    {
        const ushort TableIndicator = 4;
        descriptor = default;
        address = 0;
        baseHigh = 0;
        uint error = GuestFault.ErrorCode(selector);
        if ((selector & TableIndicator) != 0) return GuestFault.GeneralProtection(cpu, error);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.GP, 0, out descriptor, out address)) return false;
        if ((cpu->Mode & ExecutionMode.LongMode) == 0) return true;
        if (!DescriptorTables.TryFetchHigh(cpu, selector, ExceptionVector.GP, address, out ulong high)) return false;
        baseHigh = (uint)high;
        return Canonical.Is(new SystemDescriptor(descriptor.Raw, high).Base) || GuestFault.GeneralProtection(cpu, error);
    }
}
