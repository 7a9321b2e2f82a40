using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The real system calls, on descriptors that are somebody else's: they are not closed, and what is mapped is no child's.</summary>
internal sealed class ForeignKvmSystem : IKvmSystem
{
    public static readonly ForeignKvmSystem Instance = new();

    private ForeignKvmSystem()
    {
    }

    public int Open(string path) => LinuxKvmSystem.Instance.Open(path);

    public NodeRights? ReadRights(string path) => LinuxKvmSystem.Instance.ReadRights(path);

    public int Close(int descriptor) => 0;

    public int Ioctl(KvmDescriptorKind kind, int descriptor, uint request, nint argument) =>
        LinuxKvmSystem.Instance.Ioctl(kind, descriptor, request, argument);

    public nint Map(int descriptor, nuint length)
    {
        nint address = LinuxKvmSystem.Instance.Map(descriptor, length);

        // A mapping keeps its machine alive: a child of the client's must not.
        if (address is >= 0 or <= -4096) _ = Libc.Advise(address, length, Libc.MADV_DONTFORK);
        return address;
    }

    public int Unmap(nint address, nuint length) => LinuxKvmSystem.Instance.Unmap(address, length);
}
