using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The mapping of a vCPU: <see cref="kvm_run"/>, then the page for port I/O data, then the coalesced-MMIO ring.</summary>
internal sealed unsafe class KvmRunMapping : SafeHandle
{
    private readonly IKvmSystem _system;
    private readonly nuint _length;

    public KvmRunMapping(IKvmSystem system, int descriptor, nuint length)
        : base(0, ownsHandle: true)
    {
        _system = system;
        _length = length;
        nint address = system.Map(descriptor, length);
        if (address is < 0 and > -4096) throw KvmError.FromMap((int)-address);
        SetHandle(address);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The first page. Valid until the mapping is disposed.</summary>
    public kvm_run* Run => (kvm_run*)handle;

    protected override bool ReleaseHandle() => _system.Unmap(handle, _length) == 0;
}
