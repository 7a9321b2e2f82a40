using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Kvm.State;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Kvm;

/// <summary>The host's KVM as another client in this process has opened it: what has to be known of it in order to look at that client's vCPUs.</summary>
public sealed class ForeignKvm
{
    private readonly KvmCapabilities _capabilities;
    private readonly uint[] _msrs;
    private readonly int _pkruOffset;
    private readonly int _pagesLength;

    /// <summary>Asks KVM. The descriptor is used for the time of the call only.</summary>
    /// <param name="system">The client's descriptor of /dev/kvm, which stays its own.</param>
    /// <exception cref="VitrineException">KVM refuses to tell.</exception>
    public ForeignKvm(int system)
    {
        using KvmSystemHandle handle = KvmSystemHandle.Foreign(system);
        _capabilities = new KvmCapabilities(handle);
        _msrs = KvmMsrTable.Select(KvmMsrTable.ReadIndexList(handle));
        _pkruOffset = (int)XsaveLayout.PkruOffsetIn(KvmCpuid.GetSupported(handle, hasTscDeadline: false));
        _pagesLength = handle.Call(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE);
    }

    /// <summary>Looks at a vCPU.</summary>
    /// <param name="vm">The client's descriptor of the machine.</param>
    /// <param name="vcpu">The client's descriptor of the vCPU. Both stay its own.</param>
    /// <exception cref="VitrineException">Its pages can't be mapped.</exception>
    public ForeignKvmVcpu Look(int vm, int vcpu)
    {
        using KvmVmHandle machine = new(ForeignKvmSystem.Instance, vm);
        int xsaveSize = Math.Max(0, machine.TryCall(KvmIoctl.KVM_CHECK_EXTENSION, (nint)KvmCap.KVM_CAP_XSAVE2));
        KvmVcpuHandle handle = new(ForeignKvmSystem.Instance, vcpu);
        try
        {
            return new ForeignKvmVcpu(handle, handle.Map(_pagesLength), _pagesLength, new KvmStateTransfer(handle, _capabilities, _msrs, xsaveSize, _pkruOffset, 0));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
