using System.Buffers.Binary;
using Vitrine.Tests.Differential;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>Random machines.</summary>
internal sealed class StressGenerator(CaseRandom random)
{
    private const ulong P = 1;
    private const ulong W = 2;
    private const ulong U = 4;
    private const ulong A = 0x20;
    private const ulong D = 0x40;
    private const ulong Large = 0x80;
    private const ulong G = 0x100;
    private const ulong Nx = 1UL << 63;
    private const int Keys = 4;
    private const int KeyShift = 59;
    private const ulong Harness = L.Tables;
    private const ulong TableFlags = P | W | U | A | D;

    private PagingMode _paging;
    private bool _nxe;

    /// <summary>What a page of data holds: an entry that isn't present, unless it is taken for code.</summary>
    public static ulong Pattern(int page, int offset) => offset switch
    {
        0 => 0xC300UL | (byte)page,
        L.KernelStub => 0xC300B0UL | ((ulong)(byte)page << 8),
        L.UserStub => 0x80CD_00B0UL | ((ulong)(byte)page << 8),
        0xFF8 => 0xB000_0000_0000_0000UL | ((ulong)(byte)page << 16),
        _ => 0x5A00_0000_0000_0000UL | ((ulong)(byte)page << 16) | (uint)(offset & 0xFF8),
    };

    public StressCase Create()
    {
        _paging = random.Below(12) switch
        {
            0 => PagingMode.None,
            <= 2 => PagingMode.Bits32,
            <= 4 => PagingMode.Pae,
            _ => PagingMode.FourLevel,
        };
        _nxe = _paging >= PagingMode.Pae && !random.OneIn(4);
        byte[] pool = CreatePool();
        ulong[] pages = CreatePages();
        if (_paging != PagingMode.None) CreateTables(pool, pages);
        ulong cr4 = Cr4.OSFXSR | (_paging switch { PagingMode.None => 0, PagingMode.Bits32 => random.OneIn(4) ? 0 : Cr4.PSE, _ => Cr4.PAE });
        if (!random.OneIn(3)) cr4 |= Cr4.PGE;
        if (random.OneIn(4)) cr4 |= Cr4.SMEP;
        if (random.OneIn(4)) cr4 |= Cr4.SMAP;
        if (_paging == PagingMode.FourLevel && random.OneIn(2)) cr4 |= Cr4.PCIDE;
        if (_paging == PagingMode.FourLevel && random.OneIn(2)) cr4 |= Cr4.PKE;
        if (_paging == PagingMode.FourLevel && random.OneIn(3)) cr4 |= Cr4.PKS;
        return new StressCase
        {
            Paging = _paging,
            Cr0 = Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | (random.OneIn(3) ? 0 : Cr0.WP) | (_paging == PagingMode.None ? 0 : Cr0.PG),
            Cr3 = L.PoolPage(0),
            Cr4 = cr4,
            Efer = (_nxe ? Efer.NXE : 0) | (_paging == PagingMode.FourLevel ? Efer.LME | Efer.LMA : 0),
            Pkru = KeyRights(user: true),
            Pkrs = KeyRights(user: false),
            Pages = pages,
            Pool = pool,
        };
    }

    /// <summary>A value of PKRU or IA32_PKRS for the few keys that there are. Key 0 is that of the harness's supervisor pages.</summary>
    public uint KeyRights(bool user)
    {
        uint value = 0;
        for (int key = user ? 0 : 1; key < Keys; key++)
        {
            if (random.OneIn(key == 0 ? 6 : 2)) value |= (uint)random.Below(4) << (2 * key);
        }

        return value;
    }

    private int EntrySize => _paging == PagingMode.Bits32 ? 4 : 8;

    private int BitsPerLevel => _paging == PagingMode.Bits32 ? 10 : 9;

    private static byte[] CreatePool()
    {
        byte[] pool = new byte[L.PoolPages << 12];
        for (int page = 0; page < L.PoolPages; page++)
        {
            Span<byte> bytes = pool.AsSpan(page << 12, 0x1000);
            if (page < L.FirstData)
            {
                foreach (int offset in (ReadOnlySpan<int>)[L.KernelStub, L.UserStub]) BinaryPrimitives.WriteUInt64LittleEndian(bytes[offset..], Pattern(page, offset));
            }
            else
            {
                for (int offset = 0; offset < 0x1000; offset += 8) BinaryPrimitives.WriteUInt64LittleEndian(bytes[offset..], Pattern(page, offset));
            }
        }

        return pool;
    }

    /// <summary>Pages that share tables and adjoin each other, behind few indices at each level.</summary>
    private ulong[] CreatePages()
    {
        HashSet<ulong> pages = [];
        int[] tops = _paging switch
        {
            PagingMode.FourLevel => [random.Pick<int>([1, 2]), random.Pick<int>([256, 511])],
            PagingMode.Pae => [random.Pick<int>([1, 2]), 3],
            PagingMode.Bits32 => [random.Pick<int>([1, 2]), random.Pick<int>([512, 1023])],
            _ => [0],
        };
        int last = (1 << BitsPerLevel) - 1;
        int[] uppers = [random.Pick<int>([0, 1, 2]), random.Pick<int>([0, 3, last])];
        int[] lowers = [random.Pick<int>([0, 1, 2]), random.Pick<int>([0, 3, last])];
        int count = 8 + random.Below(6);
        for (int i = 0; i < 40 && pages.Count < count; i++)
        {
            int table = random.Pick<int>([0, 0, 1, 2, last]);
            ulong page = _paging switch
            {
                PagingMode.FourLevel => ((ulong)random.Pick<int>(tops) << 39) | ((ulong)random.Pick<int>(uppers) << 30) |
                    ((ulong)random.Pick<int>(lowers) << 21) | ((ulong)table << 12),
                PagingMode.Pae => ((ulong)random.Pick<int>(tops) << 30) | ((ulong)random.Pick<int>(lowers) << 21) | ((ulong)table << 12),
                PagingMode.Bits32 => ((ulong)random.Pick<int>(tops) << 22) | ((ulong)table << 12),
                _ => i == 0 ? L.Rom : i == 1 ? L.RomEnd : L.PoolPage(random.Below(L.PoolPages)),
            };
            pages.Add((ulong)((long)(page << 16) >> 16));
        }

        // Where CR0.PG may be turned off, addresses are physical: some of the pool's.
        for (int i = 0; i < 3 && _paging is PagingMode.Bits32 or PagingMode.Pae; i++) pages.Add(L.PoolPage(random.Below(L.PoolPages)));
        return [.. pages];
    }

    private void CreateTables(byte[] pool, ulong[] pages)
    {
        for (int root = 0; root < L.Roots; root++)
        {
            Put(pool, root, 0, _paging switch
            {
                PagingMode.Bits32 => Harness + 0x3000 + TableFlags,
                PagingMode.Pae => Harness + 0x1000 + P,
                _ => Harness + TableFlags,
            });
            foreach (ulong page in pages)
            {
                if (!random.OneIn(4)) CreatePath(pool, root, page);
            }
        }

        // Paths that lead through a root again have put entries of other kinds there, with bits that a pointer register can't have.
        for (int root = 0; _paging == PagingMode.Pae && root < L.Roots; root++)
        {
            for (int i = 0; i < 4; i++) Put(pool, root, i, Get(pool, root, i) & ~(Nx | 0xFFEUL));
        }
    }

    private void CreatePath(byte[] pool, int root, ulong linear)
    {
        int table = root;
        for (int level = _paging switch { PagingMode.FourLevel => 4, PagingMode.Pae => 3, _ => 2 }; level >= 1; level--)
        {
            int index = (int)(linear >> (12 + ((level - 1) * BitsPerLevel))) & ((1 << BitsPerLevel) - 1);
            if (_paging == PagingMode.Pae && level == 3) index &= 3;

            // The harness's own; a root that serves as a lower table has it, too.
            if (table < L.Roots && index * EntrySize < 8) return;
            ulong entry = Get(pool, table, index);
            if (entry == 0)
            {
                entry = level == 3 && _paging == PagingMode.Pae
                    ? L.PoolPage(TableFor(2)) | P
                    : level == 1 || (level < 4 && _paging != PagingMode.None && random.OneIn(12)) ? LeafEntry(level) : TableEntry(level - 1);
                Put(pool, table, index, entry);
            }

            if (level == 1 || (entry & P) == 0 || (level is 2 or 3 && _paging != PagingMode.Pae && (entry & Large) != 0)) return;
            ulong next = entry & 0x000F_FFFF_FFFF_F000;
            if (next is < L.Pool or >= L.PoolEnd) return;
            table = (int)((next - L.Pool) >> 12);
        }
    }

    /// <summary>An entry that maps a page: a level-1 entry, or one of a large page.</summary>
    public ulong LeafEntry(int level)
    {
        ulong entry = Flags(level) | Frame(level);
        return _paging == PagingMode.Bits32 ? (uint)entry : entry;
    }

    /// <summary>An entry that refers to a table read at a level.</summary>
    public ulong TableEntry(int level) => L.PoolPage(TableFor(level)) | (Flags(1) & ~(Large | G)) | (random.OneIn(3) ? 0 : W | U);

    private ulong Flags(int level)
    {
        ulong entry = random.OneIn(12) ? 0 : P;
        if (!random.OneIn(4)) entry |= W;
        if (!random.OneIn(3)) entry |= U;
        if (!random.OneIn(3)) entry |= A;
        if (random.OneIn(2)) entry |= D;
        if (random.OneIn(4)) entry |= G;
        if (level > 1) entry |= Large;
        if (_nxe && random.OneIn(6)) entry |= Nx;
        if (_paging == PagingMode.FourLevel && random.OneIn(2)) entry |= (ulong)random.Below(Keys) << KeyShift;
        return entry;
    }

    private ulong Frame(int level)
    {
        if (level == 3) return 0;
        if (level == 2) return random.OneIn(4) ? 0x80_0000u : _paging == PagingMode.Bits32 || !random.OneIn(4) ? L.Pool : L.Rom;
        int kind = random.Below(16);
        return kind switch
        {
            0 => L.Rom + ((ulong)random.Below(2) << 12),
            1 => L.RomEnd,
            < 9 => L.PoolPage(random.Below(L.FirstData)),
            _ => L.PoolPage(L.FirstData + random.Below(L.PoolPages - L.FirstData)),
        };
    }

    // Now and then a table of another level, ROM, or what is no table at all.
    private int TableFor(int level)
    {
        if (random.OneIn(7)) return random.Below(L.PoolPages);
        return level switch
        {
            3 => L.FirstUpper + random.Below(L.FirstDirectory - L.FirstUpper),
            2 => L.FirstDirectory + random.Below(L.FirstTable - L.FirstDirectory),
            _ => L.FirstTable + random.Below(L.FirstData - L.FirstTable),
        };
    }

    private ulong Get(byte[] pool, int page, int index)
    {
        Span<byte> at = pool.AsSpan((page << 12) + (index * EntrySize));
        ulong entry = EntrySize == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(at) : BinaryPrimitives.ReadUInt64LittleEndian(at);
        return page >= L.FirstData && entry == Pattern(page, index * EntrySize) ? 0 : entry;
    }

    private void Put(byte[] pool, int page, int index, ulong entry)
    {
        Span<byte> at = pool.AsSpan((page << 12) + (index * EntrySize));
        if (EntrySize == 4) BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)entry);
        else BinaryPrimitives.WriteUInt64LittleEndian(at, entry);
    }
}
