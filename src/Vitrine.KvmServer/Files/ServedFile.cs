using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Files;

/// <summary>
/// What stands behind descriptors of the client: /dev/kvm, a virtual machine, a vCPU. The descriptor is that of a memory file, so that mmap, close,
/// dup and poll are the kernel's business; which object it means is known by the file, not by the descriptor's number.
/// </summary>
internal abstract unsafe class ServedFile : IDisposable
{
    // SAFETY: the pages end in Dispose, when nobody makes calls on the object any more.
    private const int Ended = int.MinValue;

    private readonly MemoryFile _file;
    private int _calls;
    private int _isLeftOver;

    /// <summary>Takes its file.</summary>
    /// <param name="host">Whose file it is.</param>
    /// <param name="file">The file, which this object disposes of.</param>
    protected ServedFile(KvmHost host, MemoryFile file)
    {
        Host = host;
        _file = file;
    }

    /// <summary>The first descriptor.</summary>
    public int Descriptor => _file.Descriptor;

    /// <summary>What every descriptor of it stands for.</summary>
    public FileIdentity Identity => _file.Identity;

    /// <summary>Its number in this process; numbers are not used again.</summary>
    public ulong Number { get; set; }

    /// <summary>Which ioctls it has.</summary>
    public abstract KvmDescriptorKind Kind { get; }

    /// <summary>The virtual machine that it belongs to; 0 for /dev/kvm.</summary>
    public virtual int Machine => 0;

    /// <summary>The vCPU that it is; -1 for none.</summary>
    public virtual int Vcpu => -1;

    /// <summary>Whose file it is.</summary>
    protected KvmHost Host { get; }

    /// <summary>The file's content.</summary>
    public byte* Pages => _file.Pages;

    /// <summary>ioctl(2).</summary>
    /// <returns>The result, or a negative error number.</returns>
    public abstract long Ioctl(uint request, ulong argument);

    /// <summary>A call begins: the object does not end before <see cref="Leave"/>, whatever happens to its descriptors. Any thread.</summary>
    /// <returns>False when it has ended.</returns>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _calls) > 0) return true;
        Interlocked.Decrement(ref _calls);
        return false;
    }

    /// <summary>A call is over.</summary>
    /// <returns>True when it was the last one on an object that <see cref="TryEnd"/> has found without descriptors: that is to be tried again.</returns>
    public bool Leave() => Interlocked.Decrement(ref _calls) == 0 && Interlocked.Exchange(ref _isLeftOver, 0) != 0;

    /// <summary>Nobody has a descriptor any more: ends the object for all calls to come, unless there is one now.</summary>
    /// <returns>True when it has ended, and can be disposed of.</returns>
    public bool TryEnd()
    {
        // First, so that a call which is over by now has seen it.
        Interlocked.Exchange(ref _isLeftOver, 1);
        return Interlocked.CompareExchange(ref _calls, Ended, 0) == 0;
    }

    /// <inheritdoc/>
    public virtual void Dispose() => _file.Dispose();
}
