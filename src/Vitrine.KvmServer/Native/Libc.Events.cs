using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Native;

/// <summary>The system calls on eventfds.</summary>
internal static unsafe partial class Libc
{
    /// <summary>EPOLLIN and POLLIN.</summary>
    public const int Readable = 1;

    /// <summary>POLLOUT.</summary>
    public const int Writable = 4;

    /// <summary>eventfd(2), closed at exec, that never blocks.</summary>
    /// <returns>A descriptor, or an error.</returns>
    public static int CreateEventDescriptor()
    {
        const int CloseAtExec = 0x8_0000;
        const int NonBlocking = 0x800;
        return Checked(EventfdCall(0, CloseAtExec | NonBlocking));
    }

    /// <summary>A duplicate that is closed at exec.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="lowest">The lowest number that it may have.</param>
    /// <returns>A descriptor, or an error.</returns>
    public static int DuplicateFrom(int descriptor, int lowest)
    {
        const int DuplicateCloseAtExec = 1030;
        return Checked(FcntlCall(descriptor, DuplicateCloseAtExec, lowest));
    }

    /// <summary>Whether reads and writes of the file never block (O_NONBLOCK).</summary>
    public static bool IsNonBlocking(int descriptor)
    {
        const int GetStatusFlags = 3;
        const int NonBlocking = 0x800;
        int flags = FcntlCall(descriptor, GetStatusFlags, 0);
        return flags >= 0 && (flags & NonBlocking) != 0;
    }

    /// <summary>Whether a descriptor is ready now; errors count as ready.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="events"><see cref="Readable"/> or <see cref="Writable"/>.</param>
    public static bool IsReady(int descriptor, int events)
    {
        PollDescriptor poll = new(descriptor, (short)events, 0);
        return PollCall(&poll, 1, 0) != 0;
    }

    /// <summary>Reads 8 bytes without waiting for them.</summary>
    /// <returns>8, or an error: -EAGAIN where a read would wait.</returns>
    public static nint ReadNow(int descriptor, out ulong value)
    {
        const int NoWait = 8;
        ulong read = 0;
        IoVector buffer = new((ulong)&read, sizeof(ulong));
        nint result = PreadvCall(descriptor, &buffer, 1, -1, NoWait);
        if (result < 0) result = -Marshal.GetLastPInvokeError();

        // Kernels before 5.8 can't be told not to wait, or not for this file.
        if (result is -Errno.EOPNOTSUPP or -Errno.ENOSYS)
            result = IsReady(descriptor, Readable) ? Read(descriptor, &read, sizeof(ulong)) : -Errno.EAGAIN;
        value = read;
        return result;
    }

    /// <summary>read(2).</summary>
    /// <returns>Bytes read, or an error.</returns>
    public static nint Read(int descriptor, void* buffer, nuint length)
    {
        nint result = ReadCall(descriptor, buffer, length);
        return result < 0 ? -Marshal.GetLastPInvokeError() : result;
    }

    /// <summary>Writes 8 bytes.</summary>
    /// <returns>8, or an error.</returns>
    public static nint Write(int descriptor, ulong value)
    {
        nint result = WriteCall(descriptor, &value, sizeof(ulong));
        return result < 0 ? -Marshal.GetLastPInvokeError() : result;
    }

    /// <summary>open(2) for reading, closed at exec.</summary>
    /// <returns>A descriptor, or an error.</returns>
    public static int OpenForReading(string path)
    {
        const int CloseAtExec = 0x8_0000;
        return Checked(OpenCall(path, CloseAtExec));
    }

    /// <summary>epoll_create1(2), closed at exec.</summary>
    /// <returns>A descriptor, or an error.</returns>
    public static int CreateEpoll()
    {
        const int CloseAtExec = 0x8_0000;
        return Checked(EpollCreateCall(CloseAtExec));
    }

    /// <summary>Adds a descriptor to an epoll, to be reported while it can be read.</summary>
    public static int AddToEpoll(int epoll, int descriptor, ulong data)
    {
        const int Add = 1;
        EpollEvent what = new() { Events = Readable, Data = data };
        return Checked(EpollControlCall(epoll, Add, descriptor, &what));
    }

    /// <summary>Takes a descriptor out of an epoll.</summary>
    public static int RemoveFromEpoll(int epoll, int descriptor)
    {
        const int Remove = 2;
        EpollEvent ignored = default;
        return Checked(EpollControlCall(epoll, Remove, descriptor, &ignored));
    }

    /// <summary>epoll_wait(2) without a limit of time.</summary>
    /// <returns>How many are ready, or an error.</returns>
    public static int WaitForEpoll(int epoll, Span<EpollEvent> ready)
    {
        fixed (EpollEvent* pointer = ready) return Checked(EpollWaitCall(epoll, pointer, ready.Length, -1));
    }

    /// <summary>
    /// rt_sigprocmask(2) with SIG_SETMASK, past the C library: its function is another one in a served process, where the runtime's signal has another
    /// number and the client's of the old number must stay as it is.
    /// </summary>
    public static void SetSignalMask(in SignalSet mask, out SignalSet old)
    {
        const int SetMask = 2;
        old = default;
        fixed (SignalSet* wanted = &mask, previous = &old) _ = SystemCall(s_signalMaskCall, SetMask, wanted, previous, sizeof(ulong));
    }

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventfdCall(uint initial, int flags);

    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FcntlCall(int descriptor, int command, int argument);

    [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
    private static partial int PollCall(PollDescriptor* descriptors, nuint count, int timeout);

    [LibraryImport(Library, EntryPoint = "preadv2", SetLastError = true)]
    private static partial nint PreadvCall(int descriptor, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadCall(int descriptor, void* buffer, nuint length);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteCall(int descriptor, void* buffer, nuint length);

    [LibraryImport(Library, EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenCall(string path, int flags);

    [LibraryImport(Library, EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreateCall(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControlCall(int epoll, int operation, int descriptor, EpollEvent* what);

    [LibraryImport(Library, EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWaitCall(int epoll, EpollEvent* ready, int room, int timeout);

    // <asm/unistd_64.h> on x86-64, <asm-generic/unistd.h> elsewhere.
    private static readonly nint s_signalMaskCall = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 14 : 135;

    [LibraryImport(Library, EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint how, SignalSet* mask, SignalSet* old, nint bytes);

    /// <summary>struct epoll_event, packed on x86-64.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct EpollEvent
    {
        /// <summary>What happened.</summary>
        public uint Events;

        /// <summary>Whose it is.</summary>
        public ulong Data;
    }

    /// <summary>sigset_t of the C library: signal 1 in bit 0.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    public struct SignalSet
    {
        /// <summary>All signals that Linux has.</summary>
        public ulong Signals;
    }

    // struct pollfd.
    private readonly record struct PollDescriptor(int Descriptor, short Events, short Returned);
}
