using System.Runtime.InteropServices;

namespace Vitrine.KvmServer.Native;

/// <summary>The system calls of the server, by their names. Errors are negative numbers of <see cref="Kvm.Abi.Errno"/>, never exceptions.</summary>
internal static unsafe partial class Libc
{
    // SAFETY: for the whole type: pointers are to memory that the caller owns for the time of the call, or to the client's, which only the kernel touches.
    private const string Library = "libc";

    /// <summary>memfd_create(2), closed at exec.</summary>
    /// <returns>A descriptor, or an error.</returns>
    public static int MemfdCreate(string name, uint flags) => Checked(MemfdCreateCall(name, flags));

    /// <summary>open(2) for writing behind what is there, created where it isn't, closed at exec.</summary>
    /// <returns>A descriptor, or an error.</returns>
    public static int OpenForAppending(string path)
    {
        // O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC
        const int Flags = 1 | 0x40 | 0x400 | 0x100 | 0x80000;
        const uint ReadableByAll = 0x1A4;
        return Checked(OpenCall(path, Flags, ReadableByAll));
    }

    /// <summary>write(2).</summary>
    /// <returns>Bytes written, or an error.</returns>
    public static nint Write(int descriptor, void* buffer, nuint length)
    {
        nint result = WriteCall(descriptor, buffer, length);
        return result < 0 ? -Marshal.GetLastPInvokeError() : result;
    }

    /// <summary>gettid(2): the calling thread as the kernel numbers it.</summary>
    public static int ThreadId() => ThreadIdCall();

    /// <summary>ftruncate(2).</summary>
    public static int Truncate(int descriptor, long length) => Checked(TruncateCall(descriptor, length));

    /// <summary>close(2).</summary>
    public static int Close(int descriptor) => Checked(CloseCall(descriptor));

    /// <summary>dup(2).</summary>
    public static int Duplicate(int descriptor) => Checked(DuplicateCall(descriptor));

    /// <summary>mmap(2), shared, of a file from its first byte on.</summary>
    /// <returns>The address, or null.</returns>
    public static byte* MapShared(int descriptor, nuint length)
    {
        const int ReadWrite = 3;
        const int Shared = 1;
        nint address = MmapCall(0, length, ReadWrite, Shared, descriptor, 0);
        return address == -1 ? null : (byte*)address;
    }

    /// <summary>munmap(2).</summary>
    public static void Unmap(byte* address, nuint length) => _ = MunmapCall((nint)address, length);

    /// <summary>statx(2) of a descriptor.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="identity">What the descriptor stands for.</param>
    /// <returns>0 or an error.</returns>
    public static int Identify(int descriptor, out FileIdentity identity)
    {
        const int EmptyPath = 0x1000;
        const uint Inode = 0x100;
        StatxResult result;
        byte none = 0;
        int error = Checked(StatxCall(descriptor, &none, EmptyPath, Inode, &result));

        // The number as stat(2) has it, in which the C library folds both parts (makedev(3)).
        ulong device = ((result.DeviceMajor & ~0xFFFUL) << 32) | ((result.DeviceMajor & 0xFFFUL) << 8) |
            ((result.DeviceMinor & ~0xFFUL) << 12) | (result.DeviceMinor & 0xFFUL);
        identity = error < 0 ? default : new FileIdentity(device, result.Inode);
        return error;
    }

    /// <summary>process_vm_readv(2) of this process: reads memory that may not be there.</summary>
    /// <returns>Bytes read, or an error.</returns>
    public static nint ReadMemory(ulong address, void* buffer, nuint length)
    {
        IoVector local = new((ulong)buffer, length);
        IoVector remote = new(address, length);
        nint result = ProcessVmReadCall(Environment.ProcessId, &local, 1, &remote, 1, 0);
        return result < 0 ? -Marshal.GetLastPInvokeError() : result;
    }

    /// <summary>process_vm_writev(2) of this process: writes memory that may not be there.</summary>
    /// <returns>Bytes written, or an error.</returns>
    public static nint WriteMemory(ulong address, void* buffer, nuint length)
    {
        IoVector local = new((ulong)buffer, length);
        IoVector remote = new(address, length);
        nint result = ProcessVmWriteCall(Environment.ProcessId, &local, 1, &remote, 1, 0);
        return result < 0 ? -Marshal.GetLastPInvokeError() : result;
    }

    /// <summary>Whether a range is mapped from its first byte to its last, with whatever rights (msync(2) fails with ENOMEM where it isn't).</summary>
    public static bool IsMapped(ulong address, ulong length)
    {
        const int Asynchronous = 1;
        return MsyncCall((nint)address, (nuint)length, Asynchronous) == 0;
    }

    private static int Checked(int result) => result < 0 ? -Marshal.GetLastPInvokeError() : result;

    [LibraryImport(Library, EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int MemfdCreateCall(string name, uint flags);

    [LibraryImport(Library, EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenCall(string path, int flags, uint mode);

    [LibraryImport(Library, EntryPoint = "gettid")]
    private static partial int ThreadIdCall();

    [LibraryImport(Library, EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int TruncateCall(int descriptor, long length);

    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    private static partial int CloseCall(int descriptor);

    [LibraryImport(Library, EntryPoint = "dup", SetLastError = true)]
    private static partial int DuplicateCall(int descriptor);

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MmapCall(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport(Library, EntryPoint = "msync", SetLastError = true)]
    private static partial int MsyncCall(nint address, nuint length, int flags);

    [LibraryImport(Library, EntryPoint = "munmap")]
    private static partial int MunmapCall(nint address, nuint length);

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true)]
    private static partial int StatxCall(int directory, byte* path, int flags, uint mask, StatxResult* result);

    [LibraryImport(Library, EntryPoint = "process_vm_readv", SetLastError = true)]
    private static partial nint ProcessVmReadCall(int process, IoVector* local, nuint locals, IoVector* remote, nuint remotes, nuint flags);

    [LibraryImport(Library, EntryPoint = "process_vm_writev", SetLastError = true)]
    private static partial nint ProcessVmWriteCall(int process, IoVector* local, nuint locals, IoVector* remote, nuint remotes, nuint flags);

    // struct iovec.
    private readonly record struct IoVector(ulong Address, nuint Length);

    // struct statx: what is read of it, and its whole size.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxResult
    {
        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
