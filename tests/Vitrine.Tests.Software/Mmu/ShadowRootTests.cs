using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Which shadow root stands for which values of the paging registers, and what it keeps while others are in use.</summary>
public abstract class ShadowRootTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : ShadowRootTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : ShadowRootTests(SoftwareEngine.Translator);

    private const ulong First = 0x8000_0000;
    private const ulong Frame1 = 0x20_0000;
    private const ulong Frame2 = 0x20_1000;
    private const ulong OtherTable = 0x30_0000;
    private readonly List<MmuCounters> _marks = [];

    [Fact]
    public void ARootThatWasLoadedBeforeKeepsItsTlbEntries()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P);
        ulong other = CopyRoot(m);
        m.OnAccess = () => Mark(m);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(rsi, M.Tables);
            a.mov(rdi, other);
            for (int i = 0; i < 4; i++)
            {
                a.mov(cr3, rdi);
                Touch(a, First);
                a.mov(cr3, rsi);
                Touch(a, First);
                a.@out(0x80, al);
            }
        }));
        Assert.Equal(2UL, _marks[3].RootHits - _marks[2].RootHits);
        Assert.Equal(_marks[2].TlbMisses, _marks[3].TlbMisses);
        Assert.Equal(_marks[2].Faults, _marks[3].Faults);
        Assert.Equal(_marks[2].Flushes, _marks[3].Flushes);
    }

    [Fact]
    public void ARootThatWasLoadedBeforeDropsWhatHasChanged()
    {
        using M m = Machine();
        m.Map(First, Frame1, M.P);
        ulong entry = m.Entry(First);
        ulong other = CopyRoot(m);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(rsi, M.Tables);
            a.mov(r8, other);
            a.mov(edi, (uint)entry);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(cr3, r8);
            a.mov(ecx, __dword_ptr[rbx]);
            a.mov(__dword_ptr[rdi], (uint)(Frame2 | M.P));
            a.mov(cr3, rsi);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rcx], m[Gpr.Rdx]));
    }

    [Fact]
    public void ARootThatWasLoadedBeforeLosesTheRightsThatItsTablesLost()
    {
        // Both roots lead to the same tables. Under the second one the page is made read-only, and nothing else changes.
        using M m = Machine();
        m.Map(First, Frame1, M.P | M.W);
        ulong entry = m.Entry(First);
        ulong other = CopyRoot(m);
        m.OnAccess = () => Mark(m);
        Assert.Equal("#14(3)", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(rsi, M.Tables);
            a.mov(r8, other);
            a.mov(edi, (uint)entry);
            a.or(__dword_ptr[rdi], 0);
            a.mov(cr3, r8);
            a.mov(cr3, rsi);
            a.mov(__dword_ptr[rbx], 1);
            a.mov(__dword_ptr[rbx], 1);
            a.@out(0x80, al);
            a.mov(cr3, r8);
            a.and(__dword_ptr[rdi], ~(int)M.W);
            a.mov(cr3, rsi);
            a.@out(0x80, al);
            a.mov(__dword_ptr[rbx], 2);
        }));
        Assert.Equal(1UL, m.Read(Frame1, 4));
        Assert.Equal(1UL, _marks[1].Syncs - _marks[0].Syncs);
    }

    [Fact]
    public void ARootThatWasLoadedBeforeDropsWhatWasInTheTlbOnly()
    {
        // A second slot shows the page's table, so that nothing tells when it changes.
        using M m = Machine(slotBytes: 0x20_0000);
        const ulong Shown = 0x80_0000;
        const ulong Window = First + 0x40_0000;
        MemorySlot shown = m.Memory.Slots.Single(static slot => slot.Start.Value == Shown);
        m.Accelerator.SetMemorySlot(m.Memory.AddAlias("alias", new Gpa(0x1_0000_0000), shown.Size, shown, 0, MemorySlotFlags.None));
        m.Store(m.Entry(First, 21), Shown | M.P | M.W, 8);
        m.Map(First + 0x3000, Frame1, M.P);
        m.Map(Window, Shown, M.P | M.W);
        ulong other = CopyRoot(m);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First + 0x3000);
            a.mov(rsi, M.Tables);
            a.mov(r8, other);
            a.mov(edi, (uint)Window);
            a.or(__dword_ptr[rdi + (3 * 8)], 0);
            a.mov(cr3, r8);
            a.mov(cr3, rsi);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(cr3, r8);
            a.mov(__dword_ptr[rdi + (3 * 8)], (int)(Frame2 | M.P));
            a.mov(cr3, rsi);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Fact]
    public void InvlpgReachesTheOtherPcidsGlobalTranslations()
    {
        // SDM vol. 3, 4.10.4.1: INVLPG ends global translations of its address whatever their PCID. Each PCID has its own tables for
        // the page; those of the first are changed under the second, and come back without a flush.
        const ulong Keep = 1UL << 63;
        const ulong Copies = 0x40_0000;
        using M m = Machine();
        m.State.Cr4 |= Cr4.PCIDE | Cr4.PGE;
        m.Map(First, Frame1, M.P | M.Global);
        ulong entry = m.Entry(First);
        ulong source = M.Tables;
        ulong copy = Copies;
        for (int shift = 39; shift >= 12; shift -= 9)
        {
            for (ulong i = 0; i < 0x1000; i += 8) m.Store(copy + i, m.Read(source + i, 8), 8);
            ulong index = ((First >> shift) & 511) * 8;
            source = m.Read(source + index, 8) & 0x000F_FFFF_FFFF_F000;
            m.Store(copy + index, shift == 12 ? Frame2 | M.P | M.Global : (copy + 0x1000) | M.P | M.W | M.U, 8);
            copy += 0x1000;
        }

        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(edi, (uint)entry);
            a.mov(rsi, M.Tables + 3);
            a.mov(cr3, rsi);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(r8, Copies + 5);
            a.mov(cr3, r8);
            a.mov(__dword_ptr[rdi], (uint)(Frame2 | M.P | M.Global));
            a.invlpg(__byte_ptr[rbx]);
            a.mov(rsi, (M.Tables + 3) | Keep);
            a.mov(cr3, rsi);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Fact]
    public void PointersThatMovToCr0LoadsLeadToOtherDirectories()
    {
        // PAE paging: a change of CR0.CD loads the pointer registers again (SDM vol. 3, 4.4.1). The page that is only used under the
        // other directory must not turn up under the first one.
        const ulong Page = First + 0x40_0000;
        const ulong OtherDirectory = 0x30_1000;
        using M m = Machine(PagingMode.Pae);
        m.Map(First, Frame1, M.P);
        m.Map(Page, Frame1, M.P);
        m.Store(OtherDirectory + (2 * 8), OtherTable | M.P, 8);
        m.Store(OtherTable, Frame2 | M.P, 8);
        ulong pointer = M.Tables + (2 * 8);
        uint directory = (uint)m.Read(pointer, 4);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[ebx]);
            a.mov(__dword_ptr[(int)pointer], (uint)(OtherDirectory | M.P));
            a.mov(esi, cr0);
            a.xor(esi, (int)Cr0.CD);
            a.mov(cr0, esi);
            a.mov(ecx, __dword_ptr[ebx + 0x40_0000]);
            a.mov(__dword_ptr[(int)pointer], directory);
            a.mov(esi, cr3);
            a.mov(cr3, esi);
            a.mov(edx, __dword_ptr[ebx + 0x40_0000]);
        }));
        Assert.Equal((1UL, 2UL, 1UL), (m[Gpr.Rax], m[Gpr.Rcx], m[Gpr.Rdx]));
    }

    [Fact]
    public void WithoutPaeTheUpperHalfOfCr3IsIgnored()
    {
        // What long mode leaves there. Memory that lies at the whole value must not be taken for the directory.
        const ulong UpperHalf = 0x1_0000_0000;
        using M m = Machine(PagingMode.Bits32);
        m.Accelerator.SetMemorySlot(m.Memory.Add("high", new Gpa(UpperHalf), M.MemorySize));
        m.Map(First, Frame1, M.P);
        m.Store(OtherTable, Frame2 | M.P, 4);
        ulong pde = m.Entry(First, 22);
        m.State.Cr3 |= UpperHalf;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.mov(eax, __dword_ptr[ebx]);
            a.mov(__dword_ptr[(int)pde], (uint)(OtherTable | M.P));
            a.invlpg(__byte_ptr[ebx]);
            a.mov(edx, __dword_ptr[ebx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    /// <summary>A second root that leads to the same tables.</summary>
    private static ulong CopyRoot(M m)
    {
        const ulong Copy = M.Tables + 0x10000;
        for (ulong i = 0; i < 0x1000; i += 8) m.Store(Copy + i, m.Read(M.Tables + i, 8), 8);
        return Copy;
    }

    private static void Touch(Assembler a, ulong address)
    {
        a.mov(ebx, (uint)address);
        a.mov(eax, __dword_ptr[rbx]);
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
