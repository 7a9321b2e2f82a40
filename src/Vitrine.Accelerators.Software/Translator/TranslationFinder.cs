using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>From the host address of guest code to its translation, for one vCPU: looks it up, and translates what is not known yet.</summary>
internal sealed unsafe class TranslationFinder
{
    // SAFETY: host addresses are those that the MMU has for guest code; blocks are the cache's. Only the vCPU's thread comes here.
    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly BlockCache _blocks;
    private readonly CodeFinder _code;
    private readonly TranslationCache _translations;
    private readonly BlockTranslator _translator;

    /// <summary>The finder of a vCPU.</summary>
    public TranslationFinder(CpuState* cpu, SoftMmu mmu, BlockCache blocks, CodeFinder code, TranslationCache translations, BlockTranslator translator)
    {
        _cpu = cpu;
        _mmu = mmu;
        _blocks = blocks;
        _code = code;
        _translations = translations;
        _translator = translator;
    }

    /// <summary>The translation of the code at a host address.</summary>
    /// <param name="host">The host address.</param>
    /// <param name="rip">RIP of the code.</param>
    /// <param name="more">What the mode has beyond the present one.</param>
    /// <param name="entry">Which entry the translation needs: for a global page or not; null for none.</param>
    /// <returns>
    /// Null when the interpreter has to execute the first instruction: it reaches into the next page, or another vCPU can still write to the page.
    /// </returns>
    public TranslatedBlock* Find(byte* host, ulong rip, ExecutionMode more = 0, bool? entry = null)
    {
        _blocks.Verify(host);
        TranslatedBlock* block = _translations.Find(host, _cpu->Mode | more);
        if (block != null && _translations.HasRoom) return block;
        if (!_translations.HasRoom)
        {
            _translations.NoteFull();
            _code.Flush();
            block = null;
        }

        if (block == null)
        {
            if (!_mmu.Guard.BeginDecode(host)) return null;
            block = _translator.Translate(host, _cpu->Mode | more, entry);
            if (block != null) Commit(block, _translator.LookedAt, _translator.Source);
            _mmu.Guard.EndDecode(host, block != null ? block->GuestBytes : 0);
            if (block == null) return TranslateCrossing(host, rip);
        }

        return block;
    }

    /// <summary>Host address of the page behind that of a RIP; null where it can't be fetched from memory. May record a fault, which the caller forgets.</summary>
    public byte* SecondPageOf(ulong rip)
    {
        ulong next = GuestRip.Truncate(_cpu, (rip & ~0xFFFUL) + 0x1000);
        return _mmu.CanFetch(next, out ulong gpa) ? _mmu.HostFor(gpa, 0x1000, out _) : null;
    }

    private void Commit(TranslatedBlock* block, IReadOnlyList<(int Offset, int Bytes)> lookedAt, byte* source)
    {
        block->NextInPage = (TranslatedBlock*)_blocks.Commit(block, block->Guest, block->GuestBytes, lookedAt, source);
        byte* page = (byte*)((ulong)block->Guest & ~0xFFFUL);
        for (int i = 0; i < lookedAt.Count; i++) _mmu.Guard.Cover(page + lookedAt[i].Offset, lookedAt[i].Bytes);
    }

    private TranslatedBlock* TranslateCrossing(byte* host, ulong rip)
    {
        // The interpreter decodes such an instruction anew each time.
        if ((_cpu->Mode & ExecutionMode.SelfChecking) != 0) return null;
        byte* second = SecondPageOf(rip);
        if (second == null) return null;

        _blocks.Verify(second);

        // A branch may want it as code that shares no checks: one instruction never does. Two blocks for one place would unbind each other's second page.
        TranslatedBlock* known = _translations.Find(host, _cpu->Mode);
        if (known != null && known->SecondPage == second) return known;
        if (known != null) _translations.DropOne(known);

        // The second page is noted before it is read: who writes to it meanwhile leaves a request, which finds the block.
        if (!_mmu.Guard.BeginDecode(second)) return null;
        _mmu.Guard.EndDecode(second, CodeFinder.MaxLength - 1);
        if (!_mmu.Guard.BeginDecode(host)) return null;
        TranslatedBlock* block = _translator.TranslateCrossing(host, second, _cpu->Mode);
        if (block != null)
        {
            Commit(block, [], _translator.Source);
            Commit(_translations.AddOwned(block, _translator.BytesInSecondPage), [], _translator.SecondSource);
        }

        _mmu.Guard.EndDecode(host, block != null ? block->GuestBytes : 0);
        return block;
    }
}
