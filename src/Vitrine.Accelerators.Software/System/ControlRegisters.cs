using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Writes to control registers, with the checks of MOV CRn (SDM vol. 2, MOV to control registers; vol. 3, 2.5 and 4.1).</summary>
internal static unsafe class ControlRegisters
{
    // SAFETY: takes the running vCPU's state.
    /// <summary>The CR4 bits that this CPU implements, whether or not a guest's CPUID announces them.</summary>
    public const ulong ImplementedCr4 = Cr4.PCE | Cr4.VME | Cr4.PVI | Cr4.DE | Cr4.PSE | Cr4.TSD | Cr4.PAE | Cr4.MCE | Cr4.PGE | Cr4.OSFXSR |
        Cr4.OSXMMEXCPT | Cr4.PCIDE | Cr4.OSXSAVE | Cr4.FSGSBASE | Cr4.SMEP | Cr4.SMAP | Cr4.UMIP | Cr4.PKE | Cr4.PKS |
        Cr4.LAM_SUP;

    private const ulong KeepTranslations = 1UL << 63;
    private const ulong PcidMask = 0xFFF;
    private const uint Leaf1 = 1;
    private const uint Leaf7 = 7;
    private const uint LongCode = 0x2000;

    /// <summary>MOV CR0, LMSW, CLTS.</summary>
    /// <returns>False when #GP(0) is recorded; nothing has changed then.</returns>
    public static bool TryWriteCr0(CpuState* cpu, ulong value)
    {
        ulong old = cpu->Cr0;
        if (value > uint.MaxValue) return GuestFault.GeneralProtection(cpu, 0);
        value = (value & Cr0.Defined) | Cr0.ET;
        bool paging = (value & Cr0.PG) != 0;
        if (paging && (value & Cr0.PE) == 0) return GuestFault.GeneralProtection(cpu, 0);
        if ((value & (Cr0.NW | Cr0.CD)) == Cr0.NW) return GuestFault.GeneralProtection(cpu, 0);
        ulong efer = cpu->Efer;
        ulong changed = old ^ value;
        if ((changed & Cr0.PG) != 0)
        {
            if (paging)
            {
                if ((efer & Efer.LME) != 0)
                {
                    if (!CanEnterLongMode(cpu)) return GuestFault.GeneralProtection(cpu, 0);
                    efer |= Efer.LMA;
                }
            }
            else
            {
                if ((cpu->Mode & ExecutionMode.Code64) != 0 || (cpu->Cr4 & Cr4.PCIDE) != 0) return GuestFault.GeneralProtection(cpu, 0);
                efer &= ~Efer.LMA;
            }
        }

        bool pae = paging && (cpu->Cr4 & Cr4.PAE) != 0 && (efer & Efer.LMA) == 0;
        bool loadsPointers = pae && (changed & (Cr0.PG | Cr0.CD | Cr0.NW)) != 0;
        if (loadsPointers && !SoftMmu.Of(cpu).TryLoadPdptes(cpu->Cr3)) return GuestFault.GeneralProtection(cpu, 0);
        cpu->Cr0 = value;
        cpu->Efer = efer;
        ModeChange.Apply(cpu);
        if (loadsPointers || (changed & (Cr0.PG | Cr0.PE | Cr0.WP)) != 0) SoftMmu.Of(cpu).FlushAll();
        return true;
    }

    /// <summary>MOV CR3.</summary>
    /// <returns>False when #GP(0) is recorded; nothing has changed then.</returns>
    public static bool TryWriteCr3(CpuState* cpu, ulong value)
    {
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        bool keep = (cpu->Cr4 & Cr4.PCIDE) != 0 && (value & KeepTranslations) != 0;
        if (keep) value &= ~KeepTranslations;
        SoftMmu mmu = SoftMmu.Of(cpu);
        ulong beyond = value >> mmu.PhysicalAddressBits << mmu.PhysicalAddressBits;
        if (longMode && beyond != 0 && ((beyond & ~X86.Registers.Cr3.Masking) != 0 || !HasMasking(cpu)))
            return GuestFault.GeneralProtection(cpu, 0);
        bool pae = (cpu->Cr0 & Cr0.PG) != 0 && (cpu->Cr4 & Cr4.PAE) != 0 && !longMode;
        if (pae && !mmu.TryLoadPdptes(value)) return GuestFault.GeneralProtection(cpu, 0);
        mmu.LoadCr3(value, keep);
        return true;
    }

    /// <summary>MOV CR4.</summary>
    /// <returns>False when #GP(0) is recorded; nothing has changed then.</returns>
    public static bool TryWriteCr4(CpuState* cpu, ulong value)
    {
        const ulong RightsBits = Cr4.PGE | Cr4.PAE | Cr4.PSE | Cr4.PCIDE | Cr4.SMEP | Cr4.SMAP | Cr4.PKE | Cr4.PKS | Cr4.LAM_SUP;
        ulong changed = cpu->Cr4 ^ value;
        bool longMode = (cpu->Efer & Efer.LMA) != 0;
        if ((value & ~SupportedCr4(cpu)) != 0) return GuestFault.GeneralProtection(cpu, 0);
        if (longMode && (value & Cr4.PAE) == 0) return GuestFault.GeneralProtection(cpu, 0);
        if ((changed & value & Cr4.PCIDE) != 0 && (!longMode || (cpu->Cr3 & PcidMask) != 0)) return GuestFault.GeneralProtection(cpu, 0);
        bool pae = (cpu->Cr0 & Cr0.PG) != 0 && (value & Cr4.PAE) != 0 && !longMode;
        if (pae && (changed & (Cr4.PAE | Cr4.PGE | Cr4.PSE | Cr4.SMEP)) != 0 && !SoftMmu.Of(cpu).TryLoadPdptes(cpu->Cr3))
            return GuestFault.GeneralProtection(cpu, 0);
        cpu->Cr4 = value;
        ModeChange.Apply(cpu);
        if ((changed & RightsBits) != 0) SoftMmu.Of(cpu).FlushAll();
        return true;
    }

    /// <summary>IA32_EFER. LMA is read-only and ignored.</summary>
    /// <returns>False when #GP(0) is recorded; nothing has changed then.</returns>
    public static bool TryWriteEfer(CpuState* cpu, ulong value)
    {
        const uint ExtendedFeatures = 0x8000_0001;
        const uint SyscallBit = 1u << 11;
        const uint NxBit = 1u << 20;
        const uint LongModeBit = 1u << 29;
        uint edx = Processor.Of(cpu).Cpuid.Lookup(ExtendedFeatures, 0).Edx;
        ulong supported = Efer.LMA
            | ((edx & SyscallBit) != 0 ? Efer.SCE : 0)
            | ((edx & NxBit) != 0 && !Processor.Of(cpu).Msrs.IsExecuteDisableOff ? Efer.NXE : 0)
            | ((edx & LongModeBit) != 0 ? Efer.LME : 0);
        ulong old = cpu->Efer;
        value = (value & ~Efer.LMA) | (old & Efer.LMA);
        if ((value & ~supported) != 0) return GuestFault.GeneralProtection(cpu, 0);
        if (((value ^ old) & Efer.LME) != 0 && (cpu->Cr0 & Cr0.PG) != 0) return GuestFault.GeneralProtection(cpu, 0);
        cpu->Efer = value;
        ModeChange.Apply(cpu);
        if (((value ^ old) & Efer.NXE) != 0) SoftMmu.Of(cpu).FlushAll();
        return true;
    }

    /// <summary>XSETBV of XCR0.</summary>
    /// <returns>False when #GP(0) is recorded; nothing has changed then.</returns>
    public static bool TryWriteXcr0(CpuState* cpu, ulong value)
    {
        const uint StateComponents = 0xD;
        CpuidEntry components = Processor.Of(cpu).Cpuid.Lookup(StateComponents, 0);
        ulong supported = components.Eax | ((ulong)components.Edx << 32);
        bool valid = (value & XsaveLayout.X87) != 0 && (value & ~supported) == 0 &&
            ((value & XsaveLayout.Avx) == 0 || (value & XsaveLayout.Sse) != 0);
        if (!valid) return GuestFault.GeneralProtection(cpu, 0);
        cpu->Xcr0 = value;
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool CanEnterLongMode(CpuState* cpu)
    {
        uint task = cpu->Segments[Seg.Tr].Access;
        bool task16 = (task & SegmentRegister.UnusableBit) == 0
            && (task & 0x1D) == DescriptorType.Tss16Available;
        return (cpu->Cr4 & Cr4.PAE) != 0 && (cpu->Segments[Seg.Cs].Access & LongCode) == 0 && !task16;
    }

    private static bool HasMasking(CpuState* cpu) => (Processor.Of(cpu).Cpuid.Lookup(Leaf7, 1).Eax & CpuFeatures.Lam.Mask) != 0;

    /// <summary>The CR4 bits whose features CPUID announces.</summary>
    private static ulong SupportedCr4(CpuState* cpu)
    {
        CpuidEntry leaf1 = Processor.Of(cpu).Cpuid.Lookup(Leaf1, 0);
        CpuidEntry leaf7 = Processor.Of(cpu).Cpuid.Lookup(Leaf7, 0);
        (uint c1, uint d1, uint b7, uint c7) = (leaf1.Ecx, leaf1.Edx, leaf7.Ebx, leaf7.Ecx);
        ulong bits = Cr4.PCE;
        if (Has(d1, 1)) bits |= Cr4.VME | Cr4.PVI;
        if (Has(d1, 2)) bits |= Cr4.DE;
        if (Has(d1, 3)) bits |= Cr4.PSE;
        if (Has(d1, 4)) bits |= Cr4.TSD;
        if (Has(d1, 6)) bits |= Cr4.PAE;
        if (Has(d1, 7)) bits |= Cr4.MCE;
        if (Has(d1, 13)) bits |= Cr4.PGE;
        if (Has(d1, 24)) bits |= Cr4.OSFXSR;
        if (Has(d1, 25)) bits |= Cr4.OSXMMEXCPT;
        if (Has(c1, 17)) bits |= Cr4.PCIDE;
        if (Has(c1, 26)) bits |= Cr4.OSXSAVE;
        if (Has(b7, 0)) bits |= Cr4.FSGSBASE;
        if (Has(b7, 7)) bits |= Cr4.SMEP;
        if (Has(b7, 20)) bits |= Cr4.SMAP;
        if (Has(c7, 2)) bits |= Cr4.UMIP;
        if (Has(c7, 3)) bits |= Cr4.PKE;
        if (Has(c7, 31)) bits |= Cr4.PKS;
        if (HasMasking(cpu)) bits |= Cr4.LAM_SUP;
        return bits;
    }

    private static bool Has(uint register, int bit) => (register & (1u << bit)) != 0;
}
