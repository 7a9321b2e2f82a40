using Vitrine.Tests.Differential;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>
/// Random steps, with an eye on the tables as they are: most change an entry that some page depends on, invalidate or don't, and
/// access that page.
/// </summary>
internal sealed class StepGenerator(CaseRandom random, StressGenerator entries, ModelMemory memory, TranslationModel model)
{
    private const ulong P = 1;
    private const ulong A = 0x20;
    private const ulong D = 0x40;
    private const ulong Large = 0x80;
    private const ulong Nx = 1UL << 63;
    private readonly Queue<StressStep> _next = new();
    private bool _is64;
    private bool _hasTables;

    /// <summary>Starts a sequence.</summary>
    public void Begin(StressCase test)
    {
        _next.Clear();
        _is64 = test.Paging == PagingMode.FourLevel;
        _hasTables = test.Paging != PagingMode.None;
    }

    /// <summary>One more step.</summary>
    public StressStep Next()
    {
        if (_next.TryDequeue(out StressStep step)) return step;
        switch (random.Below(17))
        {
            case < 7 when model.Mode != PagingMode.None:
                return ChangeEntry();
            case < 13:
                return Access(random.Pick<ulong>([.. model.Pages]));
            case 13:
                return Invalidate(random.Pick<ulong>([.. model.Pages]));
            case 14:
                return LoadCr3();
            case 15:
                return LoadKeys(random.Pick<ulong>([.. model.Pages]));
            default:
                return ChangeMode();
        }
    }

    private StressStep ChangeEntry()
    {
        ulong victim = random.Pick<ulong>([.. model.Pages]);
        ulong root = random.OneIn(3) ? L.PoolPage(random.Below(L.Roots)) : model.Cr3;
        (ulong address, int level) = model.LastEntry(victim, root, random.OneIn(3) ? 1 + random.Below(4) : 1);

        // Not where no store would do anything.
        if (ModelMemory.KindOf(address) != MemoryKind.Pool || ModelMemory.IsHarnessEntry(address)) return Access(victim);
        int size = model.EntrySize;
        ulong entry = memory.Entry(address, size);
        ulong changed = Change(entry, level, size);
        if (random.OneIn(3)) _next.Enqueue(Access(victim));
        StressStep store = Store(address, entry, changed, size);
        if (random.OneIn(2)) _next.Enqueue(Invalidate(victim));
        if (!random.OneIn(4)) _next.Enqueue(Access(victim));
        if (random.OneIn(4)) _next.Enqueue(Access(victim));
        if (_next.Count > 0 && _next.Peek().IsAccess && random.OneIn(3))
        {
            // The page is accessed first, so that there is something to be stale.
            StressStep access = _next.Dequeue();
            _next.Enqueue(store);
            return access;
        }

        return store;
    }

    private ulong Change(ulong entry, int level, int size)
    {
        ulong bit = random.Below(16) switch
        {
            0 or 1 => P,
            2 or 3 => 2,
            4 => 4,
            5 => A,
            6 => D,
            7 => A | D,
            8 => size == 8 ? Nx : 0x100,
            9 => 0x100,
            10 when size == 8 && random.OneIn(3) => 1UL << 50,
            11 when model.Mode == PagingMode.FourLevel => 1UL << (59 + random.Below(2)),
            _ => 0,
        };
        if (bit is A or D or (A | D)) return entry & ~bit;
        if (bit != 0) return entry ^ bit;
        if (level == 3 && model.Mode == PagingMode.Pae) return (entries.TableEntry(2) & ~0xFFEUL & ~Nx) | P;
        ulong now = level == 1 || (level < 4 && random.OneIn(3)) ? entries.LeafEntry(level) : entries.TableEntry(level - 1);
        if (random.OneIn(2)) now = (now & ~0xFFFUL) | (entry & 0xFFF & ~Large) | (now & Large);
        return size == 4 ? (uint)now : now;
    }

    /// <summary>A store that makes an entry what it is to be, one way or another.</summary>
    private StressStep Store(ulong address, ulong entry, ulong changed, int size)
    {
        ulong linear = Alias(address, random.OneIn(5) ? AllPages() : []);
        int offset = (int)address & 0xFFF;
        bool user = false;
        bool ac = random.OneIn(2);
        switch (random.Below(12))
        {
            case 0:
                return new(StressOperation.Write, linear, 1, changed & 0xFF, User: user, Ac: ac);
            case 1:
                return new(StressOperation.Write, linear + 1, 2, (changed >> 8) & 0xFFFF, User: user, Ac: ac);
            case 2 when size == 8:
                return new(StressOperation.Write, linear + (random.OneIn(2) ? 4u : 0), 4, random.OneIn(2) ? changed : changed >> 32, User: user, Ac: ac);
            case 3 when size == 8 && offset is >= 4 and <= 0xFF4:
                // The upper half of the entry before, the lower half of this one.
                return new(StressOperation.Write, linear - 4, 8, (memory.Entry(address - 8, 8) >> 32) | (changed << 32), User: user, Ac: ac);
            case 4 when size == 4 && offset is >= 4 and <= 0xFFA:
                return new(StressOperation.Write, linear - 2, 4, (uint)((memory.Entry(address - 4, 4) >> 16) | (changed << 16)), User: user, Ac: ac);
            case 5 when offset <= 0xFF0:
                return size == 8
                    ? new(StressOperation.Write, linear, 16, changed, Change(memory.Entry(address + 8, 8), 1, 8), User: user, Ac: ac)
                    : new(StressOperation.Write, linear, 8, changed | (Change(memory.Entry(address + 4, 4), 1, 4) << 32), User: user, Ac: ac);
            case 6 when size == 4 || _is64:
                return new(StressOperation.ExchangeAdd, linear, size, changed - entry, User: user, Ac: ac);
            case 7 when size == 8:
                ulong expected = random.OneIn(4) ? entry ^ D : entry;
                return new(StressOperation.CompareExchange, linear, 8, expected, changed, User: user, Ac: ac);
            case 8 when size == 4 || _is64:
                int count = Math.Min(2 + random.Below(3), (0x1000 - offset) / size);
                return new(StressOperation.RepeatStore, linear, size, changed, Count: count, User: user, Ac: ac);
            case 9 when (size == 4 || _is64) && offset + (2 * size) <= 0x1000:
                return new(StressOperation.RepeatMove, linear, size, changed, Change(memory.Entry(address + (ulong)size, size), 1, size), 2, Ac: ac);
            default:
                return new(StressOperation.Write, linear, size, changed, User: user, Ac: ac);
        }
    }

    private ulong[] AllPages() => [.. model.Pages];

    /// <summary>A linear address for an address in the pool: one that the tables make, where there is one, or the window.</summary>
    private ulong Alias(ulong gpa, ulong[] preferred)
    {
        if (model.Mode == PagingMode.None) return gpa;
        AccessKind write = new(true, false, false, true);
        foreach (ulong page in preferred.Length > 0 ? preferred : AllPages())
        {
            if (preferred.Length == 0 && random.OneIn(3)) continue;
            if (model.Outcomes(page, write) is [{ Fault: false } outcome, ..] && outcome.Gpa == (gpa & ~0xFFFUL)) return page | (gpa & 0xFFF);
        }

        return gpa - L.Pool + L.Window;
    }

    private StressStep Access(ulong page)
    {
        bool user = random.OneIn(3);
        bool ac = random.OneIn(2);
        int size = random.Pick<int>([1, 2, 4, 4, 8, 8, 16]);
        int offset = random.Below(8) switch
        {
            0 => random.Below(4) * 8,
            1 => 0xFF8,
            2 => 0x1000 - random.Below(16) - 1,
            _ => 0x100 + random.Below(0x800),
        };
        ulong value = random.Next();
        switch (random.Below(10))
        {
            case < 4:
                return new(StressOperation.Read, page + (ulong)offset, size, User: user, Ac: ac);
            case < 7:
                // Where walks go as a rule, something that can be an entry.
                if (offset is < 0x20 or >= 0xFF0) value = entries.LeafEntry(1);
                return new(StressOperation.Write, page + (ulong)offset, size, value, random.Next(), User: user, Ac: ac);
            case 7:
                return random.OneIn(2)
                    ? new(StressOperation.ExchangeAdd, page + (ulong)offset, _is64 ? random.Pick<int>([4, 8]) : 4, value, User: user, Ac: ac)
                    : new(StressOperation.CompareExchange, page + (ulong)offset, 8, value, random.Next(), User: user, Ac: ac);
            default:
                int stub = random.OneIn(5) ? L.CrossingStub : user ? L.UserStub : L.KernelStub;
                return new(StressOperation.Fetch, page + (ulong)stub, User: user && stub != L.CrossingStub, Ac: ac);
        }
    }

    private StressStep Invalidate(ulong page)
    {
        ulong linear = page + (ulong)random.Below(0x1000);
        bool pcids = (model.Cr4 & Cr4.PCIDE) != 0;
        switch (random.Below(8))
        {
            case < 4:
                return new(StressOperation.InvalidatePage, linear);
            case 4:
                return LoadCr3(model.Cr3);
            case 5:
                return new(StressOperation.LoadCr4, Value: model.Cr4 ^ Cr4.PGE);
            default:
                return new(StressOperation.InvalidateContext, linear, random.Below(4), pcids ? (ulong)random.Below(3) : 0);
        }
    }

    /// <summary>Other rights for protection keys, as a rule between two accesses to a page.</summary>
    private StressStep LoadKeys(ulong page)
    {
        bool user = (model.Cr4 & Cr4.PKE) != 0 && random.OneIn(2);
        if (!user && (model.Cr4 & Cr4.PKS) == 0) return Access(page);
        StressStep load = user
            ? new(StressOperation.LoadPkru, Value: entries.KeyRights(user: true), User: random.OneIn(2))
            : new(StressOperation.LoadPkrs, Value: entries.KeyRights(user: false));
        if (!random.OneIn(4)) _next.Enqueue(Access(page));
        if (!random.OneIn(2)) return load;
        StressStep before = Access(page);
        _next.Enqueue(load);
        _next.Enqueue(Access(page));
        return before;
    }

    private StressStep LoadCr3() => LoadCr3(L.PoolPage(random.Below(L.Roots)) | (model.Cr3 & 0xFFF));

    private StressStep LoadCr3(ulong value)
    {
        if ((model.Cr4 & Cr4.PCIDE) == 0) return new(StressOperation.LoadCr3, Value: value);
        if (random.OneIn(2)) value = (value & ~0xFFFUL) | (uint)random.Below(3);
        return new(StressOperation.LoadCr3, Value: value | (random.OneIn(2) ? Nx : 0));
    }

    private StressStep ChangeMode()
    {
        switch (random.Below(9))
        {
            case 0 or 1:
                return new(StressOperation.LoadCr0, Value: model.Cr0 ^ Cr0.WP);
            case 2:
                return new(StressOperation.LoadCr4, Value: model.Cr4 ^ Cr4.SMEP);
            case 3:
                return new(StressOperation.LoadCr4, Value: model.Cr4 ^ Cr4.SMAP);
            case 4:
                return new(StressOperation.LoadCr4, Value: model.Cr4 ^ Cr4.PGE);
            case 5 when model.Mode == PagingMode.Bits32:
                return new(StressOperation.LoadCr4AndFlush, Value: model.Cr4 ^ Cr4.PSE);
            case 5:
                return new(StressOperation.LoadEferAndFlush, Value: model.Efer ^ Efer.NXE);
            case 6 when _is64 && (model.Cr4 & Cr4.PCIDE) == 0:
                return new(StressOperation.LeaveLongMode);
            case 6 or 7 when !_is64 && _hasTables:
                return new(StressOperation.LoadCr0, Value: model.Cr0 ^ Cr0.PG);
            case 8 when _is64:
                return new(StressOperation.LoadCr4, Value: model.Cr4 ^ (random.OneIn(2) ? Cr4.PKE : Cr4.PKS));
            default:
                return Access(random.Pick<ulong>([.. model.Pages]));
        }
    }
}
