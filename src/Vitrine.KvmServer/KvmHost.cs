using System.Collections.Concurrent;
using System.Diagnostics;
using Vitrine.Accelerators.Statistics;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Capabilities;
using Vitrine.KvmServer.Files;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer;

/// <summary>
/// KVM as the character device that virtual machine monitors open, with guests on the software CPU: the ioctls, structures and shared pages of
/// &lt;linux/kvm.h&gt; (Documentation/virt/kvm/api.rst). Any thread; as in the kernel, the calls on one vCPU exclude each other.
/// </summary>
public sealed unsafe class KvmHost : IDisposable
{
    // SAFETY: pages of vCPUs live as long as their objects, which a caller that holds a descriptor keeps alive.
    private readonly ConcurrentDictionary<FileIdentity, ServedFile> _files = new();
    private readonly Lock _lock = new();
    private readonly IKvmCallObserver? _observer;
    private ServedFile?[] _numbered = new ServedFile?[16];
    private int _count;
    private readonly List<KeyValuePair<string, CpuStatistics>> _ended = [];
    private int _machines;

    /// <summary>Creates a KVM of its own, without any virtual machine.</summary>
    /// <exception cref="VitrineException">The CPU model can't run on this host.</exception>
    public KvmHost(KvmHostOptions? options = null)
    {
        Options = options ?? new KvmHostOptions();
        _observer = Options.Observer;
        Cpuid = new SupportedCpuid(Options.Model, Options.Cpu);
    }

    /// <summary>What was chosen.</summary>
    public KvmHostOptions Options { get; }

    /// <summary>The last fault of the server itself, which its caller saw as EIO; null when there was none.</summary>
    public Exception? LastDefect { get; private set; }

    /// <summary>What each vCPU has done, also those that have ended, under names such as "vCPU 0 of machine 1". Any thread; approximate while they run.</summary>
    public IReadOnlyList<KeyValuePair<string, CpuStatistics>> Statistics
    {
        get
        {
            lock (_lock)
            {
                IEnumerable<VcpuFile> vcpus = _files.Values.OfType<VcpuFile>().OrderBy(static vcpu => vcpu.Machine).ThenBy(static vcpu => vcpu.Vcpu);
                return [.. _ended, .. vcpus.Select(static vcpu => (vcpu.Name, vcpu.Statistics)).Where(static row => row.Statistics is not null)
                    .Select(static row => KeyValuePair.Create(row.Name, row.Statistics!))];
            }
        }
    }

    /// <summary>What CPUID can be.</summary>
    internal SupportedCpuid Cpuid { get; }

    /// <summary>open(2) of /dev/kvm.</summary>
    /// <returns>A descriptor, or a negative number of <see cref="Errno"/>.</returns>
    public int Open() => Create("kvm", pages: 1, file => new SystemFile(this, file));

    /// <summary>ioctl(2).</summary>
    /// <param name="descriptor">Any descriptor that this KVM gave, or a duplicate of one.</param>
    /// <param name="request">The ioctl's number.</param>
    /// <param name="argument">Its argument: a number, or the address of a structure in this process.</param>
    /// <returns>What ioctl(2) returns, or a negative number of <see cref="Errno"/>.</returns>
    public long Ioctl(int descriptor, uint request, ulong argument)
    {
        int error = Libc.Identify(descriptor, out FileIdentity identity);
        if (error < 0) return error;
        return _files.TryGetValue(identity, out ServedFile? file) ? Call(file, request, argument) : -Errno.ENOTTY;
    }

    /// <summary>As <see cref="Ioctl"/>, on what <see cref="Find"/> has found.</summary>
    public long Call(ulong number, uint request, ulong argument)
    {
        ServedFile?[] numbered = Volatile.Read(ref _numbered);
        ServedFile? file = number < (ulong)numbered.Length ? Volatile.Read(ref numbered[number]) : null;
        return file is null ? -Errno.EBADF : Call(file, request, argument);
    }

    /// <summary>The number of what a file stands for, which no other file of this KVM ever has; 0 for a file that is none of its own.</summary>
    /// <param name="device">st_dev of the file.</param>
    /// <param name="inode">st_ino of the file.</param>
    public ulong Find(ulong device, ulong inode) => _files.TryGetValue(new FileIdentity(device, inode), out ServedFile? file) ? file.Number : 0;

    /// <summary>
    /// The words by which a signal handler gets a vCPU out of KVM_RUN (<see cref="Engine.AttentionBlock"/>). They stay where they are for as long as the process
    /// lives.
    /// </summary>
    /// <returns>Their address; 0 for anything but a vCPU.</returns>
    public nint Attention(ulong number)
    {
        ServedFile?[] numbered = Volatile.Read(ref _numbered);
        return number < (ulong)numbered.Length && Volatile.Read(ref numbered[number]) is VcpuFile vcpu ? vcpu.Attention : 0;
    }

    /// <summary>mmap(2) of a vCPU's pages: the structure kvm_run, the data of port accesses, the ring of coalesced accesses.</summary>
    /// <returns>The pages; empty for anything but a vCPU. Valid until its last descriptor is closed.</returns>
    public Span<byte> Map(int descriptor) =>
        Libc.Identify(descriptor, out FileIdentity identity) == 0 && _files.TryGetValue(identity, out ServedFile? file) && file is VcpuFile vcpu
            ? new Span<byte>(vcpu.Pages, VcpuFile.Bytes)
            : default;

    /// <summary>What a signal to a thread that is in KVM_RUN does: the call returns EINTR. Any thread.</summary>
    public void Interrupt(int descriptor)
    {
        if (Libc.Identify(descriptor, out FileIdentity identity) == 0 && _files.TryGetValue(identity, out ServedFile? file) && file is VcpuFile vcpu)
        {
            vcpu.Interrupt();
        }
    }

    /// <summary>dup(2).</summary>
    /// <returns>A descriptor, or a negative number of <see cref="Errno"/>.</returns>
    public static int Duplicate(int descriptor) => Libc.Duplicate(descriptor);

    /// <summary>close(2).</summary>
    /// <returns>0, or a negative number of <see cref="Errno"/>.</returns>
    public int Close(int descriptor)
    {
        int result = Libc.Close(descriptor);
        CollectClosed();
        return result;
    }

    /// <summary>
    /// Ends what has no descriptor any more: a vCPU that isn't mapped either, and a virtual machine when its last vCPU has gone too. What a call is being made on
    /// ends with the call. To be called after a descriptor has been closed, by whatever means.
    /// </summary>
    public void CollectClosed()
    {
        List<ServedFile> ended = [];
        lock (_lock)
        {
            HashSet<FileIdentity> open = OpenFiles.List(_files.Keys);
            foreach (ServedFile file in _files.Values)
            {
                if (file is SystemFile or VcpuFile or StatisticsFile && !open.Contains(file.Identity) && file.TryEnd()) ended.Add(file);
            }

            foreach (ServedFile file in _files.Values)
            {
                if (file is not VmFile vm || open.Contains(vm.Identity)) continue;
                bool isUsed = _files.Values.Any(other => other.Machine == vm.Machine && other != vm && !ended.Contains(other));
                if (!isUsed && vm.TryEnd()) ended.Add(vm);
            }

            foreach (ServedFile file in ended)
            {
                _files.TryRemove(file.Identity, out _);
                Volatile.Write(ref _numbered[file.Number], null);
            }
        }

        foreach (ServedFile file in ended) file.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ServedFile[] files;
        lock (_lock)
        {
            files = [.. _files.Values.OrderBy(static file => file is VmFile)];
            _files.Clear();
            Array.Clear(_numbered);
        }

        foreach (ServedFile file in files) file.Dispose();
    }

    /// <summary>Makes an object with a descriptor. Without one, which is found out first, nothing is made.</summary>
    /// <param name="name">What /proc shows, the kernel's name for it.</param>
    /// <param name="pages">Size of its file in pages.</param>
    /// <param name="make">Makes the object around its file.</param>
    /// <returns>The descriptor, or an error.</returns>
    internal int Create(string name, int pages, Func<MemoryFile, ServedFile> make)
    {
        int error = MemoryFile.Create(name, pages, out MemoryFile? file);
        if (error < 0) return error;
        try
        {
            Add(make(file!));
            return file!.Descriptor;
        }
        catch
        {
            _ = Libc.Close(file!.Descriptor);
            file.Dispose();
            throw;
        }
    }

    private void Add(ServedFile file)
    {
        lock (_lock)
        {
            file.Number = (ulong)++_count;
            if (_count >= _numbered.Length)
            {
                ServedFile?[] larger = new ServedFile?[_numbered.Length * 2];
                _numbered.CopyTo(larger, 0);
                Volatile.Write(ref _numbered, larger);
            }

            Volatile.Write(ref _numbered[_count], file);
            _files[file.Identity] = file;
        }
    }

    /// <summary>A vCPU is about to end.</summary>
    internal void Note(VcpuFile vcpu)
    {
        if (vcpu.Statistics is not { } statistics) return;
        lock (_lock) _ended.Add(KeyValuePair.Create(vcpu.Name, statistics));
    }

    /// <summary>The number of the next virtual machine.</summary>
    internal int NextMachine() => Interlocked.Increment(ref _machines);

    // As in the kernel, the call keeps what it is made on: another thread may close the last descriptor while this one is in KVM_RUN.
    private long Call(ServedFile file, uint request, ulong argument)
    {
        if (!file.TryEnter()) return -Errno.EBADF;
        long result = _observer is null ? Carry(file, request, argument) : Observe(file, request, argument);
        if (file.Leave()) CollectLeftOver();
        return result;
    }

    // The client has its answer whether this goes well or not; the next close tries again.
    private void CollectLeftOver()
    {
        try
        {
            CollectClosed();
        }
        catch (Exception defect)
        {
            LastDefect = defect;
        }
    }

    // A fault of ours must not become the client's end.
    private long Carry(ServedFile file, uint request, ulong argument)
    {
        try
        {
            return file.Ioctl(request, argument);
        }
        catch (OutOfMemoryException)
        {
            return -Errno.ENOMEM;
        }
        catch (Exception defect)
        {
            LastDefect = defect;
            return -Errno.EIO;
        }
    }

    private long Observe(ServedFile file, uint request, ulong argument)
    {
        VcpuFile? vcpu = file as VcpuFile;
        KvmCall call = new(file.Kind, file.Machine, file.Vcpu, request, argument, vcpu is null ? 0 : (nint)vcpu.Pages, vcpu?.Watched);
        long result = -Errno.EIO;
        _observer!.Begins(call);
        long start = Stopwatch.GetTimestamp();
        try
        {
            result = file.Ioctl(request, argument);
        }
        catch (OutOfMemoryException)
        {
            result = -Errno.ENOMEM;
        }
        catch (Exception defect)
        {
            LastDefect = defect;
        }

        _observer.Ended(call, result, (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        return result;
    }
}
