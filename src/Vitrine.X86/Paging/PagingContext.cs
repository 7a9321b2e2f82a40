using System.Runtime.CompilerServices;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.X86.Paging;

/// <summary>
/// The registers that decide about paging, and what follows from them. A plain value: make a new one when a register changes.
/// </summary>
public readonly struct PagingContext
{
    private readonly PdpteRegisters _pdptes;

    /// <summary>Creates the context.</summary>
    /// <param name="cr0">CR0: PG and WP matter.</param>
    /// <param name="cr3">CR3.</param>
    /// <param name="cr4">CR4: PSE, PAE, PGE, LA57, SMEP, SMAP, PKE, PKS and LAM_SUP matter.</param>
    /// <param name="efer">IA32_EFER: LMA and NXE matter.</param>
    /// <param name="maxPhyAddr">Width of physical addresses in bits (CPUID.80000008H:EAX[7:0]), 32 to 52.</param>
    /// <param name="gigabytePages">The processor has 1-GiB pages (CPUID.80000001H:EDX[26]).</param>
    /// <param name="pdptes">PAE paging: the pointer registers.</param>
    /// <param name="pkru">PKRU, which matters with CR4.PKE.</param>
    /// <param name="pkrs">IA32_PKRS, which matters with CR4.PKS.</param>
    public PagingContext(
        ulong cr0,
        ulong cr3,
        ulong cr4,
        ulong efer,
        int maxPhyAddr,
        bool gigabytePages = true,
        PdpteRegisters pdptes = default,
        uint pkru = 0,
        uint pkrs = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxPhyAddr, 32);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxPhyAddr, 52);
        Cr3 = cr3;
        MaxPhyAddr = maxPhyAddr;
        GigabytePages = gigabytePages;
        _pdptes = pdptes;
        Mode = (cr0 & Cr0.PG) == 0 ? PagingMode.None
            : (efer & Efer.LMA) != 0 ? (cr4 & Cr4.LA57) != 0 ? PagingMode.FiveLevel : PagingMode.FourLevel
            : (cr4 & Cr4.PAE) != 0 ? PagingMode.Pae
            : PagingMode.Bits32;
        WriteProtect = (cr0 & Cr0.WP) != 0;
        GlobalPages = (cr4 & Cr4.PGE) != 0;
        FourMegabytePages = (cr4 & Cr4.PSE) != 0;
        Smep = (cr4 & Cr4.SMEP) != 0;
        Smap = (cr4 & Cr4.SMAP) != 0;
        ExecuteDisable = (efer & Efer.NXE) != 0 && Mode >= PagingMode.Pae;
        ReportsFetch = Smep || ExecuteDisable;
        if (Mode >= PagingMode.FourLevel)
        {
            HasKeys = (cr4 & (Cr4.PKE | Cr4.PKS)) != 0;
            UserKeys = (cr4 & Cr4.PKE) != 0 ? pkru : 0;
            SupervisorKeys = (cr4 & Cr4.PKS) != 0 ? pkrs : 0;
            UserMetadata = (cr3 & Registers.Cr3.LAM_U57) != 0 ? Bits62To57 : (cr3 & Registers.Cr3.LAM_U48) != 0 ? Bits62To48 : 0;
            SupervisorMetadata = (cr4 & Cr4.LAM_SUP) == 0 ? 0 : Mode == PagingMode.FiveLevel ? Bits62To57 : Bits62To48;
        }

        ulong beyondPhysical = ulong.MaxValue << maxPhyAddr;
        EntryReserved = Mode switch
        {
            // 4.4.2: bits 62:MAXPHYADDR; 4.5: bits 51:MAXPHYADDR, for 62:52 are ignored there.
            PagingMode.Pae => beyondPhysical & ~ExecuteDisableBit,
            PagingMode.FourLevel or PagingMode.FiveLevel => beyondPhysical & 0x000F_FFFF_FFFF_FFFF,
            _ => 0,
        };
        if (Mode >= PagingMode.Pae && !ExecuteDisable)
            EntryReserved |= ExecuteDisableBit;

        // 4.3: PDE bits 20:13 are address bits 39:32; those the processor hasn't, and bit 21, are reserved.
        int extension = Math.Min(40, maxPhyAddr) - 32;
        FourMegabyteReserved = 0x3F_E000 & ~(((1UL << extension) - 1) << 13);
        AddressMask = ~beyondPhysical & ~0xFFFUL;
    }

    /// <summary>The context of a processor.</summary>
    /// <param name="state">Its state.</param>
    /// <param name="maxPhyAddr">Width of physical addresses in bits.</param>
    /// <param name="gigabytePages">The processor has 1-GiB pages.</param>
    public static PagingContext From(ProcessorState state, int maxPhyAddr, bool gigabytePages = true)
    {
        ArgumentNullException.ThrowIfNull(state);
        uint pkrs = state.Msrs.TryGetValue(Msr.IA32_PKRS, out ulong value) ? (uint)value : 0;
        return new(
            state.Cr0, state.Cr3, state.Cr4, state.Efer, maxPhyAddr, gigabytePages, PdpteRegisters.From(state.Pdptes), state.Pkru, pkrs);
    }

    /// <summary>CR3.</summary>
    public ulong Cr3 { get; }

    /// <summary>The paging mode.</summary>
    public PagingMode Mode { get; }

    /// <summary>Width of physical addresses in bits.</summary>
    public int MaxPhyAddr { get; }

    /// <summary>The processor has 1-GiB pages.</summary>
    public bool GigabytePages { get; }

    /// <summary>CR0.WP.</summary>
    public bool WriteProtect { get; }

    /// <summary>CR4.PGE.</summary>
    public bool GlobalPages { get; }

    /// <summary>CR4.PSE; without meaning except in 32-bit paging.</summary>
    public bool FourMegabytePages { get; }

    /// <summary>CR4.SMEP.</summary>
    public bool Smep { get; }

    /// <summary>CR4.SMAP.</summary>
    public bool Smap { get; }

    /// <summary>Bit 63 of entries means execute-disable: EFER.NXE and a mode with 8-byte entries.</summary>
    public bool ExecuteDisable { get; }

    /// <summary>Bits of a pointer with bit 63 clear that linear-address masking leaves to software (SDM vol. 3, 4.4 "Linear-Address Masking").</summary>
    public ulong UserMetadata { get; }

    /// <summary>The same for pointers with bit 63 set.</summary>
    public ulong SupervisorMetadata { get; }

    /// <summary>
    /// The linear address that a data access by 64-bit code uses for a pointer: metadata become copies of bit 63. Whether it is canonical is
    /// the caller's to check. Not for fetches, INVLPG, what is loaded into registers, or accesses of the processor's own.
    /// </summary>
    public ulong WithoutMetadata(ulong pointer) => (long)pointer < 0 ? pointer | SupervisorMetadata : pointer & ~UserMetadata;

    /// <summary>Pages have protection keys: CR4.PKE or CR4.PKS in 4-level or 5-level paging.</summary>
    public bool HasKeys { get; }

    /// <summary>PKRU where it has a say, else 0, which forbids nothing.</summary>
    public uint UserKeys { get; }

    /// <summary>IA32_PKRS where it has a say, else 0.</summary>
    public uint SupervisorKeys { get; }

    internal const ulong ExecuteDisableBit = 1UL << 63;
    private const ulong Bits62To57 = 0x7E00_0000_0000_0000;
    private const ulong Bits62To48 = 0x7FFF_0000_0000_0000;

    /// <summary>A page fault's error code tells fetches from reads (SDM vol. 3, 4.7).</summary>
    internal bool ReportsFetch { get; }

    /// <summary>Bits that must be zero in an entry of any level.</summary>
    internal ulong EntryReserved { get; }

    /// <summary>Bits that must be zero in a PDE that maps a 4-MiB page.</summary>
    internal ulong FourMegabyteReserved { get; }

    /// <summary>Bits of an 8-byte entry that are the address of a table or 4-KiB page.</summary>
    internal ulong AddressMask { get; }

    /// <summary>Bits that must be zero in a present entry, for whoever says which of them are not.</summary>
    /// <param name="entry">The entry: whether it maps a page depends on its bit 7.</param>
    /// <param name="level">Its level, 1 to 5.</param>
    public ulong ReservedBits(ulong entry, int level)
    {
        const ulong PageSize = 1UL << 7;
        if ((entry & PageSize) == 0 || level == 1) return EntryReserved;
        if (Mode == PagingMode.Bits32) return FourMegabytePages ? FourMegabyteReserved : EntryReserved;
        bool page = level == 2 || (level == 3 && GigabytePages);
        return EntryReserved | (page ? ((1UL << (12 + ((level - 1) * 9))) - 1) & ~0x1FFFUL : PageSize);
    }

    /// <summary>PAE paging: pointer register <paramref name="index"/>, 0 to 3.</summary>
    public ulong Pdpte(int index) => _pdptes[index];

    /// <summary>
    /// Whether an access is allowed to a page with these rights in the present mode (SDM vol. 3, 4.6 "Access Rights"). Says nothing of the
    /// dirty bit.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Permits(PageRights rights, PageAccess access) =>
        EntriesPermit(rights, access) && ((UserKeys | SupervisorKeys) == 0 || !KeyForbids(rights, access));

    /// <summary>
    /// Whether the page's protection key forbids a data access, whatever else does (SDM vol. 3, 4.6.2). A write by supervisor-mode code, and any
    /// to a supervisor-mode address, is forbidden by WD only with CR0.WP.
    /// </summary>
    public bool KeyForbids(PageRights rights, PageAccess access)
    {
        if (!HasKeys || (access & (PageAccess.Fetch | PageAccess.KeyOverride)) != 0)
            return false;
        bool userPage = (rights & PageRights.User) != 0;
        uint register = userPage ? UserKeys : SupervisorKeys;
        int key = ProtectionKey.Of(rights);
        if (ProtectionKey.DisablesAccess(register, key))
            return true;
        bool heedsWrites = WriteProtect || (userPage && (access & PageAccess.User) != 0);
        return (access & PageAccess.Write) != 0 && heedsWrites && ProtectionKey.DisablesWrites(register, key);
    }

    /// <summary>Whether the paging-structure entries allow an access (SDM vol. 3, 4.6.1 "Determination of Access Rights").</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool EntriesPermit(PageRights rights, PageAccess access)
    {
        if (Mode == PagingMode.None)
            return true;
        bool userPage = (rights & PageRights.User) != 0;
        if ((access & PageAccess.User) != 0)
        {
            if (!userPage)
                return false;
            if ((access & PageAccess.Fetch) != 0)
                return (rights & PageRights.Executable) != 0;
            return (access & PageAccess.Write) == 0 || (rights & PageRights.Writable) != 0;
        }

        if ((access & PageAccess.Fetch) != 0)
            return (rights & PageRights.Executable) != 0 && !(userPage && Smep);
        if (userPage && Smap && (access & PageAccess.SmapOverride) == 0)
            return false;
        return (access & PageAccess.Write) == 0 || !WriteProtect || (rights & PageRights.Writable) != 0;
    }
}
