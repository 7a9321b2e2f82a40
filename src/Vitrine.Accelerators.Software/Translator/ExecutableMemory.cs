using System.Runtime.InteropServices;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Memory for machine code, seen twice: at one address it can be written, at another executed, and at none both. What is written at
/// <see cref="Writable"/> + n runs at <see cref="Executable"/> + n. Nothing has to be flushed in between: a store drops cached
/// instructions by their physical address (SDM vol. 3, "Self-Modifying Code"). Linux only.
/// </summary>
internal sealed unsafe partial class ExecutableMemory : IDisposable
{
    // SAFETY: both views have Size bytes and stay mapped until Dispose; whoever executes here must have left before.
    private const uint MFD_CLOEXEC = 1;
    private const uint MFD_NOEXEC_SEAL = 8;
    private const int PROT_READ = 1;
    private const int PROT_WRITE = 2;
    private const int PROT_EXEC = 4;
    private const int MAP_SHARED = 1;
    private const int EINVAL = 22;
    private const nint MapFailed = -1;
    private const nuint PageMask = 0xFFF;

    private byte* _writable;
    private byte* _executable;

    private ExecutableMemory(byte* writable, byte* executable, nuint size)
    {
        _writable = writable;
        _executable = executable;
        Size = size;
    }

    /// <summary>The first byte of the view that can be written. Null after <see cref="Dispose"/>.</summary>
    public byte* Writable => _writable;

    /// <summary>The first byte of the view that can be executed, and read. Null after <see cref="Dispose"/>.</summary>
    public byte* Executable => _executable;

    /// <summary>Size of each view in bytes, a multiple of 4 KiB.</summary>
    public nuint Size { get; }

    /// <summary>Maps memory of zeros; the host commits it on first touch.</summary>
    /// <param name="bytes">Size in bytes; rounded up to whole pages.</param>
    /// <exception cref="VitrineException">The host refused.</exception>
    public static ExecutableMemory Create(nuint bytes)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bytes);
        nuint size = (bytes + PageMask) & ~PageMask;

        // The seal forbids to start the file as a program, not to map it; hosts may insist on it, and old kernels don't know it.
        int file = MemfdCreate("vitrine-code", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
        if (file < 0 && Marshal.GetLastPInvokeError() == EINVAL) file = MemfdCreate("vitrine-code", MFD_CLOEXEC);
        if (file < 0) throw Refused("memory object", size);
        try
        {
            if (Ftruncate(file, checked((long)size)) != 0) throw Refused("memory", size);
            nint writable = Mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (writable == MapFailed) throw Refused("writable mapping", size);
            nint executable = Mmap(0, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
            if (executable == MapFailed)
            {
                VitrineException error = Refused("executable mapping", size);
                _ = Munmap(writable, size);
                throw error;
            }

            return new ExecutableMemory((byte*)writable, (byte*)executable, size);
        }
        finally
        {
            _ = Close(file);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_writable == null) return;
        _ = Munmap((nint)_writable, Size);
        _ = Munmap((nint)_executable, Size);
        _writable = null;
        _executable = null;
    }

    private static VitrineException Refused(string what, nuint size) => VitrineException.Host(
        $"The host refused a {what} of {size >> 10} KiB for machine code (errno {Marshal.GetLastPInvokeError()}).",
        "It is short of memory or descriptors, or a security policy forbids memory that is executed after it was written.",
        "Give --soft interpreter, which needs no such memory, or permit it.");

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
