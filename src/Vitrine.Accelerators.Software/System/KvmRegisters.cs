using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// Model-specific registers that KVM has without doing anything with them: a client puts what it thinks its guest's processor has, and reads it back; a guest that finds
/// KVM's signature in CPUID may read them, as KVM's guests do. Registers of performance counters and others of AMD's read 0 where CPUID has AMD's signature.
/// </summary>
internal sealed class KvmRegisters
{
    private const uint MSR_EBL_CR_POWERON = 0x2A;
    private const uint MSR_SMI_COUNT = 0x34;
    private const uint MSR_PERFCTR0 = 0xC1;
    private const uint MSR_FSB_FREQ = 0xCD;
    private const uint IA32_PERF_EVTSEL0 = 0x186;
    private const uint MSR_BBL_CR_CTL3 = 0x11E;
    private const uint MSR_MISC_FEATURES_ENABLES = 0x140;
    private const uint IA32_POWER_CTL = 0x1FC;
    private const uint IA32_PERF_CAPABILITIES = 0x345;
    private const uint IA32_SMBASE = 0x9E;
    private const uint MSR_K7_HWCR = 0xC001_0015;
    private const uint MSR_OSVW_ID_LENGTH = 0xC001_0140;
    private const uint MSR_OSVW_STATUS = 0xC001_0141;
    private const uint MSR_KVM_ASYNC_PF_EN = 0x4B56_4D02;
    private const uint MSR_KVM_STEAL_TIME = 0x4B56_4D03;
    private const uint MSR_KVM_PV_EOI_EN = 0x4B56_4D04;
    private const uint HypervisorLeaf = 0x4000_0000;

    private readonly SortedDictionary<uint, ulong> _kept = new()
    {
        [Msr.IA32_FEATURE_CONTROL] = 0,
        [Msr.IA32_ARCH_CAPABILITIES] = 0,
        [Msr.IA32_SPEC_CTRL] = 0,
        [Msr.IA32_XSS] = 0,
        [IA32_SMBASE] = 0x3_0000,
        [IA32_PERF_CAPABILITIES] = 0,
        [IA32_POWER_CTL] = 0,
        [MSR_SMI_COUNT] = 0,
        [MSR_MISC_FEATURES_ENABLES] = 0,
        [MSR_K7_HWCR] = 0,
        [MSR_OSVW_ID_LENGTH] = 0,
        [MSR_OSVW_STATUS] = 0,

        // Where the guest would read what its host has to say. Nothing is: no page is away for long, no time is taken, each end of an interrupt is to be told.
        [MSR_KVM_ASYNC_PF_EN] = 0,
        [MSR_KVM_STEAL_TIME] = 0,
        [MSR_KVM_PV_EOI_EN] = 0,
    };

    private bool _isKvm;
    private bool _isAmd;

    /// <summary>CPUID has changed.</summary>
    public void Follow(CpuidTable cpuid)
    {
        CpuidEntry hypervisor = cpuid.Lookup(HypervisorLeaf, 0);
        CpuidEntry vendor = cpuid.Lookup(0, 0);
        _isKvm = (hypervisor.Ebx, hypervisor.Ecx, hypervisor.Edx) == (Word("KVMK"u8), Word("VMKV"u8), Word("M\0\0\0"u8));
        _isAmd = (vendor.Ebx, vendor.Edx, vendor.Ecx) == (Word("Auth"u8), Word("enti"u8), Word("cAMD"u8)) ||
            (vendor.Ebx, vendor.Edx, vendor.Ecx) == (Word("Hygo"u8), Word("nGen"u8), Word("uine"u8));
    }

    /// <summary>CPUID has KVM's signature.</summary>
    public bool IsPresent => _isKvm;

    /// <summary>Registers that hold something else than after RESET.</summary>
    public IEnumerable<KeyValuePair<uint, ulong>> Changed => _kept.Where(static register => register.Value != (register.Key == IA32_SMBASE ? 0x3_0000UL : 0));

    /// <summary>Reads a register.</summary>
    /// <param name="index">Which.</param>
    /// <param name="isHost">It is read from outside.</param>
    /// <param name="value">Its value.</param>
    /// <returns>False when there is none.</returns>
    public bool TryRead(uint index, bool isHost, out ulong value)
    {
        value = 0;
        if (!isHost && !_isKvm) return _isAmd && (index == MSR_K7_HWCR ? _kept.TryGetValue(index, out value) : IsOfAmd(index));
        if (_kept.TryGetValue(index, out value)) return isHost || index is not (IA32_SMBASE or Msr.IA32_XSS);
        value = index switch
        {
            MSR_FSB_FREQ => 3,
            MSR_BBL_CR_CTL3 => 0xBE70_2111,
            _ => 0,
        };
        return value != 0 || IsIgnored(index) || (IsOfAmd(index) && (isHost || _isAmd));
    }

    /// <summary>Writes a register.</summary>
    /// <returns>False when there is none that the guest may write to.</returns>
    public bool TryWrite(uint index, ulong value, bool isHost)
    {
        if (!isHost && !_isKvm && !(_isAmd && (IsOfAmd(index) || index == MSR_K7_HWCR))) return false;
        if (!_kept.ContainsKey(index)) return index == Msr.IA32_PRED_CMD || IsIgnored(index) || (IsOfAmd(index) && (isHost || _isAmd));
        if (!isHost && !IsForGuest(index, value)) return false;
        _kept[index] = value;
        return true;
    }

    // Reserved bits as Documentation/virt/kvm/x86/msr.rst has them.
    private static bool IsForGuest(uint index, ulong value) => index switch
    {
        Msr.IA32_SPEC_CTRL or IA32_POWER_CTL or MSR_K7_HWCR => true,
        MSR_KVM_ASYNC_PF_EN => (value & 0x30) == 0,
        MSR_KVM_STEAL_TIME => (value & 0x3E) == 0,
        MSR_KVM_PV_EOI_EN => (value & 2) == 0,
        _ => false,
    };

    // Performance events and energy: read 0, and what is written is forgotten.
    private static bool IsIgnored(uint index) => index is
        MSR_EBL_CR_POWERON or MSR_PERFCTR0 or MSR_PERFCTR0 + 1 or IA32_PERF_EVTSEL0 or IA32_PERF_EVTSEL0 + 1 or Msr.IA32_PERF_CTL or
        >= 0x1DB and <= 0x1DE or 0x606 or 0x611 or 0x619 or 0x639 or 0x641;

    // PERF_CTL0-3 and PERF_CTR0-3, the six of the extended counters, SYS_CFG, NB_CFG, the patch loader, interrupt pending, MMIO configuration, SMM and SVM areas,
    // and configurations of caches (AMD64 Architecture Programmer's Manual, vol. 2, appendix A).
    private static bool IsOfAmd(uint index) => index is
        >= 0xC001_0000 and <= 0xC001_0007 or >= 0xC001_0200 and <= 0xC001_020B or 0xC001_0010 or 0xC001_001B or 0xC001_001F or 0xC001_0020 or 0xC001_0055 or
        0xC001_0058 or 0xC001_0112 or 0xC001_0113 or 0xC001_0117 or 0xC001_1022 or 0xC001_1023 or 0xC001_1029 or 0xC001_102A or 0xC001_102C;

    private static uint Word(ReadOnlySpan<byte> text) => BitConverter.ToUInt32(text);
}
