using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The descriptor of /dev/kvm.</summary>
internal sealed class KvmSystemHandle : KvmDescriptor
{
    private KvmSystemHandle(IKvmSystem system, int descriptor)
        : base(system, KvmDescriptorKind.System, descriptor)
    {
    }

    /// <summary>Opens the device node and checks the API version.</summary>
    /// <exception cref="Errors.VitrineException">Missing, not permitted, or of another version.</exception>
    public static KvmSystemHandle Open(IKvmSystem system, string path)
    {
        int descriptor = system.Open(path);
        if (descriptor < 0) throw KvmError.FromOpen(path, -descriptor, system.ReadRights(path));
        var handle = new KvmSystemHandle(system, descriptor);
        int version = handle.TryCall(KvmIoctl.KVM_GET_API_VERSION);
        if (version == KvmConstants.KVM_API_VERSION) return handle;
        handle.Dispose();
        throw KvmError.WrongApiVersion(path, version);
    }

    /// <summary>A descriptor of another client's, which stays its own.</summary>
    public static KvmSystemHandle Foreign(int descriptor) => new(ForeignKvmSystem.Instance, descriptor);

    /// <summary>The value of a capability: 0 absent, 1 present, more where it is a number.</summary>
    public int Check(uint capability) => Math.Max(0, TryCall(KvmIoctl.KVM_CHECK_EXTENSION, (nint)capability));

    /// <summary>Creates a virtual machine of the default type.</summary>
    public KvmVmHandle CreateVm()
    {
        int descriptor;
        do
        {
            // Creation registers an MMU notifier, which a pending signal interrupts.
            descriptor = TryCall(KvmIoctl.KVM_CREATE_VM);
        }
        while (descriptor == -Errno.EINTR);

        return descriptor >= 0 ? new KvmVmHandle(System, descriptor) : throw Error(KvmIoctl.KVM_CREATE_VM, -descriptor);
    }
}
