using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>An ioctl, with what must be noted before it is made because the kernel overwrites it.</summary>
public readonly unsafe struct IoctlCall
{
    // SAFETY: for the whole type: the vCPU's pages are mapped, by whoever passes them, for as long as the call is looked at.

    /// <summary>Notes a call that is about to be made, on a descriptor without shared pages or whose pages aren't known.</summary>
    /// <param name="kind">What it is made on.</param>
    /// <param name="request">The ioctl's number.</param>
    /// <param name="argument">A number or an address.</param>
    /// <param name="memory">What an address points into.</param>
    public IoctlCall(KvmDescriptorKind kind, uint request, ulong argument, IArgumentMemory memory)
        : this(kind, request, argument, memory, null, 0)
    {
    }

    /// <summary>Notes a call that is about to be made.</summary>
    /// <param name="kind">What it is made on.</param>
    /// <param name="request">The ioctl's number.</param>
    /// <param name="argument">A number or an address.</param>
    /// <param name="memory">What an address points into.</param>
    /// <param name="run">The vCPU's shared pages; null where there are none.</param>
    /// <param name="runLength">Bytes of them.</param>
    public IoctlCall(KvmDescriptorKind kind, uint request, ulong argument, IArgumentMemory memory, kvm_run* run, nuint runLength)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Kind = kind;
        Request = request;
        Argument = argument;
        Memory = memory;
        Run = runLength < (nuint)sizeof(kvm_run) ? null : run;
        RunLength = runLength;
        bool answersInPlace = request is KvmIoctl.KVM_GET_MSR_INDEX_LIST or KvmIoctl.KVM_GET_MSR_FEATURE_INDEX_LIST or KvmIoctl.KVM_GET_SUPPORTED_CPUID or
            KvmIoctl.KVM_GET_EMULATED_CPUID or KvmIoctl.KVM_GET_CPUID2 or KvmIoctl.KVM_IRQ_LINE_STATUS;
        if (answersInPlace && memory.TryRead(argument, out uint first)) First = first;
        if (request == KvmIoctl.KVM_RUN && Run != null) ImmediateExit = Run->immediate_exit != 0;
    }

    /// <summary>What kind of descriptor it is made on.</summary>
    public KvmDescriptorKind Kind { get; }

    /// <summary>The ioctl's number.</summary>
    public uint Request { get; }

    /// <summary>A number or an address.</summary>
    public ulong Argument { get; }

    /// <summary>What an address points into.</summary>
    public IArgumentMemory Memory { get; }

    /// <summary>The first word of what the answer is written over: how many entries a list has room for, or the number of an interrupt line.</summary>
    public uint First { get; }

    /// <summary>kvm_run.immediate_exit as KVM_RUN found it.</summary>
    public bool ImmediateExit { get; }

    /// <summary>The vCPU's shared pages; null where there are none.</summary>
    internal kvm_run* Run { get; }

    /// <summary>Bytes of them.</summary>
    internal nuint RunLength { get; }
}
