using System.Runtime.InteropServices;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>
/// Memory for machine code, seen twice: at one address it can be written, at another executed, and at none both. What is written at
/// <see cref="Writable"/> + n runs at <see cref="Executable"/> + n. Nothing has to be flushed in between: a store drops cached
/// instructions by their physical address (SDM vol. 3, "Self-Modifying Code"). Only addresses are reserved: the host gives memory where
/// it is touched or asked for, and takes it back on <see cref="Release"/>. Linux only.
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
    private const int MADV_REMOVE = 9;
    private const int MADV_POPULATE_WRITE = 23;
    private const int EAGAIN = 11;
    private const int ENOMEM = 12;
    private const int EFAULT = 14;
    private const int EINVAL = 22;
    private const int EFBIG = 27;
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

    /// <summary>True where machine code of ours can run: on Linux, in a process of 64-bit x86 code.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>The first byte of the view that can be written. Null after <see cref="Dispose"/>.</summary>
    public byte* Writable => _writable;

    /// <summary>The first byte of the view that can be executed, and read. Null after <see cref="Dispose"/>.</summary>
    public byte* Executable => _executable;

    /// <summary>Size of each view in bytes, a multiple of 4 KiB.</summary>
    public nuint Size { get; }

    /// <summary>Maps memory of zeros; the host commits it on first touch.</summary>
    /// <param name="bytes">Size in bytes; rounded up to whole pages.</param>
    /// <exception cref="VitrineException">The host refused.</exception>
    public static ExecutableMemory Create(nuint bytes) => CreateUpTo(bytes, bytes);

    /// <summary>
    /// As <see cref="Create"/>, with as much as the host's limits allow: each time that it refuses, half of it is asked for.
    /// </summary>
    /// <param name="most">The size wanted, in bytes; rounded up to whole pages.</param>
    /// <param name="least">The size in bytes below which the host's refusal is an error.</param>
    /// <exception cref="VitrineException">The host refused even <paramref name="least"/>.</exception>
    public static ExecutableMemory CreateUpTo(nuint most, nuint least)
    {
        ArgumentOutOfRangeException.ThrowIfZero(least);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, least);
        for (nuint bytes = most; ; bytes = Math.Max(bytes / 2, least))
        {
            nuint size = (bytes + PageMask) & ~PageMask;
            if (TryCreate(size, out string refused) is { } memory) return memory;
            if (bytes == least) throw Refused(refused, size);
        }
    }

    /// <summary>
    /// Asks the host for the memory of a range, which it may be unable to give: to touch it then would end the process. The limit of a
    /// control group can't be asked for so; see <see cref="Translator.CodeMemorySize"/>.
    /// </summary>
    /// <param name="start">Its first byte, a multiple of 4 KiB.</param>
    /// <param name="bytes">Its length, a multiple of 4 KiB.</param>
    /// <returns>False when the host has none to give.</returns>
    public bool TryCommit(nuint start, nuint bytes) =>
        Madvise((nint)(_writable + start), bytes, MADV_POPULATE_WRITE) == 0 ||
        Marshal.GetLastPInvokeError() is not (ENOMEM or EFAULT or EAGAIN); // else it can't be asked: Linux before 5.14, or a security policy

    /// <summary>Gives memory back to the host. It is zero when it is touched again.</summary>
    /// <param name="start">From here to the end; a multiple of 4 KiB.</param>
    public void Release(nuint start)
    {
        if (start < Size) _ = Madvise((nint)(_writable + start), Size - start, MADV_REMOVE);
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

    /// <summary>Null when the host refused, and what it did.</summary>
    private static ExecutableMemory? TryCreate(nuint size, out string refused)
    {
        // The memory is a file of no file system, and to make it longer than a file may be would bring SIGXFSZ.
        refused = $"memory object, whose size RLIMIT_FSIZE limits to {ResourceLimit.FileSize >> 10} KiB,";
        Marshal.SetLastPInvokeError(EFBIG);
        if (size > ResourceLimit.FileSize) return null;

        // The seal forbids to start the file as a program, not to map it; hosts may insist on it, and old kernels don't know it.
        refused = "memory object";
        int file = MemfdCreate("vitrine-code", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
        if (file < 0 && Marshal.GetLastPInvokeError() == EINVAL) file = MemfdCreate("vitrine-code", MFD_CLOEXEC);
        if (file < 0) return null;
        try
        {
            refused = "memory";
            if (Ftruncate(file, (long)size) != 0) return null;
            refused = "writable mapping";
            nint writable = Mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (writable == MapFailed) return null;
            refused = "executable mapping";
            nint executable = Mmap(0, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
            if (executable != MapFailed) return new ExecutableMemory((byte*)writable, (byte*)executable, size);
            int error = Marshal.GetLastPInvokeError();
            _ = Munmap(writable, size);
            Marshal.SetLastPInvokeError(error);
            return null;
        }
        finally
        {
            _ = Close(file);
        }
    }

    private static VitrineException Refused(string what, nuint size) => VitrineException.Host(
        ErrorCode.TranslatorMemoryRefused,
        $"The host refused a {what} of {size >> 10} KiB for machine code (errno {Marshal.GetLastPInvokeError()}).",
        "It is short of memory or descriptors, a limit (`ulimit -f`, `ulimit -v` or `ulimit -n`) is too low, or a security policy forbids memory that is executed after it was written.",
        "Choose the interpreter, which needs no such memory, or permit it.").With("errno", Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
