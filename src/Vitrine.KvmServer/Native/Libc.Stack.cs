using System.Runtime.InteropServices;

namespace Vitrine.KvmServer.Native;

/// <summary>Where a thread's stack lies.</summary>
internal static unsafe partial class Libc
{
    // sizeof(pthread_attr_t) on x86-64.
    private const int ThreadAttributesBytes = 56;

    /// <summary>pthread_getattr_np(3) of the calling thread, and pthread_attr_getstack(3).</summary>
    /// <returns>The lowest address and the one behind the highest; an empty range behind address 0 where the host does not say.</returns>
    public static (ulong Low, ulong High) FindStack()
    {
        byte* attributes = stackalloc byte[ThreadAttributesBytes];
        if (ThreadAttributesCall(ThreadSelfCall(), attributes) != 0) return (1, 1);
        nint low;
        nuint length;
        int error = StackOfCall(attributes, &low, &length);
        _ = EndAttributesCall(attributes);
        return error != 0 || low == 0 ? (1, 1) : ((ulong)low, (ulong)low + length);
    }

    [LibraryImport(Library, EntryPoint = "pthread_self")]
    private static partial nint ThreadSelfCall();

    [LibraryImport(Library, EntryPoint = "pthread_getattr_np")]
    private static partial int ThreadAttributesCall(nint thread, byte* attributes);

    [LibraryImport(Library, EntryPoint = "pthread_attr_getstack")]
    private static partial int StackOfCall(byte* attributes, nint* address, nuint* length);

    [LibraryImport(Library, EntryPoint = "pthread_attr_destroy")]
    private static partial int EndAttributesCall(byte* attributes);
}
