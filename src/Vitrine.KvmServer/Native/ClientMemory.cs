using System.Runtime.CompilerServices;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Native;

/// <summary>
/// The client's memory as its ioctls name it. An address may be anything: it is the kernel that copies, so that a bad one is an error
/// (EFAULT) and no signal. What lies on the calling thread's own stack, as most structures do, is there for certain and is copied without it.
/// </summary>
internal static unsafe class ClientMemory
{
    // SAFETY: for the whole type: buffers are spans of ours, pinned for the time of the call; the client's addresses are only given to the kernel,
    // unless ThreadStack.Holds them, when the bytes are mapped, belong to callers of ours, and stay so until the call returns.

    /// <summary>Reads a structure.</summary>
    /// <returns>0, or -EFAULT.</returns>
    public static int Read<T>(ulong address, out T value)
        where T : unmanaged
    {
        Unsafe.SkipInit(out value);
        return Read(address, new Span<byte>(Unsafe.AsPointer(ref value), sizeof(T)));
    }

    /// <summary>Reads bytes: all of them or an error.</summary>
    /// <returns>0, or -EFAULT.</returns>
    public static int Read(ulong address, Span<byte> buffer)
    {
        if (ThreadStack.Holds(address, buffer.Length))
        {
            new ReadOnlySpan<byte>((void*)address, buffer.Length).CopyTo(buffer);
            return 0;
        }

        fixed (byte* pointer = buffer) return Judge(Libc.ReadMemory(address, pointer, (nuint)buffer.Length), buffer.Length);
    }

    /// <summary>Writes a structure.</summary>
    /// <returns>0, or -EFAULT.</returns>
    public static int Write<T>(ulong address, in T value)
        where T : unmanaged
    {
        fixed (T* pointer = &value) return Write(address, new ReadOnlySpan<byte>(pointer, sizeof(T)));
    }

    /// <summary>Writes bytes.</summary>
    /// <returns>0, or -EFAULT, when a part may have been written, as with the kernel's own copies.</returns>
    public static int Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (ThreadStack.Holds(address, bytes.Length))
        {
            bytes.CopyTo(new Span<byte>((void*)address, bytes.Length));
            return 0;
        }

        fixed (byte* pointer = bytes) return Judge(Libc.WriteMemory(address, pointer, (nuint)bytes.Length), bytes.Length);
    }

    private static int Judge(nint result, int wanted) => result == wanted ? 0 : -Errno.EFAULT;
}
