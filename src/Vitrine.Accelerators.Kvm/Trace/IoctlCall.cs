using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Trace;

/// <summary>An ioctl, with what must be noted before it is made because the kernel overwrites it.</summary>
// SAFETY: for the whole type: the argument is what the accelerator passes, so it has at least the size that the request encodes; the
// requests whose arguments are longer begin with a count of what follows.
internal readonly unsafe struct IoctlCall
{
    public IoctlCall(KvmDescriptorKind kind, uint request, nint argument, kvm_run* run)
    {
        Kind = kind;
        Request = request;
        Argument = argument;
        Run = run;
        if (request is KvmIoctl.KVM_GET_MSR_INDEX_LIST or KvmIoctl.KVM_GET_SUPPORTED_CPUID) Room = *(uint*)argument;
        if (request == KvmIoctl.KVM_RUN && run != null) ImmediateExit = run->immediate_exit != 0;
    }

    /// <summary>What kind of descriptor it is made on.</summary>
    public KvmDescriptorKind Kind { get; }

    /// <summary>The ioctl's number.</summary>
    public uint Request { get; }

    /// <summary>A number or an address.</summary>
    public nint Argument { get; }

    /// <summary>The vCPU's shared page; null on other descriptors.</summary>
    public kvm_run* Run { get; }

    /// <summary>How many entries a list had room for.</summary>
    public uint Room { get; }

    /// <summary>kvm_run.immediate_exit as KVM_RUN found it.</summary>
    public bool ImmediateExit { get; }
}
