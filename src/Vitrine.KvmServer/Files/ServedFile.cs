using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Files;

/// <summary>
/// What stands behind descriptors of the client: /dev/kvm, a virtual machine, a vCPU. The descriptor is that of a memory file, so that mmap, close,
/// dup and poll are the kernel's business; which object it means is known by the file, not by the descriptor's number.
/// </summary>
internal abstract unsafe class ServedFile : IDisposable
{
    // SAFETY: Pages is a mapping of this object's own, which ends in Dispose, when nobody makes calls on it any more.
    private const uint CloseOnExec = 1;
    private const int PageSize = 4096;

    private readonly nuint _bytes;

    /// <summary>Makes the file.</summary>
    /// <param name="host">Whose file it is.</param>
    /// <param name="name">What /proc shows, the kernel's name for it.</param>
    /// <param name="pages">Size in pages.</param>
    protected ServedFile(KvmHost host, string name, int pages)
    {
        Host = host;
        _bytes = (nuint)(pages * PageSize);
        int descriptor = Libc.MemfdCreate(name, CloseOnExec);
        if (descriptor < 0)
        {
            Descriptor = descriptor;
            return;
        }

        FileIdentity identity = default;
        int error = Libc.Truncate(descriptor, (long)_bytes);
        if (error == 0) error = Libc.Identify(descriptor, out identity);
        Identity = identity;
        Pages = error == 0 ? Libc.MapShared(descriptor, _bytes) : null;
        if (Pages == null)
        {
            Libc.Close(descriptor);
            Descriptor = error == 0 ? -Errno.ENOMEM : error;
            return;
        }

        Descriptor = descriptor;
    }

    /// <summary>The first descriptor, or the error of making it.</summary>
    public int Descriptor { get; }

    /// <summary>What every descriptor of it stands for.</summary>
    public FileIdentity Identity { get; }

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

    /// <summary>The file's content, mapped by this object for as long as it lives: so no other file can have its identity.</summary>
    public byte* Pages { get; private set; }

    /// <summary>ioctl(2).</summary>
    /// <returns>The result, or a negative error number.</returns>
    public abstract long Ioctl(uint request, ulong argument);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        if (Pages != null) Libc.Unmap(Pages, _bytes);
        Pages = null;
    }
}
