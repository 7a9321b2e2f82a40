using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>RDMSR and WRMSR of one vCPU (SDM vol. 4, 2.1). What is not here raises #GP(0), as on a processor without it.</summary>
internal sealed unsafe class ModelSpecificRegisters
{
    // SAFETY: _cpu is the state of the vCPU that owns this object, used by its thread only.
    private const ulong MiscEnableReadOnly = MiscEnable.BranchTraceUnavailable | MiscEnable.EventSamplingUnavailable;
    private const ulong MicrocodeRevision = 1UL << 32;
    private const uint PlatformRatioShift = 8;
    private const uint BusKilohertz = 100_000;
    private const uint TscAdjustBit = 1u << 1;

    private readonly CpuState* _cpu;
    private readonly Processor _processor;
    private ulong _microcode = MicrocodeRevision;
    private ulong _miscEnable = MiscEnable.FastStrings | MiscEnableReadOnly;

    /// <summary>Creates the registers of a vCPU as they are after RESET.</summary>
    public ModelSpecificRegisters(CpuState* cpu, Processor processor)
    {
        _cpu = cpu;
        _processor = processor;
    }

    /// <summary>Memory types.</summary>
    public MemoryTypeRanges MemoryTypes { get; } = new();

    /// <summary>Machine-check banks.</summary>
    public MachineCheckBanks MachineCheck { get; } = new();

    /// <summary>What KVM has beside these.</summary>
    public KvmRegisters Kvm { get; } = new();

    /// <summary>Registers beside those that an ordinary machine has, as far as they hold anything.</summary>
    public IEnumerable<KeyValuePair<uint, ulong>> Served
    {
        get
        {
            if (MachineCheck.Capabilities != 0) yield return new(Msr.IA32_MCG_CAP, MachineCheck.Capabilities);
            foreach (uint index in MachineCheckBanks.Indices)
            {
                if (MachineCheck.TryRead(index, isHost: true, out ulong value) && value != 0) yield return new(index, value);
            }

            foreach (uint index in ParavirtualClock.Indices.ToArray())
            {
                if (_processor.ParavirtualClock.TryRead(index, out ulong value) && value != 0) yield return new(index, value);
            }

            foreach (KeyValuePair<uint, ulong> register in Kvm.Changed) yield return register;
        }
    }

    /// <summary>Takes over a register of <see cref="Served"/>.</summary>
    /// <returns>False when it is none.</returns>
    public bool TryRestoreServed(uint index, ulong value)
    {
        if (index != Msr.IA32_MCG_CAP) return TryWriteServed(index, value, isHost: true);
        MachineCheck.SetUp(value);
        return true;
    }

    /// <summary>What is part of a vCPU's transferable state, beside the registers that <see cref="ProcessorState"/> has properties for.</summary>
    public static ReadOnlySpan<uint> Transferred =>
    [
        Msr.IA32_STAR, Msr.IA32_LSTAR, Msr.IA32_CSTAR, Msr.IA32_FMASK, Msr.IA32_KERNEL_GS_BASE, Msr.IA32_SYSENTER_CS,
        Msr.IA32_SYSENTER_ESP, Msr.IA32_SYSENTER_EIP, Msr.IA32_TSC_AUX, Msr.IA32_MISC_ENABLE, Msr.IA32_PAT,
        Msr.IA32_TIME_STAMP_COUNTER, Msr.IA32_TSC_DEADLINE, Msr.IA32_PKRS,
    ];

    /// <summary>IA32_MISC_ENABLE takes the execute-disable feature away. What EFER.NXE has turned on before stays on.</summary>
    public bool IsExecuteDisableOff => (_miscEnable & MiscEnable.ExecuteDisableOff) != 0;

    /// <summary>The highest basic leaf that IA32_MISC_ENABLE lets CPUID answer.</summary>
    public uint HighestCpuidLeaf => (_miscEnable & MiscEnable.LimitCpuid) != 0 ? MiscEnable.LimitedCpuidLeaf : uint.MaxValue;

    /// <summary>RDMSR.</summary>
    /// <returns>False for #GP(0).</returns>
    public bool TryRead(uint index, out ulong value)
    {
        LocalApic apic = _processor.LocalApic;
        switch (index)
        {
            case Msr.IA32_EFER:
                value = _cpu->Efer;
                return true;
            case Msr.IA32_FS_BASE:
                value = _cpu->Segments[Seg.Fs].Base;
                return true;
            case Msr.IA32_GS_BASE:
                value = _cpu->Segments[Seg.Gs].Base;
                return true;
            case Msr.IA32_TIME_STAMP_COUNTER:
                value = _processor.ReadTsc();
                return true;
            case Msr.IA32_TSC_ADJUST:
                value = _cpu->TscAdjust;
                return HasTscAdjust;
            case Msr.IA32_TSC_DEADLINE:
                value = apic.TscDeadline;
                return true;
            case Msr.IA32_APIC_BASE:
                value = apic.ApicBase;
                return true;
            case >= Msr.IA32_X2APIC_FIRST and <= Msr.IA32_X2APIC_LAST:
                return apic.TryReadMsr(index, out value);
            case Msr.IA32_MISC_ENABLE:
                value = _miscEnable;
                return true;
            case Msr.IA32_PKRS:
                value = _cpu->Pkrs;
                return HasPkrs;
            case Msr.IA32_BIOS_SIGN_ID:
                value = _microcode;
                return true;
            case Msr.MSR_PLATFORM_INFO or Msr.IA32_PERF_STATUS:
                value = (GuestClock.TscKilohertz / BusKilohertz) << (int)PlatformRatioShift;
                return true;
            case Msr.IA32_P5_MC_ADDR or Msr.IA32_P5_MC_TYPE or Msr.IA32_PLATFORM_ID or Msr.IA32_DEBUGCTL:
                value = 0;
                return true;
            default:
                ulong* field = Field(index);
                value = field != null ? *field : 0;
                return field != null || MemoryTypes.TryRead(index, out value) || TryReadServed(index, isHost: false, out value);
        }
    }

    /// <summary>KVM_GET_MSRS: what CPUID announces is not asked.</summary>
    /// <returns>False when there is no such register.</returns>
    public bool TryReadAsHost(uint index, out ulong value)
    {
        switch (index)
        {
            case Msr.IA32_TSC_ADJUST:
                value = _cpu->TscAdjust;
                return true;
            case Msr.IA32_PKRS:
                value = _cpu->Pkrs;
                return true;
            default:
                return TryReadServed(index, isHost: true, out value) || TryRead(index, out value);
        }
    }

    /// <summary>
    /// KVM_SET_MSRS: as a guest's write, without what CPUID and transitions forbid there, and without what it brings about. The time-stamp counter is the caller's.
    /// </summary>
    /// <returns>False when there is no such register, or it can't hold the value.</returns>
    public bool TryWriteAsHost(uint index, ulong value)
    {
        switch (index)
        {
            case Msr.IA32_EFER:
                return TryRestoreEfer(value);
            case Msr.IA32_TSC_ADJUST:
                _cpu->TscAdjust = value;
                return true;
            case Msr.IA32_PKRS:
                if (value > uint.MaxValue) return false;
                _processor.Mmu.LoadKeys(_cpu->Pkru, (uint)value);
                return true;
            case Msr.IA32_MISC_ENABLE:
                _miscEnable = value;
                return true;
            case Msr.IA32_BIOS_SIGN_ID:
                _microcode = value;
                return true;
            case Msr.MSR_PLATFORM_INFO or Msr.IA32_PLATFORM_ID or Msr.IA32_PERF_STATUS or Msr.IA32_DEBUGCTL:
                return true;
            case Msr.IA32_APIC_BASE:
                if (value >> _processor.Mmu.PhysicalAddressBits != 0) return false;
                _processor.LocalApic.RestoreBase(value);
                _processor.Bus.FollowLocalApic();
                return true;
            default:
                return TryWriteServed(index, value, isHost: true) || TryWrite(index, value);
        }
    }

    private bool TryReadServed(uint index, bool isHost, out ulong value) =>
        MachineCheck.TryRead(index, isHost, out value) || (isHost || Kvm.IsPresent ? _processor.ParavirtualClock : null)?.TryRead(index, out value) == true ||
        Kvm.TryRead(index, isHost, out value);

    private bool TryWriteServed(uint index, ulong value, bool isHost) =>
        MachineCheck.TryWrite(index, value, isHost) || ((isHost || Kvm.IsPresent) && _processor.ParavirtualClock.TryWrite(index, value)) ||
        Kvm.TryWrite(index, value, isHost);

    private bool TryRestoreEfer(ulong value)
    {
        const ulong Known = Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE;
        if ((value & ~Known) != 0) return false;
        ulong old = _cpu->Efer;
        _cpu->Efer = (value & ~Efer.LMA) | (old & Efer.LMA);
        if (_cpu->Efer == old) return true;
        ModeChange.Apply(_cpu);
        _processor.Mmu.FlushAll();
        return true;
    }

    /// <summary>WRMSR.</summary>
    /// <returns>False for #GP(0).</returns>
    public bool TryWrite(uint index, ulong value)
    {
        LocalApic apic = _processor.LocalApic;
        switch (index)
        {
            case Msr.IA32_EFER:
                return ControlRegisters.TryWriteEfer(_cpu, value);
            case Msr.IA32_FS_BASE:
                return TryWriteBase(Seg.Fs, value);
            case Msr.IA32_GS_BASE:
                return TryWriteBase(Seg.Gs, value);
            case Msr.IA32_TIME_STAMP_COUNTER:
                MoveTsc(value - _processor.ReadTsc());
                return true;
            case Msr.IA32_TSC_ADJUST:
                if (!HasTscAdjust) return false;
                MoveTsc(value - _cpu->TscAdjust);
                return true;
            case Msr.IA32_TSC_DEADLINE:
                apic.TscDeadline = value;
                return true;
            case Msr.IA32_APIC_BASE:
                if (!apic.TrySetApicBase(value, _processor.Mmu.PhysicalAddressBits)) return false;
                _processor.Bus.FollowLocalApic();
                return true;
            case >= Msr.IA32_X2APIC_FIRST and <= Msr.IA32_X2APIC_LAST:
                return apic.TryWriteMsr(index, value);
            case Msr.IA32_MISC_ENABLE:
                return TryWriteMiscEnable(value);
            case Msr.IA32_PKRS:
                if (!HasPkrs || value > uint.MaxValue) return false;
                _processor.Mmu.LoadKeys(_cpu->Pkru, (uint)value);
                return true;
            case Msr.IA32_BIOS_SIGN_ID or Msr.IA32_BIOS_UPDT_TRIG or Msr.IA32_P5_MC_ADDR or Msr.IA32_P5_MC_TYPE:
                return true;
            case Msr.IA32_DEBUGCTL:
                return value == 0;
            default:
                return TryWriteField(index, value) || MemoryTypes.TryWrite(index, value, _processor.Mmu.PhysicalAddressBits) ||
                    TryWriteServed(index, value, isHost: false);
        }
    }

    private bool HasPkrs => (_processor.Cpuid.Lookup(7, 0).Ecx & CpuFeatures.Pks.Mask) != 0;

    private bool HasTscAdjust => (_processor.Cpuid.Lookup(7, 0).Ebx & TscAdjustBit) != 0;

    // A write to either register moves the counter and is counted in IA32_TSC_ADJUST (SDM vol. 3, 18.17.3 "Time-Stamp Counter Adjustment").
    private void MoveTsc(ulong ticks)
    {
        _cpu->TscOffset += (long)ticks;
        _cpu->TscAdjust += ticks;
        _processor.LocalApic.OnTscChanged();
    }

    private bool TryWriteBase(int number, ulong value)
    {
        if (!Canonical.Is(value)) return false;
        _cpu->Segments[number].Base = value;
        return true;
    }

    /// <summary>
    /// Thermal control, SpeedStep and xTPR messages have nothing to switch here; their bits are kept, as software that saves and restores them expects.
    /// The same goes for MONITOR, which no model announces.
    /// </summary>
    private bool TryWriteMiscEnable(ulong value)
    {
        if ((value & ~(MiscEnable.Writable | MiscEnable.ReadOnly)) != 0) return false;
        bool monitorChanges = ((value ^ _miscEnable) & MiscEnable.Monitor) != 0;
        if (monitorChanges && (_processor.Cpuid.Lookup(1, 0).Ecx & CpuFeatures.Sse3.Mask) == 0) return false;
        bool takesExecuteDisable = (value & MiscEnable.ExecuteDisableOff) != 0;
        if (takesExecuteDisable && (_processor.Cpuid.Lookup(0x8000_0001, 0).Edx & CpuFeatures.Nx.Mask) == 0) return false;
        _miscEnable = (value & MiscEnable.Writable) | MiscEnableReadOnly;
        return true;
    }

    private bool TryWriteField(uint index, ulong value)
    {
        ulong* field = Field(index);
        if (field == null) return false;
        bool valid = index switch
        {
            Msr.IA32_LSTAR or Msr.IA32_CSTAR or Msr.IA32_KERNEL_GS_BASE or Msr.IA32_SYSENTER_ESP or Msr.IA32_SYSENTER_EIP =>
                Canonical.Is(value),
            Msr.IA32_FMASK or Msr.IA32_TSC_AUX => value <= uint.MaxValue,
            _ => true,
        };
        if (valid) *field = value;
        return valid;
    }

    private ulong* Field(uint index) => index switch
    {
        Msr.IA32_STAR => &_cpu->Star,
        Msr.IA32_LSTAR => &_cpu->Lstar,
        Msr.IA32_CSTAR => &_cpu->Cstar,
        Msr.IA32_FMASK => &_cpu->Fmask,
        Msr.IA32_KERNEL_GS_BASE => &_cpu->KernelGsBase,
        Msr.IA32_SYSENTER_CS => &_cpu->SysenterCs,
        Msr.IA32_SYSENTER_ESP => &_cpu->SysenterEsp,
        Msr.IA32_SYSENTER_EIP => &_cpu->SysenterEip,
        Msr.IA32_TSC_AUX => &_cpu->TscAux,
        _ => null,
    };
}
