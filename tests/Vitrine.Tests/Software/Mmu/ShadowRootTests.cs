using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Which shadow root stands for which values of the paging registers, and what it keeps while others are in use.</summary>
public sealed class ShadowRootTests
{
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
        ulong other = M.Tables + 0x10000;
        for (ulong i = 0; i < 0x1000; i += 8) m.Store(other + i, m.Read(M.Tables + i, 8), 8);
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
        ulong other = M.Tables + 0x10000;
        for (ulong i = 0; i < 0x1000; i += 8) m.Store(other + i, m.Read(M.Tables + i, 8), 8);
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

    private static void Touch(Assembler a, ulong address)
    {
        a.mov(ebx, (uint)address);
        a.mov(eax, __dword_ptr[rbx]);
    }

    /// <summary>Frame 1 reads 1, frame 2 reads 2; the tables are mapped one to one.</summary>
    private static M Machine(PagingMode paging = PagingMode.FourLevel)
    {
        M m = new(paging, mmu: MmuMode.Shadow);
        m.Store(Frame1, 1, 4);
        m.Store(Frame2, 2, 4);
        for (ulong page = M.Tables; page < M.Tables + 0x20000; page += 0x1000) m.Map(page, page, M.P | M.W);
        return m;
    }

    private void Mark(M m) => _marks.Add(m.Vcpu.Mmu.Counters);
}
