using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Native;

/// <summary>A file in memory, mapped by this object for as long as it lives: so no other file can have its identity.</summary>
internal sealed unsafe class MemoryFile : IDisposable
{
    // SAFETY: Pages is a mapping of this object's own, which ends in Dispose.
    private const uint CloseOnExec = 1;
    private const int PageSize = 4096;

    private readonly nuint _bytes;

    private MemoryFile(int descriptor, FileIdentity identity, byte* pages, nuint bytes)
    {
        Descriptor = descriptor;
        Identity = identity;
        Pages = pages;
        _bytes = bytes;
    }

    /// <summary>The first descriptor, which <see cref="Dispose"/> does not close.</summary>
    public int Descriptor { get; }

    /// <summary>What every descriptor of it stands for.</summary>
    public FileIdentity Identity { get; }

    /// <summary>Its content; null when it is no longer mapped.</summary>
    public byte* Pages { get; private set; }

    /// <summary>Makes a file.</summary>
    /// <param name="name">What /proc shows.</param>
    /// <param name="pages">Size in pages.</param>
    /// <param name="file">The file; null when there is an error.</param>
    /// <returns>0, or the error: -EMFILE, -ENFILE, -ENOMEM.</returns>
    public static int Create(string name, int pages, out MemoryFile? file)
    {
        file = null;
        nuint bytes = (nuint)(pages * PageSize);
        int descriptor = Libc.MemfdCreate(name, CloseOnExec);
        if (descriptor < 0) return descriptor;
        FileIdentity identity = default;
        int error = Libc.Truncate(descriptor, (long)bytes);
        if (error == 0) error = Libc.Identify(descriptor, out identity);
        byte* content = error == 0 ? Libc.MapShared(descriptor, bytes) : null;
        if (content == null)
        {
            _ = Libc.Close(descriptor);
            return error == 0 ? -Errno.ENOMEM : error;
        }

        file = new MemoryFile(descriptor, identity, content, bytes);
        return 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Pages != null) Libc.Unmap(Pages, _bytes);
        Pages = null;
    }
}
