using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>
/// The system calls that KVM is used through. A test puts itself in between to feed a result or to record the order of calls.
/// Every call returns its result, or −errno, as the kernel itself does.
/// </summary>
internal unsafe interface IKvmSystem
{
    /// <summary>Opens a device node for reading and writing.</summary>
    int Open(string path);

    /// <summary>Who may open a device node; null when that can't be read.</summary>
    NodeRights? ReadRights(string path);

    /// <summary>Closes a descriptor.</summary>
    int Close(int descriptor);

    /// <summary>An ioctl. The argument is an address, or for some requests a plain number.</summary>
    int Ioctl(KvmDescriptorKind kind, int descriptor, uint request, nint argument);

    /// <summary>Maps the start of a vCPU descriptor, shared, for reading and writing.</summary>
    /// <returns>The address, or −errno.</returns>
    nint Map(int descriptor, nuint length);

    /// <summary>Unmaps what <see cref="Map"/> returned.</summary>
    int Unmap(nint address, nuint length);
}
