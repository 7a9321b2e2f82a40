using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>
/// Which model-specific registers belong to a vCPU's state, and at which level they may be written (SDM vol. 4, chapter 2;
/// Documentation/virt/kvm/x86/msr.rst for KVM's own). Performance counters and machine-check banks are absent:
/// no CPU model announces them.
/// </summary>
internal static class KvmMsrTable
{
    public const uint IA32_FEATURE_CONTROL = 0x3A;
    public const uint IA32_TSC_DEADLINE = 0x6E0;

    private const uint IA32_TSC = 0x10;
    private const uint IA32_TSC_ADJUST = 0x3B;
    private const uint IA32_MTRR_PHYSBASE0 = 0x200;
    private const uint IA32_MTRR_PHYSMASK7 = 0x20F;
    private const uint IA32_MTRR_FIX64K_00000 = 0x250;
    private const uint IA32_MTRR_FIX4K_F8000 = 0x26F;
    private const uint IA32_MTRR_DEF_TYPE = 0x2FF;
    private const uint MSR_KVM_WALL_CLOCK_NEW = 0x4B564D00;
    private const uint MSR_KVM_POLL_CONTROL = 0x4B564D05;

    // Change while the guest runs.
    private static readonly uint[] s_running =
    [
        0x48,        // IA32_SPEC_CTRL
        0xE1,        // IA32_UMWAIT_CONTROL
        0x122,       // IA32_TSX_CTRL
        0x174,       // IA32_SYSENTER_CS
        0x175,       // IA32_SYSENTER_ESP
        0x176,       // IA32_SYSENTER_EIP
        0x17A,       // IA32_MCG_STATUS
        0x1A0,       // IA32_MISC_ENABLE
        0x1C4,       // IA32_XFD
        0x1C5,       // IA32_XFD_ERR
        0x277,       // IA32_PAT
        0x6E1,       // IA32_PKRS
        0xDA0,       // IA32_XSS
        0xC0000081,  // IA32_STAR
        0xC0000082,  // IA32_LSTAR
        0xC0000083,  // IA32_CSTAR
        0xC0000084,  // IA32_FMASK
        0xC0000102,  // IA32_KERNEL_GS_BASE
        0xC0000103,  // IA32_TSC_AUX
        0xC001011F,  // MSR_VIRT_SPEC_CTRL (AMD)
    ];

    // Written at reset only: writing them makes time jump, or they are set up by firmware.
    private static readonly uint[] s_reset =
    [
        IA32_TSC,
        IA32_FEATURE_CONTROL,
        IA32_TSC_ADJUST,
        0x4B564D00,  // MSR_KVM_WALL_CLOCK_NEW
        0x4B564D01,  // MSR_KVM_SYSTEM_TIME_NEW
        0x4B564D02,  // MSR_KVM_ASYNC_PF_EN
        0x4B564D03,  // MSR_KVM_STEAL_TIME
        0x4B564D04,  // MSR_KVM_PV_EOI_EN
        0x4B564D05,  // MSR_KVM_POLL_CONTROL
    ];

    // Older kernels have the memory-type range registers without listing them.
    private static readonly uint[] s_memoryTypes =
    [
        .. Enumerable.Range((int)IA32_MTRR_PHYSBASE0, 16).Select(i => (uint)i),
        IA32_MTRR_FIX64K_00000, 0x258, 0x259,
        .. Enumerable.Range(0x268, 8).Select(i => (uint)i),
        IA32_MTRR_DEF_TYPE,
    ];

    /// <summary>True when a put writes the register at reset only.</summary>
    public static bool OnlyAtReset(uint index) => index switch
    {
        IA32_TSC or IA32_TSC_ADJUST or IA32_FEATURE_CONTROL => true,
        >= MSR_KVM_WALL_CLOCK_NEW and <= MSR_KVM_POLL_CONTROL => true,
        >= IA32_MTRR_PHYSBASE0 and <= IA32_MTRR_PHYSMASK7 => true,
        >= IA32_MTRR_FIX64K_00000 and <= IA32_MTRR_FIX4K_F8000 => true,
        IA32_MTRR_DEF_TYPE => true,
        _ => false,
    };

    /// <summary>The registers of a vCPU's state on this host, ascending.</summary>
    /// <param name="listed">What KVM_GET_MSR_INDEX_LIST names.</param>
    public static uint[] Select(IEnumerable<uint> listed)
    {
        var known = new HashSet<uint>([.. s_running, .. s_reset, IA32_TSC_DEADLINE]);
        known.IntersectWith(listed);
        known.UnionWith(s_memoryTypes);
        return [.. known.Order()];
    }

    /// <summary>KVM_GET_MSR_INDEX_LIST: all that this host has.</summary>
    public static uint[] ReadIndexList(KvmSystemHandle system)
    {
        // With no room KVM fails and says how much it needs.
        kvm_msr_list empty = default;
        int result = system.TryCall(KvmIoctl.KVM_GET_MSR_INDEX_LIST, ref empty);
        if (result < 0 && result != -Errno.E2BIG) throw system.Error(KvmIoctl.KVM_GET_MSR_INDEX_LIST, -result);
        byte[] buffer = new byte[CountedEntries.BytesFor<kvm_msr_list, uint>((int)empty.nmsrs)];
        CountedEntries.Write<kvm_msr_list, uint>(buffer, (int)empty.nmsrs);
        system.Call(KvmIoctl.KVM_GET_MSR_INDEX_LIST, ref buffer[0]);
        return CountedEntries.TryRead<kvm_msr_list, uint>(buffer, out ReadOnlySpan<uint> indices)
            ? indices.ToArray()
            : throw KvmError.Malformed(nameof(KvmIoctl.KVM_GET_MSR_INDEX_LIST));
    }
}
