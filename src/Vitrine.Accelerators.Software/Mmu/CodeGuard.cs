using System.Numerics;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Sharing;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Stands between a vCPU's writes to memory and decoded code: its own, and with several vCPUs that of the others. A page that code was decoded from
/// has no write tag in any TLB, so every write to it comes here.
/// </summary>
/// <remarks>
/// With several vCPUs a write to decoded code leaves a request for each decoder before it can be seen, and the page stays locked until it can: a decoder that sees
/// the write, or whatever comes behind it, therefore finds the request at its next look, and none can decode the old bytes meanwhile. That is more than SDM vol. 3,
/// 9.1.3 "Handling Self- and Cross-Modifying Code" asks for, which is a serializing instruction behind the flag that announces new code.
/// </remarks>
internal sealed unsafe class CodeGuard(int vcpu, BlockCache blocks, Tlb tlb, VcpuGroup group)
{
    // SAFETY: host addresses are the callers', inside a slot; _locked is the one that the lock was taken for.
    private readonly CodeDirectory? _directory = group.CodeDirectory;
    private byte* _locked;

    /// <summary>True when code was decoded from a page, by this vCPU or another one.</summary>
    public bool HasCode(byte* host) => blocks.HasCode(host) || _directory?.HasCode(host) == true;

    /// <summary>Whether the TLB may let the vCPU write to a page; once it may, another vCPU may count on being asked before it closes.</summary>
    public bool MayOpen(byte* host) => !blocks.HasCode(host) && (_directory is null || _directory.TryOpen(host, vcpu));

    /// <summary>Bytes are about to change: drops what was decoded from them. <see cref="EndWrite"/> must follow the change.</summary>
    /// <param name="host">Host address of the first byte.</param>
    /// <param name="size">Bytes; the range lies within one page.</param>
    public void BeginWrite(byte* host, int size)
    {
        blocks.Invalidate(host, size);
        if (_directory is null || _directory.TryOpen(host, vcpu)) return;
        _directory.Enter(host);
        _locked = host;
        ulong decoders = _directory.Write(host, size);
        if (decoders == 0) return;
        blocks.DropPage(host);
        for (ulong others = decoders & ~CodeDirectory.Bit(vcpu); others != 0; others &= others - 1)
            group.Find(BitOperations.TrailingZeroCount(others))?.AskToDrop((ulong)host & ~0xFFFUL);
    }

    /// <summary>Bytes have changed by a write of no vCPU: drops what was decoded from them. With one vCPU.</summary>
    /// <param name="host">Host address of the first byte.</param>
    /// <param name="size">Bytes; the range lies within one page.</param>
    public void Drop(byte* host, int size) => blocks.Invalidate(host, size);

    /// <summary>The bytes have changed.</summary>
    public void EndWrite()
    {
        if (_locked == null) return;
        _directory!.Exit(_locked);
        _locked = null;
    }

    /// <summary>A block is about to be decoded. <see cref="EndDecode"/> must follow.</summary>
    /// <param name="host">Host address of its first byte.</param>
    /// <returns>
    /// False while another vCPU can still write to the page without telling. It was asked to stop that; until it has, nothing that is decoded may be kept.
    /// </returns>
    public bool BeginDecode(byte* host)
    {
        if (_directory is null)
        {
            if (blocks.HasCode(host)) return true;
            group.PageUses!.Note(host, PageUse.Code);
            tlb.MarkCode(host);
            return true;
        }

        _directory.Enter(host);
        ulong writers = _directory.Join(host, vcpu);
        if ((writers & CodeDirectory.Bit(vcpu)) != 0) Close(host);
        if (AskToClose(host, writers & ~CodeDirectory.Bit(vcpu)))
        {
            _locked = host;
            return true;
        }

        _directory.Exit(host);
        return false;
    }

    /// <summary>
    /// Where memory is written by others: a page has come to be mapped at an address that code is fetched from. An operating system that has a device fill a page,
    /// and maps it, counts on the new bytes.
    /// </summary>
    public void NoteFetch(byte* host) => blocks.Suspect(host);

    /// <summary>Others may have written to memory since: code is compared with it before it is used.</summary>
    public void Doubt() => blocks.Doubt();

    /// <summary>Memory is written by others, who don't tell.</summary>
    public bool Verifies => blocks.Verifies;

    /// <summary>More of the page depends on a block that is being decoded than its own bytes.</summary>
    /// <param name="host">Host address of the first of these bytes.</param>
    /// <param name="bytes">How many.</param>
    public void Cover(byte* host, int bytes)
    {
        if (_locked != null) _directory!.Cover(host, bytes);
    }

    /// <summary>A block was decoded.</summary>
    /// <param name="host">Host address of its first byte.</param>
    /// <param name="bytes">Its length; 0 when nothing was decoded.</param>
    public void EndDecode(byte* host, int bytes)
    {
        if (_locked == null) return;
        if (bytes != 0) _directory!.Cover(host, bytes);
        EndWrite();
    }

    /// <summary>A page is about to be executed as it is: from now on writes to it come here.</summary>
    /// <param name="host">Host address of the page.</param>
    /// <returns>False while another vCPU can still write to it without telling.</returns>
    public bool TryRunNatively(byte* host)
    {
        if (!BeginDecode(host)) return false;
        blocks.NoteNative(host);
        EndDecode(host, WatchedPage.Size);
        return true;
    }

    /// <summary>Another vCPU has asked for it: writes to a page come here from now on.</summary>
    public void Close(byte* host)
    {
        tlb.MarkCode(host);
        _directory!.Close(host, vcpu);
    }

    /// <summary>True when code was decoded from a range of host memory by this vCPU.</summary>
    public bool HasCodeIn(byte* host, ulong size)
    {
        foreach (ulong page in blocks.Pages)
        {
            if (page - (ulong)host < size) return true;
        }

        return false;
    }

    /// <summary>Host memory is the guest's no more, and may be other memory's soon: drops what was decoded from it.</summary>
    public void DropMemory(byte* host, ulong size)
    {
        foreach (ulong page in blocks.Pages)
        {
            if (page - (ulong)host >= size) continue;
            blocks.DropPage((byte*)page);
            _directory?.Leave((byte*)page, vcpu);
        }
    }

    /// <summary>All blocks are about to be dropped.</summary>
    public void LeaveAll()
    {
        if (_directory is null) return;
        foreach (ulong page in blocks.Pages) _directory.Leave((byte*)page, vcpu);
    }

    /// <summary>True when all these writers have closed the page, or stand and will before they go on.</summary>
    private bool AskToClose(byte* host, ulong writers)
    {
        bool closed = true;
        for (ulong rest = writers; rest != 0; rest &= rest - 1)
        {
            int other = BitOperations.TrailingZeroCount(rest);
            if (group.Find(other) is not { } writer)
            {
                // It has gone, and nobody has become a writer since the page was joined.
                _directory!.Close(host, other);
                continue;
            }

            if (_directory!.TryAsk(host, other)) writer.AskToClose((ulong)host & ~0xFFFUL);

            // It says that it runs before it looks for requests.
            Interlocked.MemoryBarrier();
            if (writer.IsRunning) closed = false;
        }

        return closed;
    }
}
