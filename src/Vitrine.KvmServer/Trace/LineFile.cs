using System.Text;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Trace;

/// <summary>
/// A file of whole lines, from any thread. Lines wait in memory for at most a second, so that a process that is killed loses no more than that. Nothing that goes wrong with
/// the file reaches who writes: it then gets no more lines.
/// </summary>
public sealed unsafe class LineFile : IDisposable
{
    // SAFETY: for the whole type: the buffer is pinned for the time of the system call.
    private const int Capacity = 1 << 16;

    // Out of the way of what the client counts on.
    private const int LowestNumber = 512;
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly byte[] _buffer = new byte[Capacity];
    private readonly int _process = Environment.ProcessId;
    private readonly ManualResetEventSlim _ended = new();
    private int _descriptor;
    private int _used;

    private LineFile(int descriptor)
    {
        _descriptor = descriptor;
        new Thread(FlushNowAndThen) { IsBackground = true, Name = "vitrine trace" }.Start();
    }

    /// <summary>Opens a file, whose lines so far stay: another process may write to it too.</summary>
    /// <returns>Null when it can't be opened.</returns>
    public static LineFile? Open(string path)
    {
        int descriptor = Libc.OpenForAppending(path);
        return descriptor < 0 ? null : new LineFile(descriptor);
    }

    /// <summary>Writes to what a descriptor of the client's leads to, with the position that the client has there.</summary>
    /// <returns>Null when it is not open.</returns>
    public static LineFile? OpenDuplicate(int descriptor)
    {
        int duplicate = Libc.DuplicateFrom(descriptor, LowestNumber);
        if (duplicate is -Errno.EINVAL or -Errno.EMFILE) duplicate = Libc.DuplicateFrom(descriptor, 0);
        return duplicate < 0 ? null : new LineFile(duplicate);
    }

    /// <summary>Adds a line.</summary>
    public void Add(ReadOnlySpan<char> line)
    {
        int most = Encoding.UTF8.GetMaxByteCount(line.Length) + 1;
        lock (_lock)
        {
            if (_buffer.Length - _used < most) FlushLocked();
            if (_buffer.Length < most)
            {
                byte[] bytes = new byte[most];
                int length = Encoding.UTF8.GetBytes(line, bytes);
                bytes[length++] = (byte)'\n';
                Write(bytes.AsSpan(0, length));
                return;
            }

            _used += Encoding.UTF8.GetBytes(line, _buffer.AsSpan(_used));
            _buffer[_used++] = (byte)'\n';
        }
    }

    /// <summary>Hands on what waits.</summary>
    public void Flush()
    {
        lock (_lock) FlushLocked();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Set();
        lock (_lock)
        {
            FlushLocked();
            if (_descriptor >= 0) Libc.Close(_descriptor);
            _descriptor = -1;
        }
    }

    private void FlushNowAndThen()
    {
        while (!_ended.Wait(s_longestWait)) Flush();
    }

    private void FlushLocked()
    {
        Write(_buffer.AsSpan(0, _used));
        _used = 0;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        // A forked child has a copy of lines that are its parent's to write.
        if (Environment.ProcessId != _process) return;
        fixed (byte* pointer = bytes)
        {
            for (int written = 0; written < bytes.Length && _descriptor >= 0;)
            {
                nint result = Libc.Write(_descriptor, pointer + written, (nuint)(bytes.Length - written));
                if (result > 0)
                {
                    written += (int)result;
                }
                else if (result != -Errno.EINTR)
                {
                    Libc.Close(_descriptor);
                    _descriptor = -1;
                }
            }
        }
    }
}
