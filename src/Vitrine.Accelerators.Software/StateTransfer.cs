using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <summary>Between <see cref="ProcessorState"/>, which everybody knows, and <see cref="CpuState"/>, which the software CPU runs on.</summary>
internal static unsafe class StateTransfer
{
    // SAFETY: takes the state of a vCPU that is not running; fixed buffers are indexed within their sizes, which those of the state's arrays are.
    /// <summary>All that is registers.</summary>
    public const StateParts Registers = StateParts.General | StateParts.Special | StateParts.Fpu | StateParts.ExtendedControl | StateParts.Pkru |
        StateParts.Debug | StateParts.Events;

    /// <summary>Reads parts of the state: those that are registers. What other objects of the vCPU hold of them is left to the caller.</summary>
    public static void Get(CpuState* cpu, ProcessorState state, StateParts parts)
    {
        if ((parts & StateParts.General) != 0) GetGeneral(cpu, state);
        if ((parts & StateParts.Special) != 0) GetSpecial(cpu, state);
        if ((parts & StateParts.Fpu) != 0) GetFpu(cpu, state.Fpu);
        if ((parts & StateParts.ExtendedControl) != 0) state.Xcr0 = cpu->Xcr0;
        if ((parts & StateParts.Pkru) != 0) state.Pkru = cpu->Pkru;
        if ((parts & StateParts.Debug) != 0) GetDebug(cpu, state);
        if ((parts & StateParts.Events) != 0)
            state.Events = new PendingEvents { InterruptShadow = (byte)cpu->InterruptShadow, NmiMasked = cpu->NmiMasked };
    }

    /// <summary>Writes parts of the state, see <see cref="Get"/>; the caller flushes translations and refreshes the modes.</summary>
    public static void Put(ProcessorState state, CpuState* cpu, StateParts parts)
    {
        if ((parts & StateParts.Special) != 0) PutSpecial(state, cpu);
        if ((parts & StateParts.General) != 0) PutGeneral(state, cpu);
        if ((parts & (StateParts.Special | StateParts.General)) != 0) DerivePrivilege(cpu);
        if ((parts & StateParts.Fpu) != 0) PutFpu(state.Fpu, cpu);
        if ((parts & StateParts.ExtendedControl) != 0) cpu->Xcr0 = state.Xcr0;
        if ((parts & StateParts.Pkru) != 0) cpu->Pkru = state.Pkru;
        if ((parts & StateParts.Debug) != 0) PutDebug(state, cpu);
        if ((parts & StateParts.Events) == 0) return;
        cpu->InterruptShadow = state.Events.InterruptShadow;
        cpu->NmiMasked = state.Events.NmiMasked;
    }

    private static void GetGeneral(CpuState* cpu, ProcessorState state)
    {
        for (int i = 0; i < Gpr.Count; i++) state.Gpr[i] = cpu->Gpr[i];
        state.Rip = cpu->Rip;
        state.Rflags = Flags.GetRflags(cpu);
    }

    private static void PutGeneral(ProcessorState state, CpuState* cpu)
    {
        for (int i = 0; i < Gpr.Count; i++) cpu->Gpr[i] = state.Gpr[i];
        cpu->Rip = state.Rip;
        Flags.SetRflags(cpu, state.Rflags);
    }

    private static void GetSpecial(CpuState* cpu, ProcessorState state)
    {
        for (int i = 0; i < Seg.Count; i++)
        {
            ref SegmentCache segment = ref cpu->Segments[i];
            state.Segments[i] = new SegmentRegister((ushort)segment.Selector, segment.Base, segment.Limit, segment.Access);
        }

        state.Gdtr = new DescriptorTable(cpu->GdtBase, (ushort)cpu->GdtLimit);
        state.Idtr = new DescriptorTable(cpu->IdtBase, (ushort)cpu->IdtLimit);
        state.Cr0 = cpu->Cr0;
        state.Cr2 = cpu->Cr2;
        state.Cr3 = cpu->Cr3;
        state.Cr4 = cpu->Cr4;
        state.Efer = cpu->Efer;
        for (int i = 0; i < state.Pdptes.Length; i++) state.Pdptes[i] = cpu->Pdpte[i];
    }

    private static void PutSpecial(ProcessorState state, CpuState* cpu)
    {
        for (int i = 0; i < Seg.Count; i++)
        {
            ref SegmentCache segment = ref cpu->Segments[i];
            segment.Selector = state.Segments[i].Selector;
            segment.Base = state.Segments[i].Base;
            segment.Limit = state.Segments[i].Limit;
            segment.Access = state.Segments[i].Access;
        }

        cpu->GdtBase = state.Gdtr.Base;
        cpu->GdtLimit = state.Gdtr.Limit;
        cpu->IdtBase = state.Idtr.Base;
        cpu->IdtLimit = state.Idtr.Limit;
        cpu->Cr0 = state.Cr0;
        cpu->Cr2 = state.Cr2;
        cpu->Cr3 = state.Cr3;
        cpu->Cr4 = state.Cr4;
        cpu->Efer = state.Efer;
        for (int i = 0; i < state.Pdptes.Length; i++) cpu->Pdpte[i] = state.Pdptes[i];
    }

    private static void DerivePrivilege(CpuState* cpu)
    {
        bool isProtected = (cpu->Cr0 & Cr0.PE) != 0;
        bool vm86 = isProtected && (cpu->SystemFlags & Rflags.VM) != 0;
        const int LevelShift = 5;
        cpu->Cpl = !isProtected ? 0u : vm86 ? 3u : (cpu->Segments[Seg.Ss].Access >> LevelShift) & 3;
    }

    private static void GetDebug(CpuState* cpu, ProcessorState state)
    {
        state.Dr6 = cpu->Dr6;
        state.Dr7 = cpu->Dr7;
        for (int i = 0; i < state.DebugAddress.Length; i++) state.DebugAddress[i] = cpu->DebugAddress[i];
    }

    private static void PutDebug(ProcessorState state, CpuState* cpu)
    {
        cpu->Dr6 = state.Dr6;
        cpu->Dr7 = state.Dr7;
        for (int i = 0; i < state.DebugAddress.Length; i++) cpu->DebugAddress[i] = state.DebugAddress[i];
    }

    private static void GetFpu(CpuState* cpu, FpuState fpu)
    {
        fpu.ControlWord = cpu->Fcw;
        fpu.StatusWord = (ushort)(cpu->Fsw | (cpu->FpuTop << 11));
        fpu.AbridgedTag = cpu->FpuTag;
        fpu.LastOpcode = cpu->Fop;
        fpu.LastInstructionPointer = cpu->Fip;
        fpu.LastDataPointer = cpu->Fdp;
        fpu.Mxcsr = cpu->Mxcsr;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            fpu.St[i] = new UInt128((ushort)cpu->X87[(2 * physical) + 1], cpu->X87[2 * physical]);
        }

        for (int i = 0; i < 16; i++)
        {
            fpu.Xmm[i] = new UInt128(cpu->Xmm[(4 * i) + 1], cpu->Xmm[4 * i]);
            fpu.YmmHigh[i] = new UInt128(cpu->Xmm[(4 * i) + 3], cpu->Xmm[(4 * i) + 2]);
        }
    }

    private static void PutFpu(FpuState fpu, CpuState* cpu)
    {
        cpu->Fcw = fpu.ControlWord;
        cpu->Fsw = (ushort)(fpu.StatusWord & ~0x3800);
        cpu->FpuTop = (byte)((fpu.StatusWord >> 11) & 7);
        cpu->FpuTag = fpu.AbridgedTag;
        cpu->Fop = fpu.LastOpcode;
        cpu->Fip = fpu.LastInstructionPointer;
        cpu->Fdp = fpu.LastDataPointer;
        cpu->Mxcsr = fpu.Mxcsr;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            cpu->X87[2 * physical] = (ulong)fpu.St[i];
            cpu->X87[(2 * physical) + 1] = (ushort)(fpu.St[i] >> 64);
        }

        for (int i = 0; i < 16; i++)
        {
            cpu->Xmm[4 * i] = (ulong)fpu.Xmm[i];
            cpu->Xmm[(4 * i) + 1] = (ulong)(fpu.Xmm[i] >> 64);
            cpu->Xmm[(4 * i) + 2] = (ulong)fpu.YmmHigh[i];
            cpu->Xmm[(4 * i) + 3] = (ulong)(fpu.YmmHigh[i] >> 64);
        }
    }
}
