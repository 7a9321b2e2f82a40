using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The real system calls.</summary>
internal sealed class LinuxKvmSystem : IKvmSystem
{
    public static readonly LinuxKvmSystem Instance = new();

    private LinuxKvmSystem()
    {
    }

    public int Open(string path) => Result(Libc.Open(path, Libc.O_RDWR | Libc.O_CLOEXEC, 0));

    public NodeRights? ReadRights(string path) => NodeRightsReader.Read(path);

    public int Close(int descriptor) => Result(Libc.Close(descriptor));

    public int Ioctl(KvmDescriptorKind kind, int descriptor, uint request, nint argument)
    {
        int result = Libc.Ioctl(descriptor, request, argument);
        return result >= 0 ? result : -Marshal.GetLastSystemError();
    }

    public nint Map(int descriptor, nuint length)
    {
        nint address = Libc.Mmap(0, length, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, descriptor, 0);
        return address == -1 ? -Marshal.GetLastPInvokeError() : address;
    }

    public int Unmap(nint address, nuint length) => Result(Libc.Munmap(address, length));

    private static int Result(int result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();
}
