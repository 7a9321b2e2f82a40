using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>The stubs of a vCPU, each for one address space of the guest, and what the MMU tells about their translations.</summary>
internal sealed unsafe class NativeSpaces : ITranslationFollower, INativeCode, IDisposable
{
    // SAFETY: the state and the MMU are those of the vCPU that owns this object; only its thread comes here.
    private const int Limit = 8;
    private const ulong PageMask = ~0xFFFUL;

    private readonly SoftMmu _mmu;
    private readonly Action _spaceChanged;
    private readonly List<StubSpace> _spaces = [];
    private MemoryObjects? _memory;
    private ulong _uses;
    private ulong _mappedBefore;
    private ulong _droppedBefore;

    /// <summary>None yet.</summary>
    /// <param name="mmu">The MMU, which tells from now on.</param>
    /// <param name="spaceChanged">Called when another address space is in use.</param>
    public NativeSpaces(SoftMmu mmu, Action spaceChanged)
    {
        _mmu = mmu;
        _spaceChanged = spaceChanged;
        mmu.Attach(this);
        spaceChanged();
    }

    /// <summary>What the host refused when a stub was to be started; null while it has not.</summary>
    public string? Refused { get; private set; }

    /// <summary>The stubs that there are.</summary>
    public IReadOnlyList<StubSpace> All => _spaces;

    /// <summary>Mappings made so far.</summary>
    public ulong Mapped => _spaces.Aggregate(_mappedBefore, static (sum, space) => sum + space.Mapped);

    /// <summary>Mappings dropped so far.</summary>
    public ulong Dropped => _spaces.Aggregate(_droppedBefore, static (sum, space) => sum + space.Dropped);

    /// <summary>Stubs started so far.</summary>
    public ulong Started { get; private set; }

    /// <summary>The stub of the present address space, started if need be.</summary>
    /// <param name="objects">The machine's memory, where it isn't known yet.</param>
    /// <returns>Null where the host refuses one.</returns>
    public StubSpace? Present(Func<MemoryObjects> objects)
    {
        ulong present = _mmu.Space;
        StubSpace? oldest = null;
        foreach (StubSpace space in _spaces)
        {
            if (space.Space == present) return Use(space);
            if (oldest is null || space.LastUse < oldest.LastUse) oldest = space;
        }

        if (Refused is not null) return null;
        if (_spaces.Count < Limit && Start(objects) is { } fresh) oldest = fresh;
        if (oldest is null) return null;
        oldest.Clear();
        oldest.Space = present;
        return Use(oldest);
    }

    /// <summary>A stub is of no use any more.</summary>
    public void Drop(StubSpace space)
    {
        _spaces.Remove(space);
        _mappedBefore += space.Mapped;
        _droppedBefore += space.Dropped;
        space.Dispose();
    }

    /// <summary>The machine's memory may be other memory now.</summary>
    public void DropAll()
    {
        while (_spaces.Count != 0) Drop(_spaces[^1]);
        _memory = null;
    }

    /// <inheritdoc/>
    public void EndPage(ulong linear)
    {
        foreach (StubSpace space in _spaces) space.EndPage(linear & PageMask);
    }

    /// <inheritdoc/>
    public void CloseGuestPage(ulong gpaPage)
    {
        if (_spaces.Count == 0) return;
        byte* host = _mmu.HostFor(gpaPage, 1, out _);
        if (host != null) CloseHostPage(host);
    }

    /// <inheritdoc/>
    public void CloseHostPage(byte* host)
    {
        foreach (StubSpace space in _spaces) space.ClosePage(host);
    }

    /// <inheritdoc/>
    public void EndCode(byte* page)
    {
        foreach (StubSpace space in _spaces) space.EndCode(page);
    }

    /// <inheritdoc/>
    public void EndAllCode()
    {
        foreach (StubSpace space in _spaces) space.Clear();
    }

    /// <inheritdoc/>
    public void EndRange(ulong start, ulong size) => DropAll();

    /// <inheritdoc/>
    public void FollowSpace() => _spaceChanged();

    /// <inheritdoc/>
    public void Dispose() => DropAll();

    private StubSpace Use(StubSpace space)
    {
        space.LastUse = ++_uses;
        return space;
    }

    private StubSpace? Start(Func<MemoryObjects> objects)
    {
        _memory ??= objects();
        string refused = "memory that can be shared";
        StubProcess? stub = _memory.Count == 0 ? null : StubProcess.TryStart(_memory.Descriptors, out refused);
        if (stub is null)
        {
            if (_spaces.Count == 0) Refused = refused;
            return null;
        }

        StubSpace space = new(stub, _memory);
        _spaces.Add(space);
        Started++;
        return space;
    }
}
