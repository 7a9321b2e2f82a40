using System.Diagnostics;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>An address space of the guest in a stub: keeps the stub's mappings in step with the translations that they stand for.</summary>
/// <param name="stub">The stub, which it owns.</param>
/// <param name="memory">Where the guest's memory lies in the stub's descriptors.</param>
internal sealed unsafe class StubSpace(StubProcess stub, MemoryObjects memory) : IDisposable
{
    // SAFETY: pages come from MappedPages, host addresses from the MMU; a page's bytes are read to look for instructions only.
    private const ulong PageBytes = 0x1000;
    private const ulong Window = 16 * PageBytes;
    private const ulong LargeWindow = 512 * PageBytes;
    private const ulong LowestAddress = 0x1_0000;
    private const ulong UserEnd = 0x7FFF_FFFF_F000;

    private readonly MappedPages _pages = new();
    private bool _empty = true;

    /// <summary>Where sensitive instructions stop it.</summary>
    public StubBreakpoints Breakpoints { get; } = new(stub.Id);

    /// <summary>The stub.</summary>
    public StubProcess Stub => stub;

    /// <summary>What <see cref="SoftMmu.Space"/> was when its mappings were right; 0 when they are not any more.</summary>
    public ulong Space { get; set; }

    /// <summary>When it was used last, by a count.</summary>
    public ulong LastUse { get; set; }

    /// <summary>Pages that it has.</summary>
    public int Count => _pages.Count;

    /// <summary>Mappings that it has made, for statistics.</summary>
    public ulong Mapped { get; private set; }

    /// <summary>Mappings that it has dropped.</summary>
    public ulong Dropped { get; private set; }

    /// <summary>Maps what an access has missed, and what is known of the pages around it.</summary>
    /// <param name="mmu">Says what may be mapped around it.</param>
    /// <param name="linear">The access's address.</param>
    /// <param name="mapping">What the MMU allows there.</param>
    /// <param name="fetch">The access fetches an instruction.</param>
    /// <returns>False when the access can't be made there.</returns>
    public bool TryMap(SoftMmu mmu, ulong linear, in UserMapping mapping, bool fetch)
    {
        // As far as the guest's own page goes, where that is a large one; a table's worth is enough then.
        ulong window = mapping.PageShift > 12 ? LargeWindow : Window;
        ulong page = linear & ~(PageBytes - 1);
        ulong first = page & ~(window - 1);
        PageRun run = default;
        if (!Extend(mmu, ref run, page, in mapping, fetch, isWanted: true)) return false;
        Flush(ref run);
        for (ulong near = first; near < first + window; near += PageBytes)
        {
            if (_pages.Find(near) != null || !mmu.TryPeekForUser(near, out UserMapping other)) continue;
            Extend(mmu, ref run, near, in other, fetch, isWanted: false);
        }

        Flush(ref run);
        return true;
    }

    /// <summary>The translations of a page have ended.</summary>
    public void EndPage(ulong linear)
    {
        MappedPage* page = _pages.Find(linear);
        if (page != null) Drop(page);
    }

    /// <summary>A page of host memory must not be written to unnoticed.</summary>
    public void ClosePage(byte* host)
    {
        for (MappedPage* page = _pages.FindHost(host); page != null; page = _pages.Next(page))
        {
            if (!page->Writable) continue;
            page->Writable = false;
            MakeRoom();
            stub.Call(HostCalls.Mprotect, page->Linear, PageBytes, HostCalls.ProtRead);
        }
    }

    /// <summary>A page of host memory must not be executed any more.</summary>
    public void EndCode(byte* host)
    {
        for (MappedPage* page = _pages.FindHost(host); page != null; page = _pages.Next(page))
        {
            if (!page->Executable) continue;
            page->Executable = false;
            MakeRoom();
            stub.Call(HostCalls.Mprotect, page->Linear, PageBytes, HostCalls.ProtRead);
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        if (_empty) return;
        _pages.Clear();
        _empty = true;
        Dropped++;
        MakeRoom();
        stub.Call(HostCalls.Munmap, LowestAddress, stub.Start - LowestAddress);
        MakeRoom();
        stub.Call(HostCalls.Munmap, stub.Start + StubLayout.Bytes, UserEnd - stub.Start - StubLayout.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stub.Dispose();
        _pages.Dispose();
    }

    /// <summary>Adds a page to those that are about to be mapped by one call.</summary>
    private bool Extend(SoftMmu mmu, ref PageRun run, ulong page, in UserMapping mapping, bool fetch, bool isWanted)
    {
        if (page < LowestAddress || page >= UserEnd || page - (stub.Start - PageBytes) < StubLayout.Bytes + (2 * PageBytes)) return false;

        // What can be executed was looked at, and who writes to it must say so before: never both.
        bool executable = fetch && mapping.Executable;
        if (executable && !(mmu.Guard.TryRunNatively(mapping.Host) && IsHarmless(page, mapping.Host, isWanted)))
        {
            if (isWanted) return false;
            executable = false;
        }

        bool writable = mapping.Writable && !executable && !(fetch && mapping.Executable);
        int descriptor = memory.Find(mapping.Host, out ulong offset);
        if (descriptor < 0) return false;
        MappedPage* known = _pages.Find(page);
        if (known != null && known->Host != (ulong)mapping.Host)
        {
            _pages.Remove(known);
            known = null;
        }

        if (known == null && (known = _pages.Add(page, mapping.Host)) == null)
        {
            if (!isWanted) return false;
            Clear();
            known = _pages.Add(page, mapping.Host);
        }

        known->Writable = writable;
        known->Executable = executable;
        int protection = HostCalls.ProtRead | (writable ? HostCalls.ProtWrite : 0) | (executable ? HostCalls.ProtExec : 0);
        if (!run.Continues(page, descriptor, offset, protection))
        {
            Flush(ref run);
            run = new PageRun { Start = page, Descriptor = descriptor, Offset = offset, Protection = protection };
        }

        run.Length += PageBytes;
        return true;
    }

    private void Flush(ref PageRun run)
    {
        if (run.Length == 0) return;
        MakeRoom();
        stub.Call(
            HostCalls.Mmap, run.Start, run.Length, (ulong)run.Protection, HostCalls.MapShared | HostCalls.MapFixed, (uint)run.Descriptor, run.Offset);
        run = default;
        Mapped++;
        _empty = false;
    }

    /// <summary>A page has no sensitive code, or it can be kept from running.</summary>
    private bool IsHarmless(ulong linear, byte* host, bool isWanted)
    {
        MappedPage* before = _pages.Find(linear - PageBytes);
        MappedPage* behind = _pages.Find(linear + PageBytes);
        if ((before != null && before->Executable && SensitiveCode.IsBetween((byte*)before->Host, host)) ||
            (behind != null && behind->Executable && SensitiveCode.IsBetween(host, (byte*)behind->Host)))
        {
            return false;
        }

        Span<ushort> offsets = stackalloc ushort[StubBreakpoints.Count];
        Span<ulong> taken = stackalloc ulong[StubBreakpoints.Count];
        int count = SensitiveCode.Find(host, offsets);
        if (count == 0) return true;
        if (!isWanted || count > offsets.Length) return false;
        if (!Breakpoints.TryTake(linear, offsets[..count], taken))
        {
            Failed |= Breakpoints.IsBroken;
            return false;
        }

        foreach (ulong page in taken)
        {
            MappedPage* loser = page == 0 || page == linear ? null : _pages.Find(page);
            if (loser == null || !loser->Executable) continue;
            loser->Executable = false;
            MakeRoom();
            stub.Call(HostCalls.Mprotect, page, PageBytes, HostCalls.ProtRead);
        }

        return true;
    }

    private void Drop(MappedPage* page)
    {
        ulong linear = page->Linear;
        _pages.Remove(page);
        Dropped++;
        MakeRoom();
        stub.Call(HostCalls.Munmap, linear, PageBytes);
    }

    /// <summary>Gives the stub the turn for nothing but what waits to be done.</summary>
    /// <returns>How long it took to get it back, in nanoseconds.</returns>
    public long MeasureHandover()
    {
        long start = Stopwatch.GetTimestamp();
        if (stub.TakeTurn(StubAction.Stand) != StubTurn.Done) Failed = true;
        return Stopwatch.GetTimestamp() - start;
    }

    private void MakeRoom()
    {
        if (stub.IsFull && stub.TakeTurn(StubAction.Stand) != StubTurn.Done) Failed = true;
    }

    /// <summary>The stub is gone, or the host has refused it something: what it has mapped is not known.</summary>
    public bool Failed { get; private set; }
}
