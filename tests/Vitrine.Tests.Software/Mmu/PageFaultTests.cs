using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>A page fault ends what is cached for its address (SDM vol. 3, 4.10.4.1): its handler may go on without INVLPG.</summary>
public abstract class PageFaultTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : PageFaultTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : PageFaultTests(SoftwareEngine.Translator);

    private const ulong Page = 0x8020_0000;
    private const ulong Frame1 = 0x20_0000;
    private const ulong Frame2 = 0x20_1000;
    private const ulong Handler = 0x40E0;

    [Theory]
    [MemberData(nameof(MmuModes.All), MemberType = typeof(MmuModes))]
    public void TheHandlerReadsThePageThatTheEntryLeadsTo(MmuMode mode)
    {
        using M m = Machine(mode);
        m.Map(Page, Frame1, M.P);
        m.Place(Handler, a =>
        {
            a.mov(edx, __dword_ptr[rbx]);
            a.hlt();
        });
        ulong entry = m.Entry(Page);
        Assert.Equal("#14(3)", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__dword_ptr[(int)entry], (uint)(Frame2 | M.P));
            a.mov(__dword_ptr[rbx], 7);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    [Theory]
    [MemberData(nameof(MmuModes.All), MemberType = typeof(MmuModes))]
    public void TheHandlerRunsThePageThatTheEntryLeadsTo(MmuMode mode)
    {
        using M m = Machine(mode);
        m.Map(Page, Frame1, M.P);
        m.Place(Frame1, a => a.ret(), rip: Page);
        m.Place(
            Frame2,
            a =>
            {
                a.mov(dl, 2);
                a.ret();
            },
            rip: Page);
        m.Place(Handler, a =>
        {
            a.call(rbx);
            a.hlt();
        });
        ulong entry = m.Entry(Page);
        Assert.Equal("#14(3)", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.xor(edx, edx);
            a.call(rbx);
            a.mov(__dword_ptr[(int)entry], (uint)(Frame2 | M.P));
            a.mov(__dword_ptr[rbx], 7);
        }));
        Assert.Equal(2UL, m[Gpr.Rdx]);
    }

    [Theory]
    [MemberData(nameof(MmuModes.All), MemberType = typeof(MmuModes))]
    public void TheHandlerReadsByTheTableThatTheUpperEntryLeadsTo(MmuMode mode)
    {
        // The faulting page and its neighbour: the upper entry that both have is cached in the two-dimensional walk, and ends as well.
        const ulong OtherTable = 0x30_0000;
        using M m = Machine(mode);
        m.Map(Page, Frame1, M.P);
        m.Map(Page + 0x1000, Frame1, M.P);
        m.Store(OtherTable, Frame2 | M.P, 8);
        m.Store(OtherTable + 8, Frame2 | M.P, 8);
        m.Place(Handler, a =>
        {
            a.mov(edx, __dword_ptr[rbx + 0x1000]);
            a.hlt();
        });
        ulong entry = m.Entry(Page, 21);
        Assert.Equal("#14(3)", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__dword_ptr[(int)entry], (uint)(OtherTable | M.P));
            a.mov(__dword_ptr[rbx], 7);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
    }

    /// <summary>Frame 1 reads 1, frame 2 reads 2; the tables are mapped one to one.</summary>
    private M Machine(MmuMode mode)
    {
        M m = new(mmu: mode, engine: engine);
        m.Store(Frame1, 1, 4);
        m.Store(Frame2, 2, 4);
        for (ulong page = M.Tables; page < M.Tables + 0x20000; page += 0x1000) m.Map(page, page, M.P | M.W);
        return m;
    }
}
