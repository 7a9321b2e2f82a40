using Vitrine.X86.Exceptions;

namespace Vitrine.Tests.X86.Paging;

/// <summary>
/// Paging told paragraph by paragraph from SDM vol. 3, chapter 4: slow, straight, and sharing nothing with the walker under test.
/// </summary>
internal sealed class ManualPageWalk(Dictionary<ulong, ulong> memory)
{
    public required bool Wp { get; init; }
    public required bool Pse { get; init; }
    public required bool Pae { get; init; }
    public required bool Pge { get; init; }
    public required bool Smep { get; init; }
    public required bool Smap { get; init; }
    public required bool La57 { get; init; }
    public required bool Lma { get; init; }
    public required bool Nxe { get; init; }
    public required bool Pke { get; init; }
    public required bool Pks { get; init; }
    public required uint Pkru { get; init; }
    public required uint Pkrs { get; init; }
    public required bool Page1G { get; init; }
    public required int MaxPhyAddr { get; init; }
    public required ulong Cr3 { get; init; }
    public required ulong[] Pdpte { get; init; }

    public sealed record Outcome(bool Allowed, ulong Gpa, ulong PageSize, bool Global, uint ErrorCode);

    private readonly List<(ulong Address, ulong Entry)> _used = [];
    private ulong _pageSize;
    private ulong _gpa;

    public Outcome Translate(ulong linear, bool write, bool fetch, bool user, bool acAndExplicit)
    {
        // 0: translated; 1: not present; 2: reserved bit.
        int end = Lma ? WalkIa32e(linear) : Pae ? WalkPae((uint)linear) : Walk32((uint)linear);

        uint code = 0;
        if (write)
            code |= PageFaultError.WR;
        if (user)
            code |= PageFaultError.US;
        if (fetch && (Smep || (Pae && Nxe)))
            code |= PageFaultError.ID;
        if (end == 1)
            return new(false, 0, 0, false, code);
        if (end == 2)
            return new(false, 0, 0, false, code | PageFaultError.P | PageFaultError.RSVD);

        // 4.6: a linear address is a supervisor-mode address if U/S is 0 in at least one entry, else a user-mode address.
        bool userAddress = _used.All(e => Bit(e.Entry, 2));
        bool writable = _used.All(e => Bit(e.Entry, 1));
        bool executeDisabled = Nxe && Pae && _used.Any(e => Bit(e.Entry, 63));
        bool allowed;
        if (!user)
        {
            if (fetch)
            {
                allowed = userAddress ? !Smep && !executeDisabled : !executeDisabled;
            }
            else if (write)
            {
                bool rw = !Wp || writable;
                allowed = userAddress ? rw && (!Smap || acAndExplicit) : rw;
            }
            else
            {
                allowed = !userAddress || !Smap || acAndExplicit;
            }
        }
        else
        {
            allowed = fetch ? userAddress && !executeDisabled : write ? userAddress && writable : userAddress;
        }

        // 4.6.2: with 4-level and 5-level paging an address has the key in bits 62:59 of the entry that maps its page. 4.7: PK says that the
        // key's rights disallow the data access, whatever else does.
        if (Lma && !fetch && (userAddress ? Pke : Pks))
        {
            int key = (int)(Bits(_used[^1].Entry, 62, 59) >> 59);
            bool accessDisable = Bit(userAddress ? Pkru : Pkrs, 2 * key);
            bool writeDisable = Bit(userAddress ? Pkru : Pkrs, (2 * key) + 1);
            bool forbidsWrites = userAddress && user ? writeDisable : writeDisable && Wp;
            if (accessDisable || (write && forbidsWrites))
            {
                allowed = false;
                code |= PageFaultError.PK;
            }
        }

        if (!allowed)
            return new(false, _gpa, _pageSize, false, code | PageFaultError.P);

        // 4.8: accessed in every entry used, dirty in the one that maps the page.
        for (int i = 0; i < _used.Count; i++)
        {
            ulong entry = _used[i].Entry | (1UL << 5);
            if (write && i == _used.Count - 1)
                entry |= 1UL << 6;
            if (memory.ContainsKey(_used[i].Address))
                memory[_used[i].Address] = entry;
        }

        bool global = Pge && Bit(_used[^1].Entry, 8);
        return new(true, _gpa, _pageSize, global, 0);
    }

    private static bool Bit(ulong value, int bit) => ((value >> bit) & 1) != 0;

    private static ulong Bits(ulong value, int high, int low)
    {
        ulong result = 0;
        for (int i = low; i <= high; i++)
        {
            if (Bit(value, i))
                result |= 1UL << i;
        }

        return result;
    }

    private ulong Read(ulong address, ulong unclaimed)
    {
        ulong entry = memory.TryGetValue(address, out ulong value) ? value : unclaimed;
        _used.Add((address, entry));
        return entry;
    }

    // Figure 4-2, 4-3, tables 4-3 to 4-6.
    private int Walk32(uint linear)
    {
        ulong pde = Read(Bits(Cr3, 31, 12) | (Bits(linear, 31, 22) >> 20), 0xFFFF_FFFF);
        if (!Bit(pde, 0))
            return 1;
        if (Pse && Bit(pde, 7))
        {
            int m = Math.Min(40, MaxPhyAddr);
            if (Bits(pde, 21, m - 19) != 0)
                return 2;
            _pageSize = 4 << 20;
            _gpa = Bits(pde, 31, 22) | (m > 32 ? Bits(pde, m - 20, 13) << 19 : 0) | Bits(linear, 21, 0);
            return 0;
        }

        ulong pte = Read(Bits(pde, 31, 12) | (Bits(linear, 21, 12) >> 10), 0xFFFF_FFFF);
        if (!Bit(pte, 0))
            return 1;
        _pageSize = 4096;
        _gpa = Bits(pte, 31, 12) | Bits(linear, 11, 0);
        return 0;
    }

    // Figures 4-5 and 4-6, tables 4-8 to 4-11.
    private int WalkPae(uint linear)
    {
        ulong pdpte = Pdpte[linear >> 30];
        if (!Bit(pdpte, 0))
            return 1;
        ulong pde = Read(Bits(pdpte, MaxPhyAddr - 1, 12) | (Bits(linear, 29, 21) >> 18), ulong.MaxValue);
        if (!Bit(pde, 0))
            return 1;
        if (Bits(pde, 62, MaxPhyAddr) != 0 || (!Nxe && Bit(pde, 63)))
            return 2;
        if (Bit(pde, 7))
        {
            if (Bits(pde, 20, 13) != 0)
                return 2;
            _pageSize = 2 << 20;
            _gpa = Bits(pde, MaxPhyAddr - 1, 21) | Bits(linear, 20, 0);
            return 0;
        }

        ulong pte = Read(Bits(pde, MaxPhyAddr - 1, 12) | (Bits(linear, 20, 12) >> 9), ulong.MaxValue);
        if (!Bit(pte, 0))
            return 1;
        if (Bits(pte, 62, MaxPhyAddr) != 0 || (!Nxe && Bit(pte, 63)))
            return 2;
        _pageSize = 4096;
        _gpa = Bits(pte, MaxPhyAddr - 1, 12) | Bits(linear, 11, 0);
        return 0;
    }

    // Figures 4-8 to 4-11, tables 4-14 to 4-20.
    private int WalkIa32e(ulong linear)
    {
        ulong table = Bits(Cr3, MaxPhyAddr - 1, 12);
        if (La57)
        {
            ulong pml5e = Read(table | (Bits(linear, 56, 48) >> 45), ulong.MaxValue);
            if (!Bit(pml5e, 0))
                return 1;
            if (Bit(pml5e, 7) || ReservedHigh(pml5e))
                return 2;
            table = Bits(pml5e, MaxPhyAddr - 1, 12);
        }

        ulong pml4e = Read(table | (Bits(linear, 47, 39) >> 36), ulong.MaxValue);
        if (!Bit(pml4e, 0))
            return 1;
        if (Bit(pml4e, 7) || ReservedHigh(pml4e))
            return 2;

        ulong pdpte = Read(Bits(pml4e, MaxPhyAddr - 1, 12) | (Bits(linear, 38, 30) >> 27), ulong.MaxValue);
        if (!Bit(pdpte, 0))
            return 1;
        if (ReservedHigh(pdpte) || (Bit(pdpte, 7) && !Page1G))
            return 2;
        if (Bit(pdpte, 7))
        {
            if (Bits(pdpte, 29, 13) != 0)
                return 2;
            _pageSize = 1 << 30;
            _gpa = Bits(pdpte, MaxPhyAddr - 1, 30) | Bits(linear, 29, 0);
            return 0;
        }

        ulong pde = Read(Bits(pdpte, MaxPhyAddr - 1, 12) | (Bits(linear, 29, 21) >> 18), ulong.MaxValue);
        if (!Bit(pde, 0))
            return 1;
        if (ReservedHigh(pde))
            return 2;
        if (Bit(pde, 7))
        {
            if (Bits(pde, 20, 13) != 0)
                return 2;
            _pageSize = 2 << 20;
            _gpa = Bits(pde, MaxPhyAddr - 1, 21) | Bits(linear, 20, 0);
            return 0;
        }

        ulong pte = Read(Bits(pde, MaxPhyAddr - 1, 12) | (Bits(linear, 20, 12) >> 9), ulong.MaxValue);
        if (!Bit(pte, 0))
            return 1;
        if (ReservedHigh(pte))
            return 2;
        _pageSize = 4096;
        _gpa = Bits(pte, MaxPhyAddr - 1, 12) | Bits(linear, 11, 0);
        return 0;
    }

    private bool ReservedHigh(ulong entry) => Bits(entry, 51, MaxPhyAddr) != 0 || (!Nxe && Bit(entry, 63));
}
