using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Xunit;

namespace Vitrine.Tests.X86.Paging;

public sealed class PageWalkerTests
{
    private const ulong P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100, XD = 1UL << 63;
    private const PageAccess Read = PageAccess.Read, Write = PageAccess.Write, Fetch = PageAccess.Fetch, User = PageAccess.User;
    private const PageAccess Ac = PageAccess.SmapOverride;
    private const int Width = 46;

    private static PagingContext Context(ulong cr0 = 0, ulong cr4 = 0, ulong efer = 0, PdpteRegisters pdptes = default) =>
        new(Cr0.PE | Cr0.PG | cr0, 0x1000, cr4, efer, Width, pdptes: pdptes);

    private static PagingContext LongMode(ulong cr0 = Cr0.WP, ulong cr4 = 0, ulong efer = Efer.NXE) =>
        Context(cr0, Cr4.PAE | cr4, Efer.LME | Efer.LMA | efer);

    /// <summary>Tables at 1000, 2000, 3000, 4000 for linear address 0x0080_8060_4567 (indices 1, 2, 3, 4), page at 5000.</summary>
    private const ulong Linear = (1UL << 39) | (2UL << 30) | (3UL << 21) | (4UL << 12) | 0x567;

    private static DictionaryMemory FourLevels(ulong flags, ulong leafFlags)
    {
        var memory = new DictionaryMemory(8);
        memory.Entries[0x1008] = 0x2000 | flags;
        memory.Entries[0x2010] = 0x3000 | flags;
        memory.Entries[0x3018] = 0x4000 | flags;
        memory.Entries[0x4020] = 0x5000 | leafFlags;
        return memory;
    }

    [Fact]
    public void WithoutPagingTheAddressIsPhysicalAndEverythingAllowed()
    {
        var context = new PagingContext(Cr0.PE, 0, Cr4.SMEP | Cr4.SMAP, 0, Width);
        var memory = new DictionaryMemory(8);
        Assert.True(PageWalker.Walk(in context, ref memory, 0x1_FFFF_FFF0, User | Write, out PageWalkResult result));
        Assert.Equal(0xFFFF_FFF0UL, result.Gpa);
        Assert.Equal(0, result.Level);
    }

    [Fact]
    public void AFourLevelWriteSetsAccessedEverywhereAndDirtyInTheLeaf()
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US | G);
        PagingContext context = LongMode(cr4: Cr4.PGE);
        Assert.True(PageWalker.Walk(in context, ref memory, Linear, Write | User, out PageWalkResult result));
        Assert.Equal(0x5567UL, result.Gpa);
        Assert.Equal(4096UL, result.PageSize);
        Assert.Equal(1, result.Level);
        Assert.Equal(0x4020UL, result.EntryAddress);
        Assert.Equal(
            PageRights.Writable | PageRights.User | PageRights.Executable | PageRights.Global | PageRights.Dirty, result.Rights);
        Assert.Equal(0x2000 | P | RW | US | A, memory.Entries[0x1008]);
        Assert.Equal(0x3000 | P | RW | US | A, memory.Entries[0x2010]);
        Assert.Equal(0x4000 | P | RW | US | A, memory.Entries[0x3018]);
        Assert.Equal(0x5000 | P | RW | US | G | A | D, memory.Entries[0x4020]);
    }

    [Fact]
    public void AReadLeavesDirtyClearAndSaysSo()
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        PagingContext context = LongMode();
        Assert.True(PageWalker.Walk(in context, ref memory, Linear, Read, out PageWalkResult result));
        Assert.Equal((PageRights)0, result.Rights & PageRights.Dirty);
        Assert.Equal(0x5000 | P | RW | US | A, memory.Entries[0x4020]);
    }

    /// <summary>SDM vol. 3, 4.6.1: rights; the error code per 4.7 (bits P 1, W/R 2, U/S 4, RSVD 8, I/D 10h). -1: allowed.</summary>
    public static TheoryData<string, ulong, ulong, ulong, ulong, PageAccess, int> Rights => new()
    {
        // name, CR0, CR4, EFER, leaf flags (upper levels: P RW US), access, error code
        { "user reads user page", Cr0.WP, 0, Efer.NXE, P | US, User, -1 },
        { "user reads supervisor page", Cr0.WP, 0, Efer.NXE, P | RW, User, 5 },
        { "user writes read-only page", Cr0.WP, 0, Efer.NXE, P | US, User | Write, 7 },
        { "user writes read-only page, WP clear", 0, 0, Efer.NXE, P | US, User | Write, 7 },
        { "user writes writable page", Cr0.WP, 0, Efer.NXE, P | US | RW, User | Write, -1 },
        { "user fetches", Cr0.WP, 0, Efer.NXE, P | US, User | Fetch, -1 },
        { "user fetches XD", Cr0.WP, 0, Efer.NXE, P | US | XD, User | Fetch, 0x15 },
        { "user fetches supervisor page", Cr0.WP, 0, Efer.NXE, P, User | Fetch, 0x15 },
        { "user fetches supervisor page, no NXE, no SMEP", Cr0.WP, 0, 0, P, User | Fetch, 5 },
        { "user fetches supervisor page, SMEP reports I/D", Cr0.WP, Cr4.SMEP, 0, P, User | Fetch, 0x15 },
        { "XD without NXE is reserved", Cr0.WP, 0, 0, P | US | XD, User, 0xD },
        { "XD without NXE is reserved, fetch", Cr0.WP, 0, 0, P | XD, Fetch, 9 },
        { "supervisor reads user page", Cr0.WP, 0, Efer.NXE, P | US, Read, -1 },
        { "supervisor writes read-only page, WP", Cr0.WP, 0, Efer.NXE, P | US, Write, 3 },
        { "supervisor writes read-only supervisor page, WP", Cr0.WP, 0, Efer.NXE, P, Write, 3 },
        { "supervisor writes read-only page, WP clear", 0, 0, Efer.NXE, P | US, Write, -1 },
        { "supervisor fetches user page", Cr0.WP, 0, Efer.NXE, P | US, Fetch, -1 },
        { "supervisor fetches user page, SMEP", Cr0.WP, Cr4.SMEP, Efer.NXE, P | US, Fetch, 0x11 },
        { "supervisor fetches supervisor page, SMEP", Cr0.WP, Cr4.SMEP, Efer.NXE, P, Fetch, -1 },
        { "supervisor fetches XD", Cr0.WP, 0, Efer.NXE, P | XD, Fetch, 0x11 },
        { "SMAP read", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US, Read, 1 },
        { "SMAP read, AC", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US, Ac, -1 },
        { "SMAP write", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US | RW, Write, 3 },
        { "SMAP write, AC", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US | RW, Write | Ac, -1 },
        { "SMAP write of read-only page, AC, WP", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US, Write | Ac, 3 },
        { "SMAP write of read-only page, WP clear", 0, Cr4.SMAP, Efer.NXE, P | US, Write, 3 },
        { "SMAP doesn't hinder fetches", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US, Fetch, -1 },
        { "SMAP doesn't hinder user", Cr0.WP, Cr4.SMAP, Efer.NXE, P | US, User, -1 },
        { "SMAP and supervisor page", Cr0.WP, Cr4.SMAP, Efer.NXE, P | RW, Write, -1 },
        { "not present, read", Cr0.WP, 0, Efer.NXE, RW | US | XD | (1UL << 50), Read, 0 },
        { "not present, user write", Cr0.WP, 0, Efer.NXE, 0, User | Write, 6 },
        { "not present, fetch", Cr0.WP, 0, Efer.NXE, 0, Fetch, 0x10 },
        { "reserved bit MAXPHYADDR", Cr0.WP, 0, Efer.NXE, P | RW | (1UL << Width), Read, 9 },
        { "reserved bit 51", Cr0.WP, 0, Efer.NXE, P | RW | (1UL << 51), User | Write, 0xF },
        { "ignored bit 52", Cr0.WP, 0, Efer.NXE, P | RW | (1UL << 52), Read, -1 },
        { "ignored bit 62", Cr0.WP, 0, Efer.NXE, P | RW | (1UL << 62), Read, -1 },
        { "PAT bit of a PTE", Cr0.WP, 0, Efer.NXE, P | RW | PS, Read, -1 },
    };

    [Theory]
    [MemberData(nameof(Rights))]
    public void RightsInFourLevelPaging(string name, ulong cr0, ulong cr4, ulong efer, ulong leaf, PageAccess access, int error)
    {
        DictionaryMemory memory = FourLevels(P | RW | US, leaf);
        PagingContext context = LongMode(cr0, cr4, efer);
        var before = new Dictionary<ulong, ulong>(memory.Entries);
        bool allowed = PageWalker.Walk(in context, ref memory, Linear, access, out PageWalkResult result);
        Assert.True(error == -1 ? allowed : !allowed && result.ErrorCode == (uint)error, $"{name}: {result.ErrorCode:x}");
        if (!allowed)
            Assert.Equal(before, memory.Entries);
    }

    /// <summary>A right that any one level withholds is withheld.</summary>
    [Theory]
    [InlineData(0x1008, RW, Write | User, 7u)]
    [InlineData(0x2010, RW, Write | User, 7u)]
    [InlineData(0x3018, RW, Write | User, 7u)]
    [InlineData(0x1008, US, User, 5u)]
    [InlineData(0x2010, US, User, 5u)]
    [InlineData(0x3018, US, User, 5u)]
    [InlineData(0x1008, XD, User | Fetch, 0x15u)]
    [InlineData(0x2010, XD, User | Fetch, 0x15u)]
    [InlineData(0x3018, XD, User | Fetch, 0x15u)]
    public void EachLevelCanWithholdARight(ulong entry, ulong flip, PageAccess access, uint error)
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        memory.Entries[entry] ^= flip;
        PagingContext context = LongMode();
        Assert.False(PageWalker.Walk(in context, ref memory, Linear, access, out PageWalkResult result));
        Assert.Equal(error, result.ErrorCode);
        Assert.Equal(PageFaultKind.Protection, result.Fault);
        Assert.Equal(0x5567UL, result.Gpa);
    }

    [Theory]
    [InlineData(0x1008, 0UL, 4)]
    [InlineData(0x2010, 0UL, 3)]
    [InlineData(0x3018, 0UL, 2)]
    [InlineData(0x4020, 0UL, 1)]
    [InlineData(0x1008, PS | P, 4)] // PS is reserved in a PML4E
    [InlineData(0x2010, PS | P | 0x2000, 3)]
    [InlineData(0x3018, PS | P | 0x100000, 2)]
    public void TheLevelWhereItEndedIsTold(ulong entry, ulong value, int level)
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        memory.Entries[entry] = value;
        PagingContext context = LongMode();
        Assert.False(PageWalker.Walk(in context, ref memory, Linear, Read, out PageWalkResult result));
        Assert.Equal(level, result.Level);
        Assert.Equal(entry, result.EntryAddress);
        Assert.Equal(value == 0 ? PageFaultKind.NotPresent : PageFaultKind.ReservedBit, result.Fault);
    }

    [Theory]
    [InlineData(0x2010, 0x40000000UL | 0x1000, 30, 0x40604567UL)] // bit 12 is PAT, no address
    [InlineData(0x3018, 0x40200000UL | 0x1000, 21, 0x40204567UL)]
    public void LargePages(ulong entry, ulong frame, int shift, ulong gpa)
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        memory.Entries[entry] = frame | P | RW | US | PS;
        PagingContext context = LongMode();
        Assert.True(PageWalker.Walk(in context, ref memory, Linear, Write, out PageWalkResult result));
        Assert.Equal(gpa, result.Gpa);
        Assert.Equal(1UL << shift, result.PageSize);
        Assert.Equal(frame | P | RW | US | PS | A | D, memory.Entries[entry]);
    }

    [Fact]
    public void GigabytePagesAreReservedOnAProcessorWithoutThem()
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        memory.Entries[0x2010] = 0x40000000UL | P | PS;
        var context = new PagingContext(Cr0.PE | Cr0.PG, 0x1000, Cr4.PAE, Efer.LMA | Efer.LME, Width, gigabytePages: false);
        Assert.False(PageWalker.Walk(in context, ref memory, Linear, Read, out PageWalkResult result));
        Assert.Equal(9u, result.ErrorCode);
    }

    [Fact]
    public void FiveLevels()
    {
        DictionaryMemory memory = FourLevels(P | RW, P | RW);
        memory.Entries[0x6000 + (8 * 0x1FF)] = 0x1000 | P | RW;
        var context = new PagingContext(Cr0.PE | Cr0.PG, 0x6000, Cr4.PAE | Cr4.LA57, Efer.LMA | Efer.LME, Width);
        Assert.True(PageWalker.Walk(in context, ref memory, (0x1FFUL << 48) | Linear, Read, out PageWalkResult result));
        Assert.Equal(0x5567UL, result.Gpa);
    }

    /// <summary>32-bit paging: PDE at 1000 + 4 × index, PTE at 2000 + 4 × index (SDM vol. 3, 4.3).</summary>
    [Theory]
    [InlineData("4-KiB page", 0UL, 0x2000 | P | RW | US, 0x9000 | P | RW | US, 0x9567UL, 12)]
    [InlineData("PS ignored without CR4.PSE", 0UL, 0x2000 | P | PS, 0xFFFFF000 | P, 0xFFFFF567UL, 12)]
    [InlineData("4-MiB page", Cr4.PSE, 0x00C0_0000 | P | PS, 0UL, 0x00C0_4567UL, 22)]
    [InlineData("PSE-36: bits 20:13 are 39:32", Cr4.PSE, 0x00C0_0000 | (0xA5UL << 13) | P | PS, 0UL, 0xA5_00C0_4567UL, 22)]
    public void PagesIn32BitPaging(string name, ulong cr4, ulong pde, ulong pte, ulong gpa, int shift)
    {
        const ulong Linear32 = 0x8000_4567; // indices 200h, 4
        var memory = new DictionaryMemory(4);
        memory.Entries[0x1800] = pde;
        memory.Entries[0x2010] = pte;
        PagingContext context = Context(cr4: cr4);
        Assert.True(PageWalker.Walk(in context, ref memory, Linear32, Read, out PageWalkResult result), name);
        Assert.Equal(gpa, result.Gpa);
        Assert.Equal(shift, result.PageShift);
    }

    [Theory]
    [InlineData(40, 1UL << 21, true)]
    [InlineData(36, 1UL << 16, false)]
    [InlineData(36, 1UL << 17, true)]
    [InlineData(32, 1UL << 13, true)]
    [InlineData(52, 1UL << 20, false)]
    public void ReservedBitsOfA4MiBPage(int width, ulong bit, bool reserved)
    {
        var memory = new DictionaryMemory(4);
        memory.Entries[0x1800] = P | PS | bit;
        var context = new PagingContext(Cr0.PE | Cr0.PG, 0x1000, Cr4.PSE, 0, width);
        Assert.Equal(!reserved, PageWalker.Walk(in context, ref memory, 0x8000_0000, Read, out PageWalkResult result));
        Assert.Equal(reserved ? 9u : 0u, result.ErrorCode);
    }

    /// <summary>PAE paging (SDM vol. 3, 4.4): pointer register 2, PDE index 3, PTE index 4.</summary>
    [Theory]
    [InlineData("4-KiB page", P, 0x2000 | P, 0x5000 | P, 0u, 0x5567UL)]
    [InlineData("2-MiB page", P, 0x40200000UL | P | PS, 0UL, 0u, 0x40204567UL)]
    [InlineData("pointer not present", 0UL, 0x2000 | P, 0x5000 | P, 0u, 0UL)]
    [InlineData("2-MiB page, reserved bit 13", P, 0x40202000UL | P | PS, 0UL, 9u, 0UL)]
    [InlineData("bit 62 is reserved here", P, 0x2000 | P | (1UL << 62), 0x5000 | P, 9u, 0UL)]
    [InlineData("bit 52 is reserved here", P, 0x2000 | P, 0x5000 | P | (1UL << 52), 9u, 0UL)]
    public void PaePaging(string name, ulong pointerFlags, ulong pde, ulong pte, uint error, ulong gpa)
    {
        const ulong LinearPae = (2UL << 30) | (3UL << 21) | (4UL << 12) | 0x567;
        var memory = new DictionaryMemory(8);
        memory.Entries[0x3018] = pde;
        memory.Entries[0x2020] = pte;
        PagingContext context = Context(cr4: Cr4.PAE, pdptes: PdpteRegisters.From([0, 0, 0x3000 | pointerFlags, 0]));
        bool allowed = PageWalker.Walk(in context, ref memory, LinearPae, Read, out PageWalkResult result);
        Assert.True(allowed == (gpa != 0), name);
        Assert.Equal(error, result.ErrorCode);
        if (allowed)
            Assert.Equal(gpa, result.Gpa);
    }

    [Theory]
    [InlineData(0x2001UL, true)]
    [InlineData(0x2001UL | 0x18 | 0xE00, true)] // PWT, PCD and ignored bits
    [InlineData(0x2003UL, false)]
    [InlineData(0x2005UL, false)]
    [InlineData(0x2021UL, false)]
    [InlineData(0x2101UL, false)]
    [InlineData(0x2100UL, true)] // not present: nothing is checked
    [InlineData(0x2001UL | (1UL << Width), false)]
    [InlineData(0x2001UL | (1UL << 63), false)]
    public void LoadingThePaePointersChecksReservedBits(ulong pdpte, bool valid)
    {
        var memory = new DictionaryMemory(8);
        for (ulong i = 0; i < 4; i++)
            memory.Entries[0x1020 + (8 * i)] = i == 3 ? pdpte : 0;
        Assert.Equal(valid, PdpteRegisters.TryLoad(ref memory, 0x103F, Width, out PdpteRegisters registers));
        if (valid)
            Assert.Equal(pdpte, registers[3]);
    }

    [Fact]
    public void AnEntryThatChangesUnderTheWalkIsWalkedAgain()
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        Dictionary<ulong, ulong> entries = memory.Entries;
        memory.Interference.Enqueue(() => entries[0x1008] = 0);
        PagingContext context = LongMode();
        Assert.False(PageWalker.Walk(in context, ref memory, Linear, Write, out PageWalkResult result));
        Assert.Equal(2u, result.ErrorCode);
        Assert.Equal(0x5000 | P | RW | US, memory.Entries[0x4020]);
    }

    [Fact]
    public void TablesInRomTranslateAndStayAsTheyAre()
    {
        DictionaryMemory memory = FourLevels(P | RW | US, P | RW | US);
        foreach (ulong entry in memory.Entries.Keys)
            memory.ReadOnly.Add(entry);
        var before = new Dictionary<ulong, ulong>(memory.Entries);
        PagingContext context = LongMode();
        Assert.True(PageWalker.Walk(in context, ref memory, Linear, Write, out PageWalkResult result));
        Assert.NotEqual((PageRights)0, result.Rights & PageRights.Dirty);
        Assert.Equal(before, memory.Entries);
    }

    [Fact]
    public void ATableOutsideMemoryReadsAllOnesAndFaultsOnReservedBits()
    {
        var memory = new DictionaryMemory(8);
        PagingContext context = LongMode();
        Assert.False(PageWalker.Walk(in context, ref memory, Linear, Read, out PageWalkResult result));
        Assert.Equal(9u, result.ErrorCode);
        Assert.True(result.TableOutsideMemory);
    }

    [Fact]
    public void TheObserverSeesEveryStep()
    {
        DictionaryMemory memory = FourLevels(P | RW | US | A, P | RW | US | A);
        PagingContext context = LongMode();
        var observer = new Recorder();
        Assert.True(PageWalker.Walk(in context, ref memory, ref observer, Linear, Write, out _));
        Assert.Equal(["4 1008 2027", "3 2010 3027", "2 3018 4027", "1 4020 5027", "set 1 4020 5067"], observer.Lines);
    }

    private readonly struct Recorder() : IPageWalkObserver
    {
        public List<string> Lines { get; } = [];

        public void OnEntry(int level, ulong entryAddress, ulong rawValue) => Lines.Add($"{level} {entryAddress:x} {rawValue:x}");

        public void OnPointerRegister(int index, ulong rawValue) => Lines.Add($"pointer {index} {rawValue:x}");

        public void OnUpdate(int level, ulong entryAddress, ulong newValue) => Lines.Add($"set {level} {entryAddress:x} {newValue:x}");

        public void OnRestart() => Lines.Add("restart");
    }
}
