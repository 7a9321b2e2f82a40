using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>Questions about descriptors that answer in ZF: LAR, LSL, VERR, VERW, ARPL (SDM vol. 2; vol. 3, 5.10).</summary>
internal static unsafe class DescriptorQueryOps
{
    // SAFETY: register operands are offsets computed by binders; guest memory is reached through GuestAccess only.
    private const uint AccessRightsMask = 0x00FF_FF00;

    // One bit per system type that LAR and LSL accept (SDM vol. 2, tables 3-53 and 3-57).
    private const uint LarTypes = 0x1A3E;
    private const uint LarTypesLong = 0x1A04;
    private const uint LslTypes = 0x0A0E;
    private const uint LslTypesLong = 0x0A04;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Lar_r16_rm16, Code.Lar_r32_r32m16, Code.Lar_r64_r64m16, Code.Lsl_r16_rm16, Code.Lsl_r32_r32m16,
            Code.Lsl_r64_r64m16, Code.Verr_rm16, Code.Verr_r32m16, Code.Verr_r64m16, Code.Verw_rm16, Code.Verw_r32m16,
            Code.Verw_r64m16, Code.Arpl_rm16_r16, Code.Arpl_r32m16_r32])
        {
            table.Add(code, &Bind);
        }
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        if (instruction.OpCount > 1) Operands.Source(instruction, op);
        if (instruction.Op0Kind == OpKind.Register) op->Extra = (ushort)instruction.Op0Register.GetSize();
        op->Handler = instruction.Mnemonic switch
        {
            Mnemonic.Lar => &LoadAccessRights,
            Mnemonic.Lsl => &LoadLimit,
            Mnemonic.Verr => &VerifyRead,
            Mnemonic.Verw => &VerifyWrite,
            _ => &AdjustRpl,
        };
    }

    private static Op* LoadAccessRights(CpuState* cpu, Op* op) => Query(cpu, op, LarTypes, LarTypesLong, isLimit: false);

    private static Op* LoadLimit(CpuState* cpu, Op* op) => Query(cpu, op, LslTypes, LslTypesLong, isLimit: true);

    private static Op* Query(CpuState* cpu, Op* op, uint types, uint typesLong, bool isLimit)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Faults.InvalidOpcode(cpu, op);
        if (!SystemOperand.TryRead(cpu, op, op->Src, out ushort selector)) return Faults.Raise(cpu, op);
        if (!TryFetch(cpu, selector, out SegmentDescriptor descriptor, out bool found)) return Faults.Raise(cpu, op);
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        bool valid = found
            && (descriptor.IsCodeOrData || ((longMode ? typesLong : types) & (1u << descriptor.Type)) != 0)
            && IsVisible(cpu, selector, descriptor);
        SetZero(cpu, valid);
        if (!valid) return op + 1;
        uint value = isLimit ? descriptor.Limit : (uint)(descriptor.Raw >> 32) & AccessRightsMask;
        SystemOperand.WriteSized(cpu, op->Dst, op->Extra, value);
        return op + 1;
    }

    private static Op* VerifyRead(CpuState* cpu, Op* op) => Verify(cpu, op, write: false);

    private static Op* VerifyWrite(CpuState* cpu, Op* op) => Verify(cpu, op, write: true);

    private static Op* Verify(CpuState* cpu, Op* op, bool write)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Faults.InvalidOpcode(cpu, op);
        if (!SystemOperand.TryRead(cpu, op, op->Dst, out ushort selector)) return Faults.Raise(cpu, op);
        if (!TryFetch(cpu, selector, out SegmentDescriptor descriptor, out bool found)) return Faults.Raise(cpu, op);
        bool valid = found && (write ? descriptor.IsWritableData() : descriptor.IsReadable()) && IsVisible(cpu, selector, descriptor);
        SetZero(cpu, valid);
        return op + 1;
    }

    private static Op* AdjustRpl(CpuState* cpu, Op* op)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Faults.InvalidOpcode(cpu, op);
        uint source = (uint)Width.ReadRegister<ushort>(cpu, op->Src) & 3;
        bool isMemory = (op->Traits & OpTraits.Memory) != 0;
        ushort destination;
        ulong linear = 0;
        if (isMemory)
        {
            if (!AnyAddress.ForWrite(cpu, op, 2, out linear)) return Faults.Raise(cpu, op);

            // Hardware doesn't write a selector that stays as it is: its page may be read-only.
            if (!GuestAccess.Read(cpu, op, linear, out destination)) return Faults.Raise(cpu, op);
        }
        else
        {
            destination = (ushort)Width.ReadRegister<ushort>(cpu, op->Dst);
        }

        bool adjust = (destination & 3u) < source;
        if (adjust)
        {
            ushort adjusted = (ushort)((destination & ~3u) | source);
            if (!isMemory) Width.WriteRegister<ushort>(cpu, op->Dst, adjusted);
            else if (!GuestAccess.Write(cpu, op, linear, adjusted)) return Faults.Raise(cpu, op);
        }

        SetZero(cpu, adjust);
        return op + 1;
    }

    private static bool TryFetch(CpuState* cpu, ushort selector, out SegmentDescriptor descriptor, out bool found)
    {
        descriptor = default;
        found = !DescriptorRules.IsNull(selector) && DescriptorTables.TryLocate(cpu, selector, 8, out _);
        if (!found) return true;
        DescriptorTables.TryLocate(cpu, selector, 8, out ulong address);
        bool ok = GuestAccess.ReadSystem(cpu, address, out ulong raw);
        descriptor = new SegmentDescriptor(raw);
        return ok;
    }

    private static bool IsVisible(CpuState* cpu, ushort selector, SegmentDescriptor descriptor) =>
        descriptor.IsConforming() || descriptor.Dpl >= Math.Max(cpu->Cpl, selector & 3u);

    private static void SetZero(CpuState* cpu, bool zero)
    {
        ulong flags = Flags.GetArithmetic(cpu);
        Flags.SetArithmetic(cpu, zero ? flags | Rflags.ZF : flags & ~Rflags.ZF);
    }
}
