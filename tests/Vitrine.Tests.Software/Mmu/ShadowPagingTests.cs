using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>
/// The mechanisms of the shadow page table, one by one. What a guest must see is in <see cref="TranslationTests"/>; here it is looked into
/// what the table holds, at marks that the guest sets by writing to a port.
/// </summary>
public abstract class ShadowPagingTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : ShadowPagingTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : ShadowPagingTests(SoftwareEngine.Translator);

    private const ulong First = 0x8000_0000;
    private const ulong Second = First + 0x20_0000;
    private const ulong Frame1 = 0x20_0000;
    private const ulong Frame2 = 0x20_1000;
    private const ulong Alias = 0x1_0000_0000;
    private readonly List<MmuCounters> _marks = [];

    [Fact]
    public void OneGuestTableReachedTwiceIsOneShadowPage()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P | M.W | M.U);
        m.Store(m.Entry(Second, 21), m.Read(m.Entry(First, 21), 8), 8);
        Assert.Equal("ok", m.Run(a => Touch(a, First, Second)));
        Assert.Equal(Leaf(m, First).PageNumber, Leaf(m, Second).PageNumber);
        Assert.True(Leaf(m, Second).Present);
    }

    [Fact]
    public void OneGuestTableUnderOtherRightsIsAnotherShadowPage()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P | M.W | M.U);
        m.Store(m.Entry(Second, 21), m.Read(m.Entry(First, 21), 8) & ~M.W, 8);
        Assert.Equal("ok", m.Run(a => Touch(a, First, Second)));
        ShadowStep first = Leaf(m, First);
        ShadowStep second = Leaf(m, Second);
        Assert.Equal(first.GuestTable, second.GuestTable);
        Assert.NotEqual(first.PageNumber, second.PageNumber);
        Assert.Equal(first.Entry, second.Entry);
        Assert.Contains('w', first.Flags);
        Assert.DoesNotContain('w', second.Flags);
    }

    [Fact]
    public void WithoutPagingPagesAreDirect()
    {
        using M m = new(PagingMode.None);
        m.Store(0x30_1000, 7, 4);
        Assert.Equal("ok", m.Run(a => a.mov(eax, __dword_ptr[0x30_1000])));
        Assert.Equal(7UL, m[Gpr.Rax]);
        IReadOnlyList<ShadowStep> steps = m.Vcpu.Mmu.InspectShadow(0x30_1000);
        Assert.Equal([2, 1], steps.Select(static step => step.Level));
        Assert.All(steps, static step => Assert.Contains("direct", step.Role, StringComparison.Ordinal));
        Assert.Equal([0UL, 0x20_0000UL], steps.Select(static step => step.GuestTable));
        Assert.Equal(0x101, steps[1].Index);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 21, 4)]
    [InlineData(PagingMode.Pae, 21, 2)]
    [InlineData(PagingMode.Bits32, 22, 2)]
    public void BeneathALargePagePagesAreDirect(PagingMode paging, int shift, int levels)
    {
        using M m = Machine(paging);
        m.Map(First, 0x40_0000, M.P | M.W, shift);
        m.Store(0x40_5000, 9, 4);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First + 0x5000);
            if (paging == PagingMode.FourLevel) a.mov(eax, __dword_ptr[rbx]);
            else a.mov(eax, __dword_ptr[ebx]);
        }));
        Assert.Equal(9UL, m[Gpr.Rax]);
        IReadOnlyList<ShadowStep> steps = m.Vcpu.Mmu.InspectShadow(First + 0x5000);
        Assert.Equal(levels, steps.Count);
        Assert.Contains("direct", steps[^1].Role, StringComparison.Ordinal);
        Assert.Equal(0x40_0000UL, steps[^1].GuestTable);
        Assert.True(steps[^1].Present);
    }

    [Fact]
    public void ATableOf1024EntriesHasAShadowPageForEachHalf()
    {
        using M m = Machine(PagingMode.Bits32);
        m.Map(First, Frame1, M.P);
        m.Map(First + 0x20_0000, Frame2, M.P);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[ebx]);
            a.mov(ecx, __dword_ptr[ebx + 0x20_0000]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rcx]));
        ShadowStep low = Leaf(m, First);
        ShadowStep high = Leaf(m, First + 0x20_0000);
        Assert.Equal(low.GuestTable, high.GuestTable);
        Assert.NotEqual(low.PageNumber, high.PageNumber);
    }

    [Theory]
    [InlineData(8, true, false)]
    [InlineData(16, true, true)]
    public void AWriteToAnUpperTableDropsTheEntriesItHits(int size, bool secondGone, bool thirdGone)
    {
        const ulong Third = Second + 0x20_0000;
        using M m = Machine();
        foreach (ulong linear in (ReadOnlySpan<ulong>)[First, Second, Third]) m.Map(linear, Frame1, M.P | M.W);
        ulong entry = m.Entry(Second, 21);
        m.OnAccess = () => Mark(m);
        bool[] present = [];
        m.OnAccess += () => present = [.. new[] { First, Second, Third }.Select(linear => Leaf(m, linear).Level == 1)];
        Assert.Equal("ok", m.Run(a =>
        {
            Touch(a, First, Second, Third);
            a.mov(edi, (uint)entry);
            a.@out(0x80, al);
            a.movups(xmm0, __xmmword_ptr[rdi]);
            if (size == 16) a.movups(__xmmword_ptr[rdi], xmm0);
            else a.movlps(__qword_ptr[rdi], xmm0);
            a.@out(0x80, al);
        }));
        Assert.Equal([true, !secondGone, !thirdGone], present);
        Assert.Equal(1UL, _marks[1].TrackedWrites - _marks[0].TrackedWrites);
        Assert.Equal(_marks[0].Zaps, _marks[1].Zaps);
    }

    [Fact]
    public void ThreeWritesWithoutUseThrowAnUpperTableAway()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P | M.W);
        m.Map(First + 0x1000, Frame1, M.P | M.W);
        ulong table = m.Entry(First, 21) & ~0xFFFUL;
        m.OnAccess = () => Mark(m);
        Assert.Equal("ok", m.Run(a =>
        {
            Touch(a, First);
            a.mov(edi, (uint)table);
            a.@out(0x80, al);
            for (int i = 256; i < 266; i++) a.mov(__qword_ptr[rdi + (i * 8)], 0);
            a.@out(0x80, al);
            Touch(a, First + 0x1000);
        }));
        Assert.Equal(3UL, _marks[1].TrackedWrites - _marks[0].TrackedWrites);
        Assert.Equal(1UL, _marks[1].Zaps - _marks[0].Zaps);
        Assert.True(Leaf(m, First + 0x1000).Present);
    }

    [Fact]
    public void ALeafTableIsOpenedByItsFirstWriteAndComparedByInvlpg()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P);
        m.Map(First + 0x1000, Frame1, M.P);
        ulong entry = m.Entry(First);
        List<ShadowStep> leaves = [];
        m.OnAccess = () =>
        {
            Mark(m);
            leaves.Add(Leaf(m, First));
            leaves.Add(Leaf(m, First + 0x1000));
        };
        Assert.Equal("ok", m.Run(a =>
        {
            Touch(a, First, First + 0x1000);
            a.@out(0x80, al);
            a.mov(edi, (uint)entry);
            a.mov(ecx, (uint)(Frame2 | M.P));
            for (int i = 0; i < 20; i++) a.mov(__dword_ptr[rdi], ecx);
            a.mov(__dword_ptr[rdi + 8], 0);
            a.@out(0x80, al);
            a.mov(ebx, (uint)First);
            a.invlpg(__byte_ptr[rbx]);
            a.@out(0x80, al);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal(2UL, m[Gpr.Rdx]);
        Assert.Equal([false, true, true], leaves.Where(static (_, i) => i % 2 == 0).Select(static leaf => leaf.Unsync));

        // INVLPG looks at its own entry only: the neighbour, which is gone from the guest's table, may stay.
        Assert.Equal([true, true, false], leaves.Where(static (_, i) => i % 2 == 0).Select(static leaf => leaf.Present));
        Assert.Equal([true, true, true], leaves.Where(static (_, i) => i % 2 == 1).Select(static leaf => leaf.Present));
        Assert.Equal(1UL, _marks[1].Unsyncs - _marks[0].Unsyncs);
        Assert.Equal(1UL, _marks[1].TrackedWrites - _marks[0].TrackedWrites);
        Assert.Equal(_marks[0].Syncs, _marks[2].Syncs);
    }

    [Fact]
    public void ACr3LoadBringsLeafTablesInStep()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P);
        m.Map(First + 0x1000, Frame1, M.P);
        ulong entry = m.Entry(First);
        List<ShadowStep> leaves = [];
        m.OnAccess = () =>
        {
            Mark(m);
            leaves.Add(Leaf(m, First));
            leaves.Add(Leaf(m, First + 0x1000));
        };
        Assert.Equal("ok", m.Run(a =>
        {
            Touch(a, First, First + 0x1000);
            a.mov(edi, (uint)entry);
            a.mov(__dword_ptr[rdi], 0);
            a.@out(0x80, al);
            a.mov(rcx, cr3);
            a.mov(cr3, rcx);
            a.@out(0x80, al);
        }));
        Assert.True(leaves[0].Unsync);
        Assert.Equal((false, false), (leaves[2].Unsync, leaves[2].Present));
        Assert.Equal((false, true), (leaves[3].Unsync, leaves[3].Present));
        Assert.Equal(1UL, _marks[1].Syncs - _marks[0].Syncs);
    }

    [Fact]
    public void AWriteThroughAMappingThatWasOpenBeforeTheTableWasShadowedIsSeen()
    {
        // The frame of a table is written through one address until the TLB lets writes pass; then it becomes a table.
        const ulong Window = Second;
        const ulong Table = 0x30_0000;
        using M m = Machine();
        m.Map(Window, Table, M.P | M.W);
        m.Map(First, Frame1, M.P);
        ulong pde = m.Entry(First, 21);
        m.Store(pde, 0, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(esi, (uint)Window);
            a.mov(edi, (uint)pde);
            for (int i = 0; i < 3; i++) a.mov(__qword_ptr[rsi], (int)(Frame1 | M.P));
            a.mov(__qword_ptr[rdi], (int)(Table | M.P | M.W));
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__qword_ptr[rsi], (int)(Frame2 | M.P));
            a.invlpg(__byte_ptr[rbx]);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Fact]
    public void AWriteThroughAnAddressThatIsNoLongerMappedIsSeen()
    {
        // As above, but the window's leaf is gone by then: its table was out of step when the guest linked it a second time, and was
        // compared without a flush. The TLB still has the window, at an index that nothing else here uses.
        const ulong Window = Second + 0x5000;
        const ulong SecondLink = Second + 0x20_0000;
        const ulong Table = 0x30_0000;
        using M m = Machine();
        m.Map(Window, Table, M.P | M.W);
        m.Map(Second + 0x1_0000, Frame1, M.P | M.W);
        m.Map(First, Frame1, M.P);
        ulong pde = m.Entry(First, 21);
        uint windowEntry = (uint)m.Entry(Window);
        m.Store(pde, 0, 8);
        m.Store(m.Entry(SecondLink, 21), m.Read(m.Entry(Window, 21), 8), 8);
        List<ShadowStep> leaves = [];
        m.OnAccess = () => leaves.Add(Leaf(m, Window));
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(esi, (uint)Window);
            a.mov(edi, (uint)pde);
            for (int i = 0; i < 3; i++) a.mov(__qword_ptr[rsi], (int)(Frame1 | M.P));
            a.@out(0x80, al);

            a.mov(rcx, __qword_ptr[(int)windowEntry]);
            a.mov(__qword_ptr[(int)windowEntry], 0);
            a.mov(ebp, (uint)SecondLink + 0x1_0000);
            a.mov(eax, __dword_ptr[rbp]);
            a.@out(0x80, al);
            a.mov(__qword_ptr[(int)windowEntry], rcx);
            a.mov(__qword_ptr[rdi], (int)(Table | M.P | M.W));
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__qword_ptr[rsi], (int)(Frame2 | M.P));
            a.invlpg(__byte_ptr[rbx]);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal([true, false], leaves.Select(static leaf => leaf.Present));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Fact]
    public void AWriteThroughAMappingThatIsNotInTheTableIsSeen()
    {
        // The window's table lies where a second slot shows memory, so that the window is in the TLB only.
        const ulong Window = Second + 0x5000;
        const ulong WindowTable = 0x80_0000;
        const ulong Table = 0x30_0000;
        using M m = Machine(slotBytes: 0x20_0000);
        Show(m, WindowTable);
        m.Store(m.Entry(Window, 21), WindowTable | M.P | M.W, 8);
        m.Map(Window, Table, M.P | M.W);
        m.Map(First, Frame1, M.P);
        ulong pde = m.Entry(First, 21);
        m.Store(pde, 0, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(esi, (uint)Window);
            a.mov(edi, (uint)pde);
            for (int i = 0; i < 3; i++) a.mov(__qword_ptr[rsi], (int)(Frame1 | M.P));
            a.mov(__qword_ptr[rdi], (int)(Table | M.P | M.W));
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__qword_ptr[rsi], (int)(Frame2 | M.P));
            a.invlpg(__byte_ptr[rbx]);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
        Assert.NotEqual(1, Leaf(m, Window).Level);
    }

    [Fact]
    public void TheSameMemoryAtAnotherGuestAddressIsAnotherLeaf()
    {
        // Two slots show one page. The entry goes from one to the other without a flush, and becomes writable on the way.
        using M m = Machine(slotBytes: 0x20_0000);
        Show(m, Frame1);
        m.Map(First, Frame1, M.P | M.A | M.D);
        ulong entry = m.Entry(First);
        m.OnAccess = () => Mark(m);
        Assert.Equal("ok", m.Run(a =>
        {
            Touch(a, First);
            a.mov(rcx, Alias | M.P | M.W | M.A | M.D);
            a.mov(edi, (uint)entry);
            a.mov(__qword_ptr[rdi], rcx);
            a.@out(0x80, al);
            a.mov(__dword_ptr[rbx], 5);
            a.@out(0x80, al);
        }));
        Assert.Equal(1UL, _marks[1].Fills - _marks[0].Fills);
        Assert.Equal(5UL, m.Read(Frame1, 4));
    }

    [Fact]
    public void TheQuotaZapsTheOldestPages()
    {
        // 12 MiB are 3072 pages, a fiftieth of which is less than the minimum of 64.
        const int Regions = 100;
        const int Quota = 64;
        using M m = Machine();
        ulong tables = 0x40_0000;
        for (int i = 0; i < Regions; i++)
        {
            ulong table = tables + ((ulong)i * 0x1000);
            m.Store(m.Entry(First + ((ulong)i << 21), 21), table | M.P | M.W, 8);
            m.Store(table, (i % 2 == 0 ? Frame1 : Frame2) | M.P, 8);
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)First);
            a.mov(ecx, Regions * 2);
            a.xor(eax, eax);
            a.Label(ref loop);
            a.add(eax, __dword_ptr[rbx]);
            a.add(ebx, 0x20_0000);
            a.cmp(ecx, Regions + 1);
            a.mov(edx, (uint)First);
            a.cmove(ebx, edx);
            a.dec(ecx);
            a.jnz(loop);
        }));
        Assert.Equal(300UL, m[Gpr.Rax]);
        Assert.InRange(m.Vcpu.Mmu.PagesInUse, 1, Quota);
        Assert.True(m.Vcpu.Mmu.Counters.Zaps >= 2 * Regions - Quota);
    }

    [Fact]
    public void ASlotThatGoesTakesWhatLeadsToItWithIt()
    {
        using M m = Machine(slotBytes: 0x40_0000);
        const ulong Far = 0x80_0000;
        m.Map(First, Far, M.P);
        m.Map(First + 0x1000, Frame1, M.P);
        m.Store(Far, 5, 4);
        Assert.Equal("ok", m.Run(a => Touch(a, First + 0x1000, First)));
        Assert.Equal(5UL, m[Gpr.Rax]);
        int pages = m.Vcpu.Mmu.PagesInUse;
        m.Accelerator.RemoveMemorySlot(m.Memory.Slots.Single(static slot => slot.Start.Value == Far));
        Assert.False(Leaf(m, First).Present);
        Assert.True(Leaf(m, First + 0x1000).Present);
        Assert.Equal(pages, m.Vcpu.Mmu.PagesInUse);
        m.Answer = static (_, _) => 6;
        m.State.Rip = M.Code;
        Assert.Equal("ok", m.Run());
        Assert.Equal(6UL, m[Gpr.Rax]);
        Assert.Contains($"r4 {Far:x}", m.Accesses);
    }

    [Fact]
    public void TouchingPagesCostsOneFaultEach()
    {
        // KVM with shadow paging takes 130 faults for this: one for the code, one for each page and one more.
        const int Pages = 128;
        using M m = Machine();
        for (ulong i = 0; i < Pages; i++) m.Map(First + (i << 12), Frame1 + (i << 12), M.P | M.W);
        m.OnAccess = () => Mark(m);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.@out(0x80, al);
            a.mov(ebx, (uint)First);
            a.mov(ecx, Pages);
            a.Label(ref loop);
            a.mov(__byte_ptr[rbx], cl);
            a.add(ebx, 0x1000);
            a.dec(ecx);
            a.jnz(loop);
            a.@out(0x80, al);
        }));
        Assert.InRange(_marks[1].Faults - _marks[0].Faults, (ulong)Pages, 130UL);
        Assert.Equal(Pages, (int)(_marks[1].Fills - _marks[0].Fills));
    }

    [Fact]
    public void LookingChangesNothing()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P);
        m.Map(Second, Frame1, M.P);
        Assert.Equal("ok", m.Run(a => Touch(a, First)));
        MmuCounters before = m.Vcpu.Mmu.Counters;
        ulong entry = m.Read(m.Entry(Second), 8);
        Assert.True(Leaf(m, First).Present);
        Assert.False(m.Vcpu.Mmu.InspectShadow(Second)[^1].Present);
        Assert.Empty(m.Vcpu.Mmu.InspectTwoDimensional(First));
        Assert.Equal(before, m.Vcpu.Mmu.Counters);
        Assert.Equal(entry, m.Read(m.Entry(Second), 8));
    }

    private static ShadowStep Leaf(M m, ulong linear) => m.Vcpu.Mmu.InspectShadow(linear)[^1];

    private static void Touch(Assembler a, params ReadOnlySpan<ulong> addresses)
    {
        foreach (ulong address in addresses)
        {
            a.mov(ebx, (uint)address);
            a.mov(eax, __dword_ptr[rbx]);
        }
    }

    /// <summary>Shows the slot of an address a second time, writable.</summary>
    private static void Show(M m, ulong gpa)
    {
        MemorySlot shown = m.Memory.Slots.Single(slot => slot.Start.Value == gpa);
        m.Accelerator.SetMemorySlot(m.Memory.AddAlias("alias", new Gpa(Alias), shown.Size, shown, 0, MemorySlotFlags.None));
    }

    /// <summary>Frame 1 reads 1, frame 2 reads 2; the tables are mapped one to one.</summary>
    private M Machine(PagingMode paging = PagingMode.FourLevel, ulong slotBytes = M.MemorySize)
    {
        M m = new(paging, mmu: MmuMode.Shadow, slotBytes: slotBytes, engine: engine);
        m.Store(Frame1, 1, 4);
        m.Store(Frame2, 2, 4);
        for (ulong page = M.Tables; page < M.Tables + 0x20000; page += 0x1000) m.Map(page, page, M.P | M.W);
        return m;
    }

    private void Mark(M m) => _marks.Add(m.Vcpu.Mmu.Counters);
}
