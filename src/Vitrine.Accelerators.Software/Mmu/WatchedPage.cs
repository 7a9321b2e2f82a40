namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>A page that translated code may write to, and what it held before.</summary>
internal sealed unsafe class WatchedPage
{
    // SAFETY: the page lies in a memory slot, see WriteWatch.
    public const int Size = 0x1000;

    private readonly byte[] _before = new byte[Size];
    private byte* _host;

    /// <summary>Its guest-physical address.</summary>
    public ulong Gpa { get; private set; }

    /// <summary>Host address of the page.</summary>
    public nint Host => (nint)_host;

    /// <summary>What it held before.</summary>
    public ReadOnlySpan<byte> Before => _before;

    /// <summary>What it holds now.</summary>
    public ReadOnlySpan<byte> Now => new(_host, Size);

    /// <summary>Stands for another page from now on.</summary>
    /// <param name="host">Host address of the page.</param>
    /// <param name="gpa">Its guest-physical address.</param>
    public void Watch(byte* host, ulong gpa)
    {
        _host = host;
        Gpa = gpa;
        Now.CopyTo(_before);
    }

    /// <summary>Puts back what it held.</summary>
    public void Restore() => Before.CopyTo(new Span<byte>(_host, Size));
}
