using System.Runtime.InteropServices;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using static Vitrine.Kvm.Abi.Errno;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>Turns what a system call returned into the three sentences a user gets.</summary>
internal static class KvmError
{
    private const string SeeCheck = "See what KvmProbe finds on this host, or use the software CPU.";
    private const string ReportBug = "This is a defect of Vitrine: report it with the command that led here.";

    /// <summary>The device node can't be opened.</summary>
    /// <param name="path">The node.</param>
    /// <param name="errno">What open(2) said.</param>
    /// <param name="rights">The node's rights; null where they can't be read.</param>
    public static VitrineException FromOpen(string path, int errno, NodeRights? rights)
    {
        (string Why, string Remedy) denied = rights?.Explain() ?? (
            "The node's rights do not let this user in, or a container forbids the device.",
            $"Look at `ls -l {path}`, and allow the device in the container.");
        var inner = new KvmIoctlException($"open({path})", errno);
        return errno switch
        {
            ENOENT => VitrineException.Host(
                ErrorCode.KvmNodeMissing,
                $"The device node {path} does not exist (ENOENT).",
                "The kernel's KVM module is not loaded, virtualisation is off in the firmware or not passed on by an outer hypervisor, or this is a container without the device.",
                "Load kvm_intel or kvm_amd, turn on VT-x or AMD-V, or start the container with --device /dev/kvm.",
                inner).With("path", path),
            EACCES or EPERM => VitrineException.Host(
                ErrorCode.KvmNodeDenied,
                $"The device node {path} may not be opened by this user ({Name(errno)}).",
                denied.Why,
                denied.Remedy,
                inner).With("path", path),
            ENODEV or ENXIO => VitrineException.Host(
                ErrorCode.KvmNodeDead,
                $"The device node {path} exists, but no driver answers it ({Name(errno)}).",
                "The kernel's KVM module is not loaded.",
                "Load kvm_intel or kvm_amd with modprobe.",
                inner).With("path", path),
            EMFILE => VitrineException.Host(
                ErrorCode.KvmTooManyFiles,
                $"The device node {path} could not be opened: too many files are open in this process (EMFILE).",
                "The limit that `ulimit -n` shows is reached.",
                "Raise it with `ulimit -n`, or run fewer machines in one process.",
                inner),
            _ => VitrineException.Host(
                ErrorCode.KvmUnexplained,
                $"The device node {path} could not be opened ({Name(errno)}).",
                "The host refused it for a reason that is not usual for KVM.",
                SeeCheck,
                inner).With("path", path),
        };
    }

    /// <summary>The host's KVM runs guests of another architecture; null where it runs x86-64 ones.</summary>
    public static VitrineException? OfArchitecture(Architecture host) => host == Architecture.X64 ? null : VitrineException.Host(
        ErrorCode.KvmArchitecture,
        $"KVM can't run x86-64 guests on this host ({host}).",
        "It runs guests on the host's own processor, which executes other instructions, or this process is not a 64-bit one.",
        "Use the software CPU, which runs on every host.");

    /// <summary>KVM_GET_API_VERSION didn't say 12.</summary>
    public static VitrineException WrongApiVersion(string path, int version) => VitrineException.Host(
        ErrorCode.KvmApiVersion,
        version < 0
            ? $"{path} does not answer KVM_GET_API_VERSION ({Name(-version)}), where version {KvmConstants.KVM_API_VERSION} is needed."
            : $"{path} has KVM API version {version}, where version {KvmConstants.KVM_API_VERSION} is needed.",
        "Every Linux since 2.6.22 has version 12, so the node is probably not KVM's, or something stands in between.",
        $"Look at `ls -l {path}` (it should be a character device 10, 232).",
        version < 0 ? new KvmIoctlException(nameof(KvmIoctl.KVM_GET_API_VERSION), -version) : null).With("path", path).With("version", version);

    /// <summary>A required capability is absent.</summary>
    public static VitrineException MissingCapability(string name) => VitrineException.Host(
        ErrorCode.KvmCapabilityMissing,
        $"KVM on this host lacks the capability {name}, which Vitrine needs.",
        "The kernel is older than Linux 4.11, or its KVM is not complete.",
        "Update the kernel.").With("capability", name);

    /// <summary>An optional capability is absent that an option asks for.</summary>
    public static VitrineException MissingOptionalCapability(string name, string option) => VitrineException.Host(
        ErrorCode.KvmOptionalCapabilityMissing,
        $"KVM on this host lacks the capability {name}, which the option {option} needs.",
        "The kernel is too old, or its KVM is not complete.",
        $"Leave the option {option} out, or update the kernel.").With("capability", name);

    /// <summary>The vCPU's pages can't be mapped.</summary>
    public static VitrineException FromMap(int errno) => VitrineException.Host(
        ErrorCode.KvmMapFailed,
        $"The pages that KVM shares with user space could not be mapped ({Name(errno)}).",
        "The process has no address space or mappings left.",
        "Look at `ulimit -v` and at vm.max_map_count.",
        new KvmIoctlException("mmap", errno)).With("errno", errno);

    /// <summary>The handler of the kick signal can't be installed.</summary>
    public static VitrineException FromSignal(int errno) => VitrineException.Host(
        ErrorCode.KvmSignalFailed,
        $"The handler of the signal that interrupts a vCPU could not be installed ({Name(errno)}).",
        "A sandbox forbids sigaction.",
        "Run outside the sandbox.",
        new KvmIoctlException("sigaction", errno)).With("errno", errno);

    /// <summary>KVM_SET_MSRS stopped before the end.</summary>
    public static VitrineException MsrRefused(uint index, ulong value) => VitrineException.Host(
        ErrorCode.KvmMsrRefused,
        $"KVM refused to set MSR 0x{index:x} to 0x{value:x}.",
        "This KVM does not know the MSR, the CPU model does not announce the feature it belongs to, or the value has bits that it does not allow.",
        "Leave the MSR out of the state, or choose a CPU model that has the feature.").With("msr", index).With("value", value);

    /// <summary>An ioctl succeeded, and what it returned is none of what the ABI allows.</summary>
    public static VitrineException Malformed(string request) => VitrineException.Host(
        ErrorCode.KvmMalformed,
        $"{request} returned a structure that the ABI does not allow.",
        "The kernel is newer than this version knows, or something between this process and KVM changes what it answers.",
        SeeCheck).With("request", request);

    /// <summary>An ioctl failed.</summary>
    public static VitrineException FromIoctl(KvmDescriptorKind kind, uint request, int errno)
    {
        string name = KvmIoctlName.Of(kind, request);
        KvmCallCause cause = Cause(name, errno);
        return VitrineException.Host(
            cause.Code,
            $"{name} failed with {Name(errno)}.", cause.Why, cause.Remedy, new KvmIoctlException(name, errno)).With("request", name).With("errno", errno);
    }

    // One row per (ioctl, errno) that KVM is known to return; then what an errno means whoever returns it.
    private static KvmCallCause Cause(string ioctl, int errno) => (ioctl, errno) switch
    {
        ("KVM_CREATE_VM", EINVAL) => new("This KVM does not offer the default type of virtual machine.", SeeCheck, ErrorCode.KvmUnexplained),
        ("KVM_CREATE_VM", EBUSY or EIO) => new(
            "Another hypervisor (VirtualBox, VMware, Xen) holds the CPU's virtualisation extensions, or they failed to turn on.",
            "Stop the other hypervisor.", ErrorCode.KvmBusy),
        ("KVM_SET_USER_MEMORY_REGION", EEXIST) => new(
            "The memory slot overlaps another slot of the machine.", "Move or shrink one of the two."),
        ("KVM_SET_USER_MEMORY_REGION", EINVAL) => new(
            "Address, size and host address of a memory slot must be multiples of 4096, its end must not wrap, " +
            "there are at most 32764 slots, and a slot can't be resized, moved in the host, or deleted twice.",
            "Correct the slot."),
        ("KVM_GET_DIRTY_LOG" or "KVM_CLEAR_DIRTY_LOG", ENOENT) => new(
            "The slot does not exist or was not created with LogDirtyPages.", "Set the slot with that flag first."),
        ("KVM_IRQ_LINE" or "KVM_GET_IRQCHIP" or "KVM_SET_IRQCHIP", ENXIO) => new(
            "The machine has no interrupt controllers in the kernel.", "Create the accelerator without the split interrupt controller."),
        ("KVM_INTERRUPT", ENXIO) => new(
            "External interrupts are not injected by hand while all interrupt controllers are in the kernel.",
            "Create the accelerator with the split interrupt controller."),
        ("KVM_INTERRUPT", EEXIST) => new("An external interrupt is already queued.", ReportBug),
        ("KVM_INTERRUPT", EINVAL) => new("The vector is above 255.", ReportBug),
        ("KVM_SET_GSI_ROUTING" or "KVM_IRQFD", EINVAL) => new(
            "The machine has no interrupt controllers in the kernel, or a route names a pin that does not exist.", ReportBug),
        ("KVM_CREATE_PIT2", ENOENT) => new("The interval timer needs the interrupt controllers first.", ReportBug),
        ("KVM_CREATE_IRQCHIP" or "KVM_CREATE_PIT2" or "KVM_CREATE_VCPU", EEXIST) => new(
            "The machine already has it.", "Create each vCPU number once."),
        ("KVM_CREATE_VCPU", EINVAL) => new(
            "The number of the vCPU is above what this KVM allows.", "Give the machine fewer vCPUs.", ErrorCode.KvmVcpuLimit),
        ("KVM_SET_TSS_ADDR" or "KVM_SET_IDENTITY_MAP_ADDR", EINVAL) => new(
            "The address is too high, or a vCPU exists already.", ReportBug),
        ("KVM_SET_SREGS" or "KVM_SET_SREGS2", EINVAL) => new(
            "The special registers contradict each other or the CPUID: PG without PE, LME and PG without PAE or LMA, " +
            "LMA without PG, reserved bits in CR0 or CR4, or a bad APIC base.",
            "Correct CR0, CR4, EFER and the APIC base, or put a CPUID that has the features first."),
        ("KVM_SET_CPUID2", E2BIG) => new("There are more than 256 CPUID entries.", "Use fewer."),
        ("KVM_SET_CPUID2", EINVAL) => new(
            "The vCPU has already run, and its CPUID can no longer change, or an entry contradicts the host.",
            "Set the CPUID before the first run."),
        ("KVM_GET_SUPPORTED_CPUID" or "KVM_GET_MSR_INDEX_LIST", E2BIG) => new("KVM has more entries than there was room for.", ReportBug),
        ("KVM_GET_MSRS" or "KVM_SET_MSRS", E2BIG) => new("More than 256 MSRs were named in one call.", ReportBug),
        ("KVM_SET_XSAVE", EINVAL) => new(
            "The area has a component that XCR0 does not allow, reserved bits in MXCSR, or a format that this KVM does not take.",
            "Correct MXCSR, or the CPU model."),
        ("KVM_SET_XCRS", EINVAL) => new(
            "XCR0 has bits that the CPU model's leaf 0xD does not announce, or lacks bit 0.", "Correct XCR0, or the CPU model."),
        ("KVM_SET_MP_STATE" or "KVM_SET_DEBUGREGS" or "KVM_SET_VCPU_EVENTS", EINVAL) => new(
            "A value in the state is not allowed, such as bits above 31 in DR6 or DR7, or an unknown multiprocessing state.",
            "Correct the state."),
        ("KVM_SET_LAPIC", EINVAL) => new("The page contradicts the APIC's mode.", "Put a page that was read in the same mode."),
        ("KVM_SET_TSC_KHZ", EINVAL) => new(
            "This CPU can't scale the time-stamp counter, so only the host's own frequency is possible.",
            "Leave the frequency out."),
        ("KVM_RUN", ENOSPC) => new(
            "The machine has no memory slot, so KVM has no room for shadow pages.", "Add memory before the first run."),
        ("KVM_RUN", EFAULT) => new("The host memory behind a memory slot is gone.", ReportBug),
        ("KVM_RUN", EINVAL) => new("KVM does not take the state of the vCPU.", ReportBug),
        (_, EIO) => new(
            "The machine belongs to another process (a fork), or KVM has stopped it after an internal failure.",
            "Look at the kernel's log (dmesg)."),
        (_, ENOMEM) => new("The host is out of memory.", "Close other programs, or give the guest less memory.", ErrorCode.KvmNoMemory),
        (_, EMFILE) => new("The limit of open files is reached.", "Raise it with `ulimit -n`."),
        (_, ENOTTY or ENOSYS or EOPNOTSUPP) => new("This KVM does not have the call.", SeeCheck, ErrorCode.KvmUnexplained),
        (_, EPERM or EACCES) => new("A sandbox or security module forbids it.", "Allow it.", ErrorCode.KvmForbidden),
        _ => new("KVM gives no reason beyond the number.", SeeCheck, ErrorCode.KvmUnexplained),
    };
}
