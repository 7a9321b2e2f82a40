using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>The ioctls of /dev/kvm.</summary>
internal static class SystemCalls
{
    /// <summary>See <see cref="IoctlDecoder.TryDecode"/>.</summary>
    public static bool TryDecode(in IoctlCall call, long result, CallArguments to, ref string? text)
    {
        switch (call.Request)
        {
            case KvmIoctl.KVM_GET_API_VERSION or KvmIoctl.KVM_GET_VCPU_MMAP_SIZE: return true;
            case KvmIoctl.KVM_CHECK_EXTENSION: to.Add("capability", KvmCapName.Of(call.Argument)); return true;
            case KvmIoctl.KVM_CREATE_VM: to.Number("type", (long)call.Argument); text = ResultText.Descriptor(result); return true;
            case KvmIoctl.KVM_GET_MSR_INDEX_LIST or KvmIoctl.KVM_GET_MSR_FEATURE_INDEX_LIST: return RegisterWords.MsrIndexList(call, result, to);
            case KvmIoctl.KVM_GET_SUPPORTED_CPUID or KvmIoctl.KVM_GET_EMULATED_CPUID: return MachineWords.Cpuid(call, call.First, result, to);
            case KvmIoctl.KVM_GET_MSRS: return RegisterWords.Msrs(call, result < 0 ? 0 : (uint)result, to);
            case KvmIoctl.KVM_X86_GET_MCE_CAP_SUPPORTED: return MachineWords.MachineCheckCapability(call, result >= 0, to);
            default: return false;
        }
    }
}
