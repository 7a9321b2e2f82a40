using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>The ioctls of a vCPU.</summary>
internal static class VcpuCalls
{
    /// <summary>See <see cref="IoctlDecoder.TryDecode"/>.</summary>
    public static bool TryDecode(in IoctlCall call, long result, CallArguments to, ref string? text)
    {
        // What a call has read is there only when it succeeded.
        bool read = result >= 0;
        switch (call.Request)
        {
            case KvmIoctl.KVM_RUN: text = ExitWords.Run(call, result, to); return true;
            case KvmIoctl.KVM_NMI or KvmIoctl.KVM_SMI or KvmIoctl.KVM_GET_TSC_KHZ or KvmIoctl.KVM_KVMCLOCK_CTRL: return true;
            case KvmIoctl.KVM_GET_STATS_FD: text = ResultText.Descriptor(result); return true;
            case KvmIoctl.KVM_SET_TSC_KHZ: to.Number("kHz", (long)call.Argument); return true;
            case KvmIoctl.KVM_INTERRUPT: return InterruptWords.Vector(call, to);
            case KvmIoctl.KVM_TRANSLATE: return MemoryWords.Translation(call, read, to);
            case KvmIoctl.KVM_SET_GUEST_DEBUG: return MachineWords.GuestDebug(call, to);
            case KvmIoctl.KVM_SET_SIGNAL_MASK: return MachineWords.SignalMask(call, to);
            case KvmIoctl.KVM_ENABLE_CAP: return MachineWords.EnableCap(call, to);
            case KvmIoctl.KVM_TPR_ACCESS_REPORTING: return MachineWords.TaskPriorityReporting(call, to);
            case KvmIoctl.KVM_SET_VAPIC_ADDR: return MemoryWords.VirtualApic(call, to);
            case KvmIoctl.KVM_X86_SETUP_MCE: return MachineWords.MachineCheckCapability(call, true, to);
            case KvmIoctl.KVM_X86_SET_MCE: return MachineWords.MachineCheck(call, to);
            case KvmIoctl.KVM_SET_DEVICE_ATTR or KvmIoctl.KVM_GET_DEVICE_ATTR or KvmIoctl.KVM_HAS_DEVICE_ATTR: return MachineWords.DeviceAttribute(call, to);
            case KvmIoctl.KVM_SET_CPUID: return MachineWords.OldCpuid(call, to);
            case KvmIoctl.KVM_SET_CPUID2: return MachineWords.Cpuid(call, uint.MaxValue, 0, to);
            case KvmIoctl.KVM_GET_CPUID2: return MachineWords.Cpuid(call, call.First, result, to);
            case KvmIoctl.KVM_SET_MSRS: return RegisterWords.Msrs(call, uint.MaxValue, to);
            case KvmIoctl.KVM_GET_MSRS: return RegisterWords.Msrs(call, read ? (uint)result : 0, to);
            case KvmIoctl.KVM_SET_REGS: return RegisterWords.Regs(call, to);
            case KvmIoctl.KVM_SET_SREGS: return RegisterWords.Sregs(call, to);
            case KvmIoctl.KVM_SET_SREGS2: return RegisterWords.Sregs2(call, to);
            case KvmIoctl.KVM_SET_FPU: return RegisterWords.Fpu(call, to);
            case KvmIoctl.KVM_SET_XSAVE: return RegisterWords.Xsave(call, to);
            case KvmIoctl.KVM_SET_XCRS: return RegisterWords.Xcrs(call, to);
            case KvmIoctl.KVM_SET_VCPU_EVENTS: return RegisterWords.Events(call, to);
            case KvmIoctl.KVM_SET_MP_STATE: return RegisterWords.Mp(call, to);
            case KvmIoctl.KVM_SET_LAPIC: return RegisterWords.Lapic(call, to);
            case KvmIoctl.KVM_SET_DEBUGREGS: return RegisterWords.DebugRegs(call, to);
            case KvmIoctl.KVM_GET_REGS: return !read || RegisterWords.Regs(call, to);
            case KvmIoctl.KVM_GET_SREGS: return !read || RegisterWords.Sregs(call, to);
            case KvmIoctl.KVM_GET_SREGS2: return !read || RegisterWords.Sregs2(call, to);
            case KvmIoctl.KVM_GET_FPU: return !read || RegisterWords.Fpu(call, to);
            case KvmIoctl.KVM_GET_XSAVE or KvmIoctl.KVM_GET_XSAVE2: return !read || RegisterWords.Xsave(call, to);
            case KvmIoctl.KVM_GET_XCRS: return !read || RegisterWords.Xcrs(call, to);
            case KvmIoctl.KVM_GET_VCPU_EVENTS: return !read || RegisterWords.Events(call, to);
            case KvmIoctl.KVM_GET_MP_STATE: return !read || RegisterWords.Mp(call, to);
            case KvmIoctl.KVM_GET_LAPIC: return !read || RegisterWords.Lapic(call, to);
            case KvmIoctl.KVM_GET_DEBUGREGS: return !read || RegisterWords.DebugRegs(call, to);
            default: return false;
        }
    }
}
