using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Vitrine.X86.Registers;

namespace Vitrine.KvmServer.Capabilities;

/// <summary>Which model-specific registers are part of a vCPU's state, and which say what the host can (SDM vol. 4; Documentation/virt/kvm/x86/msr.rst).</summary>
internal static class MsrLists
{
    private const uint MicrocodeRevision = 0x8B;
    private const uint ArchCapabilities = 0x10A;

    /// <summary>KVM_GET_MSR_INDEX_LIST.</summary>
    public static ReadOnlySpan<uint> State =>
    [
        Msr.IA32_TIME_STAMP_COUNTER, Msr.IA32_SYSENTER_CS, Msr.IA32_SYSENTER_ESP, Msr.IA32_SYSENTER_EIP, Msr.IA32_STAR, Msr.IA32_CSTAR,
        Msr.IA32_KERNEL_GS_BASE, Msr.IA32_FMASK, Msr.IA32_LSTAR, Msr.IA32_PAT, Msr.IA32_TSC_AUX, Msr.IA32_TSC_ADJUST, Msr.IA32_TSC_DEADLINE,
        Msr.IA32_MISC_ENABLE, Msr.IA32_MCG_STATUS, Msr.IA32_MCG_CTL, Msr.IA32_PKRS,
        0x12, 0x11, 0x4B564D00, 0x4B564D01, MicrocodeRevision,
    ];

    /// <summary>KVM_GET_MSR_FEATURE_INDEX_LIST.</summary>
    public static ReadOnlySpan<uint> Features => [MicrocodeRevision, ArchCapabilities];

    /// <summary>KVM_GET_MSRS on /dev/kvm.</summary>
    /// <returns>False when it is no feature register.</returns>
    public static bool TryReadFeature(uint index, out ulong value)
    {
        // The software CPU executes in order: it is open to none of the attacks on speculation (RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO,
        // PSCHANGE_MC_NO, TAA_NO).
        value = index switch
        {
            MicrocodeRevision => 1UL << 32,
            ArchCapabilities => 0b1_0111_1011,
            _ => 0,
        };
        return index is MicrocodeRevision or ArchCapabilities;
    }

    /// <summary>Writes a list (struct kvm_msr_list): its length in any case, the rest where the client has room for it.</summary>
    /// <returns>0, -E2BIG or -EFAULT.</returns>
    public static int WriteIndices(ulong address, ReadOnlySpan<uint> indices)
    {
        int error = ClientMemory.Read(address, out uint room);
        if (error == 0) error = ClientMemory.Write(address, (uint)indices.Length);
        if (error < 0) return error;
        if (room < indices.Length) return -Errno.E2BIG;
        return ClientMemory.Write(address + sizeof(uint), MemoryMarshal.AsBytes(indices));
    }
}
