using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>A descriptor of KVM and the ioctls on it.</summary>
internal abstract unsafe class KvmDescriptor : SafeHandle
{
    private readonly KvmDescriptorKind _kind;

    protected KvmDescriptor(IKvmSystem system, KvmDescriptorKind kind, int descriptor)
        : base(-1, ownsHandle: true)
    {
        System = system;
        _kind = kind;
        SetHandle(descriptor);
    }

    public override bool IsInvalid => handle < 0;

    protected IKvmSystem System { get; }

    protected int Number => (int)handle;

    /// <summary>An ioctl whose argument is a plain number. Returns the result or −errno.</summary>
    public int TryCall(uint request, nint argument = 0)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        return System.Ioctl(_kind, (int)handle, request, argument);
    }

    /// <summary>As <see cref="TryCall(uint, nint)"/>, with an address.</summary>
    public int TryCall(uint request, void* argument) => TryCall(request, (nint)argument);

    /// <summary>As <see cref="TryCall(uint, nint)"/>, with a structure that lives on the caller's stack or heap.</summary>
    public int TryCall<T>(uint request, ref T argument)
        where T : unmanaged
    {
        // SAFETY: the structure is pinned while the kernel reads and writes it, and has the size that the request encodes.
        fixed (T* pointer = &argument)
        {
            return TryCall(request, (nint)pointer);
        }
    }

    /// <summary>An ioctl that must succeed.</summary>
    /// <exception cref="Errors.VitrineException">It failed.</exception>
    public int Call(uint request, nint argument = 0) => Check(request, TryCall(request, argument));

    /// <summary>As <see cref="Call(uint, nint)"/>, with an address.</summary>
    public int Call(uint request, void* argument) => Check(request, TryCall(request, (nint)argument));

    /// <summary>As <see cref="Call(uint, nint)"/>, with a structure.</summary>
    public int Call<T>(uint request, ref T argument)
        where T : unmanaged => Check(request, TryCall(request, ref argument));

    /// <summary>The error that a failed ioctl on this descriptor stands for.</summary>
    public Errors.VitrineException Error(uint request, int errno) => KvmError.FromIoctl(_kind, request, errno);

    protected override bool ReleaseHandle() => System.Close((int)handle) == 0;

    private int Check(uint request, int result) => result >= 0 ? result : throw Error(request, -result);
}
