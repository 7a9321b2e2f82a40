using System.Diagnostics.CodeAnalysis;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Trace;

/// <summary>The table from an ioctl to the words for its arguments and its result. Every ioctl that the accelerator makes has its line.</summary>
// SAFETY: for the whole type: a line reads the structure that belongs to its request, whose size the request encodes; see IoctlCall.
internal static unsafe class IoctlDecoder
{
    /// <summary>Decodes a call that has been made. Arguments that the kernel fills in are decoded when it has.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">What it returned, or −errno.</param>
    /// <param name="to">Receives its arguments.</param>
    /// <returns>Its result in words.</returns>
    public static string Decode(in IoctlCall call, int result, CallArguments to)
    {
        if (!TryDecode(call, result, to, out string? text)) to.Hex("argument", (ulong)call.Argument);
        return result < 0 ? ResultText.Plain(result) : text ?? ResultText.Plain(result);
    }

    /// <summary>Decodes a call.</summary>
    /// <returns>False for an ioctl that is not in the table.</returns>
    public static bool TryDecode(in IoctlCall call, int result, CallArguments to, out string? text)
    {
        text = null;
        return call.Kind switch
        {
            KvmDescriptorKind.System => System(call, result, to, ref text),
            KvmDescriptorKind.Vm => Vm(call, result, to, ref text),
            _ => Vcpu(call, result, to, ref text),
        };
    }

    [SuppressMessage("Style", "IDE0060", Justification = "The three tables have one shape.")]
    private static bool System(in IoctlCall call, int result, CallArguments to, ref string? text)
    {
        switch (call.Request)
        {
            case KvmIoctl.KVM_GET_API_VERSION or KvmIoctl.KVM_GET_VCPU_MMAP_SIZE: return true;
            case KvmIoctl.KVM_CHECK_EXTENSION: to.Add("capability", KvmCapabilities.NameOf((uint)call.Argument)); return true;
            case KvmIoctl.KVM_CREATE_VM: to.Number("type", call.Argument); text = ResultText.Descriptor(result); return true;
            case KvmIoctl.KVM_GET_MSR_INDEX_LIST: MachineWords.MsrIndexList((uint*)call.Argument, call.Room, result, to); return true;
            case KvmIoctl.KVM_GET_SUPPORTED_CPUID: MachineWords.Cpuid((kvm_cpuid2*)call.Argument, call.Room, result, to); return true;
            default: return false;
        }
    }

    private static bool Vm(in IoctlCall call, int result, CallArguments to, ref string? text)
    {
        void* argument = (void*)call.Argument;
        switch (call.Request)
        {
            case KvmIoctl.KVM_CREATE_IRQCHIP: return true;
            case KvmIoctl.KVM_CHECK_EXTENSION: to.Add("capability", KvmCapabilities.NameOf((uint)call.Argument)); return true;
            case KvmIoctl.KVM_CREATE_VCPU: to.Number("id", call.Argument); text = ResultText.Descriptor(result); return true;
            case KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR: to.Hex("address", *(ulong*)argument); return true;
            case KvmIoctl.KVM_SET_TSS_ADDR: to.Hex("address", (ulong)call.Argument); return true;
            case KvmIoctl.KVM_ENABLE_CAP: MachineWords.EnableCap((kvm_enable_cap*)argument, to); return true;
            case KvmIoctl.KVM_CREATE_PIT2: to.Hex("flags", ((kvm_pit_config*)argument)->flags); return true;
            case KvmIoctl.KVM_SET_USER_MEMORY_REGION: MachineWords.MemoryRegion((kvm_userspace_memory_region*)argument, to); return true;
            case KvmIoctl.KVM_GET_DIRTY_LOG: to.Number("slot", ((kvm_dirty_log*)argument)->slot); return true;
            case KvmIoctl.KVM_CLEAR_DIRTY_LOG: MachineWords.ClearDirtyLog((kvm_clear_dirty_log*)argument, to); return true;
            case KvmIoctl.KVM_IRQ_LINE: MachineWords.IrqLine((kvm_irq_level*)argument, to); return true;
            case KvmIoctl.KVM_GET_IRQCHIP or KvmIoctl.KVM_SET_IRQCHIP: to.Number("chip", ((kvm_irqchip*)argument)->chip_id); return true;
            case KvmIoctl.KVM_GET_PIT2 or KvmIoctl.KVM_SET_PIT2: to.Hex("flags", ((kvm_pit_state2*)argument)->flags); return true;
            case KvmIoctl.KVM_GET_CLOCK or KvmIoctl.KVM_SET_CLOCK: to.Hex("clock", ((kvm_clock_data*)argument)->clock); return true;
            case KvmIoctl.KVM_SIGNAL_MSI: MachineWords.Msi((kvm_msi*)argument, to); return true;
            case KvmIoctl.KVM_SET_GSI_ROUTING: MachineWords.Routes((kvm_irq_routing*)argument, to); return true;
            default: return false;
        }
    }

    private static bool Vcpu(in IoctlCall call, int result, CallArguments to, ref string? text)
    {
        // What a call has read is there only when it succeeded.
        bool read = result >= 0;
        void* argument = (void*)call.Argument;
        switch (call.Request)
        {
            case KvmIoctl.KVM_RUN: text = MachineWords.Run(call, result, to); return true;
            case KvmIoctl.KVM_NMI or KvmIoctl.KVM_GET_TSC_KHZ: return true;
            case KvmIoctl.KVM_SET_TSC_KHZ: to.Number("kHz", call.Argument); return true;
            case KvmIoctl.KVM_INTERRUPT: to.Hex("vector", ((kvm_interrupt*)argument)->irq); return true;
            case KvmIoctl.KVM_TRANSLATE: MachineWords.Translation((kvm_translation*)argument, read, to); return true;
            case KvmIoctl.KVM_SET_GUEST_DEBUG: MachineWords.GuestDebug((kvm_guest_debug*)argument, to); return true;
            case KvmIoctl.KVM_SET_CPUID2: MachineWords.Cpuid((kvm_cpuid2*)argument, ((kvm_cpuid2*)argument)->nent, 0, to); return true;
            case KvmIoctl.KVM_SET_REGS: RegisterWords.Regs((kvm_regs*)argument, to); return true;
            case KvmIoctl.KVM_SET_SREGS: RegisterWords.Sregs((kvm_sregs*)argument, to); return true;
            case KvmIoctl.KVM_SET_SREGS2: RegisterWords.Sregs2((kvm_sregs2*)argument, to); return true;
            case KvmIoctl.KVM_SET_MSRS: RegisterWords.Msrs((kvm_msrs*)argument, ((kvm_msrs*)argument)->nmsrs, to); return true;
            case KvmIoctl.KVM_SET_XSAVE: RegisterWords.Xsave((kvm_xsave*)argument, to); return true;
            case KvmIoctl.KVM_SET_XCRS: RegisterWords.Xcrs((kvm_xcrs*)argument, to); return true;
            case KvmIoctl.KVM_SET_VCPU_EVENTS: RegisterWords.Events((kvm_vcpu_events*)argument, to); return true;
            case KvmIoctl.KVM_SET_MP_STATE: RegisterWords.Mp((kvm_mp_state*)argument, to); return true;
            case KvmIoctl.KVM_SET_LAPIC: RegisterWords.Lapic((kvm_lapic_state*)argument, to); return true;
            case KvmIoctl.KVM_SET_DEBUGREGS: RegisterWords.DebugRegs((kvm_debugregs*)argument, to); return true;
            case KvmIoctl.KVM_GET_REGS: if (read) RegisterWords.Regs((kvm_regs*)argument, to); return true;
            case KvmIoctl.KVM_GET_SREGS: if (read) RegisterWords.Sregs((kvm_sregs*)argument, to); return true;
            case KvmIoctl.KVM_GET_SREGS2: if (read) RegisterWords.Sregs2((kvm_sregs2*)argument, to); return true;
            case KvmIoctl.KVM_GET_MSRS: if (read) RegisterWords.Msrs((kvm_msrs*)argument, (uint)result, to); return true;
            case KvmIoctl.KVM_GET_XSAVE or KvmIoctl.KVM_GET_XSAVE2: if (read) RegisterWords.Xsave((kvm_xsave*)argument, to); return true;
            case KvmIoctl.KVM_GET_XCRS: if (read) RegisterWords.Xcrs((kvm_xcrs*)argument, to); return true;
            case KvmIoctl.KVM_GET_VCPU_EVENTS: if (read) RegisterWords.Events((kvm_vcpu_events*)argument, to); return true;
            case KvmIoctl.KVM_GET_MP_STATE: if (read) RegisterWords.Mp((kvm_mp_state*)argument, to); return true;
            case KvmIoctl.KVM_GET_LAPIC: if (read) RegisterWords.Lapic((kvm_lapic_state*)argument, to); return true;
            case KvmIoctl.KVM_GET_DEBUGREGS: if (read) RegisterWords.DebugRegs((kvm_debugregs*)argument, to); return true;
            default: return false;
        }
    }
}
