using System.Buffers.Text;
using System.Globalization;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Native;

/// <summary>An eventfd of the client's, as a duplicate of its own that the client's close does not touch. Any thread.</summary>
internal sealed unsafe class EventDescriptor : IDisposable
{
    // Out of the way of what the client counts on: low numbers, and select(2).
    private const int LowestNumber = 512;

    // Where the kernel doesn't tell its own, the client's descriptor number stands for an eventfd.
    private const ulong ByNumber = 1UL << 63;

    private readonly Lock _lock = new();
    private readonly bool _mayBlock;
    private int _number;

    private EventDescriptor(int number, ulong identity)
    {
        (_number, Identity) = (number, identity);
        _mayBlock = !Libc.IsNonBlocking(number);
    }

    /// <summary>Which eventfd it is, whatever the number of the descriptor.</summary>
    public ulong Identity { get; }

    /// <summary>Our descriptor; -1 when it is closed.</summary>
    public int Number => Volatile.Read(ref _number);

    /// <summary>Duplicates a descriptor.</summary>
    /// <param name="client">The client's descriptor.</param>
    /// <param name="opened">The duplicate.</param>
    /// <returns>0; -EBADF for no descriptor, -EINVAL for one of something else, -EMFILE when there is no room for one more.</returns>
    public static int Open(int client, out EventDescriptor? opened)
    {
        opened = null;
        int error = Identify(client, out ulong identity);
        if (error < 0) return error;
        int number = Libc.DuplicateFrom(client, LowestNumber);

        // The limit of descriptors may be lower than that, or room be left below only.
        if (number is -Errno.EINVAL or -Errno.EMFILE) number = Libc.DuplicateFrom(client, 0);
        if (number < 0) return number;
        opened = new EventDescriptor(number, identity);
        return 0;
    }

    /// <summary>Tells which eventfd a descriptor of the client's leads to.</summary>
    /// <returns>0; -EBADF for no descriptor, -EINVAL for one of something else.</returns>
    public static int Identify(int client, out ulong identity)
    {
        identity = ByNumber | (uint)client;
        if (client < 0 || Libc.Identify(client, out _) < 0) return -Errno.EBADF;
        int information = Libc.OpenForReading(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{client}"));

        // A client in a root directory without /proc is believed.
        if (information < 0) return 0;
        Span<byte> buffer = stackalloc byte[1024];
        nint length;
        fixed (byte* pointer = buffer) length = Libc.Read(information, pointer, (nuint)buffer.Length);
        _ = Libc.Close(information);
        return Parse(buffer[..(int)Math.Max(length, 0)], ref identity) ? 0 : -Errno.EINVAL;
    }

    /// <summary>Adds one to its counter, without waiting where that is full. Does nothing when it is closed.</summary>
    public void Signal()
    {
        lock (_lock)
        {
            if (_number < 0 || (_mayBlock && !Libc.IsReady(_number, Libc.Writable))) return;
            _ = Libc.Write(_number, 1);
        }
    }

    /// <summary>Reads its counter, which is 0 then (or one less, of a semaphore), without waiting.</summary>
    /// <returns>0 when it was not 0; -EAGAIN when it was; another error when it can't be read.</returns>
    public int Take()
    {
        lock (_lock)
        {
            if (_number < 0) return -Errno.EBADF;
            nint result = Libc.ReadNow(_number, out _);
            return result < 0 ? (int)result : result == sizeof(ulong) ? 0 : -Errno.EINVAL;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_number < 0) return;
            _ = Libc.Close(_number);
            Volatile.Write(ref _number, -1);
        }
    }

    // Lines of proc(5), /proc/PID/fdinfo: "eventfd-count:" is there for eventfds, "eventfd-id:" from Linux 5.2 on.
    private static bool Parse(ReadOnlySpan<byte> information, ref ulong identity)
    {
        if (information.IndexOf("eventfd-count:"u8) < 0) return false;
        ReadOnlySpan<byte> name = "eventfd-id:"u8;
        int at = information.IndexOf(name);
        if (at >= 0 && Utf8Parser.TryParse(information[(at + name.Length)..].TrimStart(" \t"u8), out ulong id, out _)) identity = id;
        return true;
    }
}
