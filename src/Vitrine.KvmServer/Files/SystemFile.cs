using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Capabilities;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.KvmServer.State;

namespace Vitrine.KvmServer.Files;

/// <summary>/dev/kvm: what there is, and new virtual machines.</summary>
/// <param name="host">Whose file it is.</param>
/// <param name="file">The file.</param>
internal sealed class SystemFile(KvmHost host, MemoryFile file) : ServedFile(host, file)
{
    /// <inheritdoc/>
    public override KvmDescriptorKind Kind => KvmDescriptorKind.System;

    /// <inheritdoc/>
    public override long Ioctl(uint request, ulong argument) => request switch
    {
        KvmIoctl.KVM_GET_API_VERSION => argument == 0 ? KvmConstants.KVM_API_VERSION : -Errno.EINVAL,
        KvmIoctl.KVM_CREATE_VM => argument == 0 ? Host.Create("kvm-vm", pages: 1, file => new VmFile(Host, file)) : -Errno.EINVAL,
        KvmIoctl.KVM_CHECK_EXTENSION => Extensions.Check(argument),
        KvmIoctl.KVM_GET_VCPU_MMAP_SIZE => argument == 0 ? VcpuFile.Bytes : -Errno.EINVAL,
        KvmIoctl.KVM_GET_SUPPORTED_CPUID => CpuidCalls.WriteList(argument, Host.Cpuid.Entries),
        KvmIoctl.KVM_GET_EMULATED_CPUID => CpuidCalls.WriteList(argument, []),
        KvmIoctl.KVM_GET_MSR_INDEX_LIST => MsrLists.WriteIndices(argument, MsrLists.State),
        KvmIoctl.KVM_GET_MSR_FEATURE_INDEX_LIST => MsrLists.WriteIndices(argument, MsrLists.Features),
        KvmIoctl.KVM_GET_MSRS => MsrCalls.Get(argument, MsrLists.TryReadFeature),
        KvmIoctl.KVM_X86_GET_MCE_CAP_SUPPORTED => ClientMemory.Write(argument, MachineCheck.SupportedCapability),

        KvmIoctl.KVM_HAS_DEVICE_ATTR => DeviceCalls.HasSystemAttribute(argument),
        KvmIoctl.KVM_GET_DEVICE_ATTR => DeviceCalls.GetSystemAttribute(argument, Host.Cpuid.XsaveComponents),

        // What it doesn't know the kernel passes on to its architecture, which says this instead of ENOTTY.
        _ => -Errno.EINVAL,
    };
}
