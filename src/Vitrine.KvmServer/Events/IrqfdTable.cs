using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Irqchip;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Events;

/// <summary>
/// The irqfds of a machine (KVM_IRQFD), and the one thread that waits for them all. It is started with the first, and ends before the
/// machine's disposal does. Any thread.
/// </summary>
/// <param name="lines">Where interrupts go.</param>
/// <param name="failed">Told of a defect that ends the thread.</param>
internal sealed class IrqfdTable(InterruptLines lines, Action<Exception> failed) : IDisposable
{
    private const int StackSize = 256 << 10;
    private const ulong WakeKey = 0;

    // Held while an interrupt is raised: when an irqfd has been taken away, no interrupt of it comes any more.
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Irqfd> _irqfds = [];
    private ulong _lastKey = WakeKey;
    private int _epoll = -1;
    private int _wake = -1;
    private Thread? _thread;
    private bool _stops;

    /// <summary>Whether the thread runs.</summary>
    public bool IsWaiting => _thread is { IsAlive: true };

    /// <summary>KVM_IRQFD.</summary>
    /// <param name="argument">The client's structure.</param>
    /// <param name="mode">What the machine has.</param>
    /// <returns>0 or an error: -EINVAL, -EBADF, -EBUSY when the eventfd is an irqfd already.</returns>
    public int Change(in kvm_irqfd argument, IrqchipMode mode)
    {
        const uint Known = KvmConstants.KVM_IRQFD_FLAG_DEASSIGN | KvmConstants.KVM_IRQFD_FLAG_RESAMPLE;
        if ((argument.flags & ~Known) != 0) return -Errno.EINVAL;
        if ((argument.flags & KvmConstants.KVM_IRQFD_FLAG_DEASSIGN) != 0) return Remove(argument);
        bool resample = (argument.flags & KvmConstants.KVM_IRQFD_FLAG_RESAMPLE) != 0;

        // Only controllers inside know when an interrupt ends.
        if (mode == IrqchipMode.None || (resample && mode != IrqchipMode.Full)) return -Errno.EINVAL;
        int error = EventDescriptor.Open((int)argument.fd, out EventDescriptor? source);
        if (error < 0) return error;
        EventDescriptor? resampled = null;
        if (resample) error = EventDescriptor.Open((int)argument.resamplefd, out resampled);
        Irqfd added = new(argument.gsi, source!, resampled);
        if (error == 0) error = Add(added);
        if (error < 0) added.Dispose();
        return error;
    }

    /// <summary>Ends the thread and takes all away. Not with the device lock held.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            if (_stops) return;
            _stops = true;
            thread = _thread;
            if (_wake >= 0) _ = Libc.Write(_wake, 1);
        }

        thread?.Join();
        foreach (ulong key in _irqfds.Keys.ToArray()) Forget(key);
        if (_epoll >= 0) _ = Libc.Close(_epoll);
        if (_wake >= 0) _ = Libc.Close(_wake);
    }

    private int Add(Irqfd added)
    {
        lock (_lock)
        {
            if (_stops) return -Errno.EIO;
            if (_irqfds.Values.Any(one => one.Source.Identity == added.Source.Identity)) return -Errno.EBUSY;
            int error = Start();
            if (error < 0) return error;

            // It may be signalled already: the line's part comes first.
            if (added.Resampled is not null) lines.AddResampled(added.Gsi, added.Resampled);
            _irqfds.Add(++_lastKey, added);
            error = Libc.AddToEpoll(_epoll, added.Source.Number, _lastKey);
            if (error < 0) Forget(_lastKey);
            return error;
        }
    }

    private int Remove(in kvm_irqfd argument)
    {
        int error = EventDescriptor.Identify((int)argument.fd, out ulong identity);
        if (error < 0) return error;
        uint gsi = argument.gsi;
        lock (_lock)
        {
            foreach ((ulong key, Irqfd one) in _irqfds.ToArray())
            {
                if (one.Gsi == gsi && one.Source.Identity == identity) Forget(key);
            }
        }

        return 0;
    }

    private void Forget(ulong key)
    {
        if (!_irqfds.Remove(key, out Irqfd? removed)) return;
        _ = Libc.RemoveFromEpoll(_epoll, removed.Source.Number);
        if (removed.Resampled is not null) lines.RemoveResampled(removed.Gsi, removed.Resampled);
        removed.Dispose();
    }

    private int Start()
    {
        if (_thread is not null) return 0;
        if (_epoll < 0) _epoll = Libc.CreateEpoll();
        if (_epoll < 0) return _epoll;
        if (_wake < 0) _wake = Libc.CreateEventDescriptor();
        if (_wake < 0) return _wake;
        int error = Libc.AddToEpoll(_epoll, _wake, WakeKey);
        if (error < 0) return error;
        _thread = new Thread(RunUntilFailure, StackSize) { IsBackground = true, Name = "irqfds" };
        using (ClientSignals.KeptAway()) _thread.Start();
        return 0;
    }

    private void RunUntilFailure()
    {
        try
        {
            Run();
        }
#pragma warning disable CA1031 // The process is the client's: a defect of ours ends the machine.
        catch (Exception error)
#pragma warning restore CA1031
        {
            failed(error);
        }
    }

    private void Run()
    {
        Span<Libc.EpollEvent> ready = stackalloc Libc.EpollEvent[32];
        while (true)
        {
            int count = Libc.WaitForEpoll(_epoll, ready);
            if (count == -Errno.EINTR) continue;
            if (count < 0) throw new InvalidOperationException($"epoll_wait: {Errno.Name(-count)}");
            lock (_lock)
            {
                if (_stops) return;
                foreach (ref readonly Libc.EpollEvent one in ready[..count]) Raise(one.Data);
            }
        }
    }

    private void Raise(ulong key)
    {
        if (!_irqfds.TryGetValue(key, out Irqfd? irqfd)) return;
        switch (irqfd.Source.Take())
        {
            case 0 when irqfd.Resampled is null:
                lines.Pulse(irqfd.Gsi, InterruptSource.Client);
                break;
            case 0:
                _ = lines.Set(irqfd.Gsi, InterruptSource.Resampled, true);
                break;
            case -Errno.EAGAIN:
                // Somebody else has read it.
                break;
            default:
                // The client has closed even our descriptor of it.
                Forget(key);
                break;
        }
    }
}
