using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>
/// Access rights, error codes, CR2, accessed and dirty bits as a running guest sees them: SDM vol. 3, 4.6 "Access Rights",
/// 4.7 "Page-Fault Exceptions", 4.8 "Accessed and Dirty Flags".
/// </summary>
public abstract class PageRightsTests(MmuMode mmu, SoftwareEngine engine = SoftwareEngine.Interpreter)
{
    public sealed class Shadow() : PageRightsTests(MmuMode.Shadow);

    public sealed class TwoDimensional() : PageRightsTests(MmuMode.TwoDimensional);

    public sealed class Translated() : PageRightsTests(MmuMode.Shadow, SoftwareEngine.Translator);

    private const ulong Page = 0x20_0000;
    private const ulong Frame = 0x40_0000;
    private const int Absent = 0;
    private const int Ro = 1;
    private const int Rw = 3;
    private const int UserRo = 5;
    private const int UserRw = 7;

    [Theory]
    // CPL, rights, access, CR0.WP, CR4 bits, RFLAGS.AC -> outcome (error code: 1 present, 2 write, 4 user, 10 fetch)
    [InlineData(0, Absent, "read", 1, 0UL, false, "#14(0)")]
    [InlineData(0, Absent, "write", 1, 0UL, false, "#14(2)")]
    [InlineData(0, Absent, "fetch", 1, 0UL, false, "#14(10)")]
    [InlineData(3, Absent, "read", 1, 0UL, false, "#14(4)")]
    [InlineData(3, Absent, "write", 1, 0UL, false, "#14(6)")]
    [InlineData(3, Absent, "fetch", 1, 0UL, false, "#14(14)")]
    [InlineData(0, Ro, "read", 1, 0UL, false, "ok")]
    [InlineData(0, Ro, "write", 1, 0UL, false, "#14(3)")]
    [InlineData(0, Ro, "write", 0, 0UL, false, "ok")]
    [InlineData(0, Ro, "rmw", 1, 0UL, false, "#14(3)")]
    [InlineData(0, UserRo, "write", 1, 0UL, false, "#14(3)")]
    [InlineData(0, UserRo, "write", 0, 0UL, false, "ok")]
    [InlineData(3, Rw, "read", 1, 0UL, false, "#14(5)")]
    [InlineData(3, Rw, "write", 1, 0UL, false, "#14(7)")]
    [InlineData(3, Rw, "fetch", 1, 0UL, false, "#14(15)")]
    [InlineData(3, UserRo, "read", 1, 0UL, false, "ok")]
    [InlineData(3, UserRo, "write", 1, 0UL, false, "#14(7)")]
    [InlineData(3, UserRo, "write", 0, 0UL, false, "#14(7)")] // WP is for the supervisor
    [InlineData(3, UserRo, "fetch", 1, 0UL, false, "ok")]
    [InlineData(3, UserRw, "rmw", 1, 0UL, false, "ok")]
    [InlineData(0, UserRw, "fetch", 1, 0UL, false, "ok")]
    [InlineData(0, UserRw, "fetch", 1, Cr4.SMEP, false, "#14(11)")]
    [InlineData(3, UserRw, "fetch", 1, Cr4.SMEP, false, "ok")]
    [InlineData(0, Rw, "fetch", 1, Cr4.SMEP, false, "ok")]
    [InlineData(0, UserRw, "read", 1, Cr4.SMAP, false, "#14(1)")]
    [InlineData(0, UserRw, "write", 1, Cr4.SMAP, false, "#14(3)")]
    [InlineData(0, UserRw, "write", 0, Cr4.SMAP, false, "#14(3)")]
    [InlineData(0, UserRw, "read", 1, Cr4.SMAP, true, "ok")]
    [InlineData(0, UserRo, "write", 1, Cr4.SMAP, true, "#14(3)")]
    [InlineData(0, UserRo, "write", 0, Cr4.SMAP, true, "ok")]
    [InlineData(3, UserRw, "write", 1, Cr4.SMAP, false, "ok")]
    [InlineData(0, Rw, "write", 1, Cr4.SMAP, false, "ok")]
    public void Rights(int cpl, int rights, string access, int wp, ulong cr4, bool ac, string expected)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(M.Code, M.Code, M.P | M.W | (cpl == 3 ? M.U : 0));
        m.Map(Page, Frame, (ulong)rights);
        m.Write(Frame, 0xF4);
        if (cpl == 3) m.User();
        if (wp == 0) m.State.Cr0 &= ~Cr0.WP;
        m.State.Cr4 |= cr4;
        if (ac) m.State.Rflags |= Rflags.AC;
        m[Gpr.Rbx] = Page;
        Assert.Equal(expected, m.Run(a => Access(a, access)));
        ulong entry = m.Read(m.Entry(Page), 8);
        if (expected != "ok")
        {
            Assert.Equal(Page, m.State.Cr2);
            Assert.Equal(access == "fetch" ? Page : M.Code, m.State.Rip);
            Assert.Equal(0UL, entry & M.D);
            return;
        }

        Assert.Equal(M.A, entry & M.A);
        Assert.Equal(access is "write" or "rmw" ? M.D : 0, entry & M.D);
    }

    [Theory]
    [InlineData("read", "ok")]
    [InlineData("fetch", "#14(11)")]
    public void ExecuteDisable(string access, string expected)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Page, Frame, M.P | M.W | M.Nx);
        m[Gpr.Rbx] = Page;
        Assert.Equal(expected, m.Run(a => Access(a, access)));
    }

    [Fact]
    public void ExecuteDisableBitIsReservedWithoutNxe()
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Page, Frame, M.P | M.W | M.Nx);
        m.State.Efer &= ~Efer.NXE;
        m[Gpr.Rbx] = Page;
        Assert.Equal("#14(9)", m.Run(a => Access(a, "read")));

        // Neither NXE nor SMEP: the error code doesn't tell fetches apart.
        using M other = new(mmu: mmu, engine: engine);
        other.State.Efer &= ~Efer.NXE;
        other[Gpr.Rbx] = Page;
        Assert.Equal("#14(0)", other.Run(a => Access(a, "fetch")));
    }

    [Theory]
    [InlineData("stac", "ok")]
    [InlineData("clac", "#14(1)")]
    [InlineData("popf", "ok")]
    [InlineData("popf clear", "#14(1)")]
    [InlineData("iret", "ok")]
    public void AcOpensSmapAtOnce(string how, string expected)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(M.Code, M.Code, M.P | M.W);
        m.Map(Page, Frame, M.P | M.W | M.U);
        m.State.Cr4 |= Cr4.SMAP;
        if (how is "clac" or "popf clear") m.State.Rflags |= Rflags.AC;
        m[Gpr.Rbx] = Page;
        Assert.Equal(expected, m.Run(a =>
        {
            Label target = a.CreateLabel();
            switch (how)
            {
                case "stac":
                    a.stac();
                    break;
                case "clac":
                    a.mov(eax, __dword_ptr[rbx]);
                    a.clac();
                    break;
                case "iret":
                    a.mov(rax, rsp);
                    a.push(0x10);
                    a.push(rax);
                    a.push((int)(Rflags.Fixed | Rflags.AC));
                    a.push(0x28);
                    a.lea(rax, __qword_ptr[target]);
                    a.push(rax);
                    a.iretq();
                    break;
                default:
                    a.push(how == "popf" ? (int)(Rflags.Fixed | Rflags.AC) : (int)Rflags.Fixed);
                    a.popfq();
                    break;
            }

            a.Label(ref target);
            a.mov(eax, __dword_ptr[rbx]);
        }));
    }

    [Theory]
    [InlineData(PagingMode.Bits32, 12)]
    [InlineData(PagingMode.Bits32, 22)]
    [InlineData(PagingMode.Pae, 12)]
    [InlineData(PagingMode.Pae, 21)]
    [InlineData(PagingMode.FourLevel, 12)]
    [InlineData(PagingMode.FourLevel, 21)]
    [InlineData(PagingMode.FourLevel, 30)]
    public void EveryPageSize(PagingMode paging, int shift)
    {
        const ulong Linear = 0x8040_0000;
        using M m = new(paging, mmu: mmu, engine: engine);
        const ulong GibibyteOffset = 0x40_0000;
        ulong start = Linear & ~((1UL << shift) - 1);
        ulong frame = shift == 30 ? 0 : Frame;
        m.Map(start, frame, M.P | M.W, shift);
        m.Store(Frame + 8, 0x1234_5678, 4);
        m.Write(Frame + 0x20, 0xF4);
        Assert.Equal(shift == 30 ? GibibyteOffset : 0, Linear - start);
        m[Gpr.Rbx] = Linear;
        Assert.Equal(M.P | M.W, m.Read(m.Entry(start, shift), 4) & 0x67);
        Assert.Equal("ok", m.Run(a => a.mov(eax, paging == PagingMode.FourLevel ? __dword_ptr[rbx + 8] : __dword_ptr[ebx + 8])));
        Assert.Equal(0x1234_5678UL, m[Gpr.Rax]);
        Assert.Equal(M.P | M.W | M.A, m.Read(m.Entry(start, shift), 4) & 0x67);
        m[Gpr.Rax] = 0xABCD;
        Assert.Equal("ok", m.Run(a =>
        {
            if (paging == PagingMode.FourLevel)
            {
                a.mov(__dword_ptr[rbx + 12], eax);
                a.lea(rbx, __qword_ptr[rbx + 0x20]);
                a.jmp(rbx);
            }
            else
            {
                a.mov(__dword_ptr[ebx + 12], eax);
                a.lea(ebx, __dword_ptr[ebx + 0x20]);
                a.jmp(ebx);
            }
        }));
        Assert.Equal(0xABCDUL, m.Read(Frame + 12, 4));
        Assert.Equal(M.P | M.W | M.A | M.D, m.Read(m.Entry(start, shift), 4) & 0x67);
        Assert.Equal(Linear + 0x21, m.State.Rip);
    }

    [Theory]
    [InlineData("x86-64-v1", "#14(9)")]
    [InlineData("x86-64-v2", "ok")]
    public void GigabytePagesFollowCpuid(string model, string expected)
    {
        using M m = new(model: CpuModels.Get(model), mmu: mmu, engine: engine);
        m.Map(0x8000_0000, 0, M.P | M.W, 30);
        m[Gpr.Rbx] = 0x8000_0000;
        Assert.Equal(expected, m.Run(a => a.mov(eax, __dword_ptr[rbx])));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public void OperandsThatCrossIntoAFaultingPage(int inFirstPage)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Page, Frame, M.P | M.W);
        m.Map(Page + 0x1000, Frame + 0x1000, M.P);
        ulong address = Page + 0x1000 - (ulong)inFirstPage;
        m.Store(Frame + 0x1000 - 8, 0x1111_1111_1111_1111, 8);
        m.Store(Frame + 0x1000, 0x2222_2222_2222_2222, 8);
        foreach (Action<Assembler> emit in (Action<Assembler>[])
            [a => a.mov(__qword_ptr[rbx], rax), a => a.add(__qword_ptr[rbx], rax), a => a.xchg(__qword_ptr[rbx], rax),
             a => a.@lock.xadd(__qword_ptr[rbx], rax), a => a.movups(__xmmword_ptr[rbx], xmm0), a => a.pop(__qword_ptr[rbx])])
        {
            m.State.Rflags = Rflags.Fixed;
            m[Gpr.Rbx] = address;
            m[Gpr.Rax] = 5;
            m[Gpr.Rsp] = M.KernelStack - 0x100;
            m.State.Segments[Seg.Cs] = new(0x28, 0, uint.MaxValue, 0xA09B);
            Assert.Equal("#14(3)", m.Run(emit));
            Assert.Equal(Page + 0x1000, m.State.Cr2);
            Assert.Equal(M.Code, m.State.Rip);
            Assert.Equal(5UL, m[Gpr.Rax]);
            Assert.Equal(M.KernelStack - 0x100, m[Gpr.Rsp]);
            Assert.Equal(0x1111_1111_1111_1111UL, m.Read(Frame + 0x1000 - 8, 8));
            Assert.Equal(0x2222_2222_2222_2222UL, m.Read(Frame + 0x1000, 8));
        }
    }

    [Theory]
    [InlineData(false, 0, "#14(2)")]
    [InlineData(false, 1, "#14(0)")]
    [InlineData(true, 0, "#14(2)")]
    public void RepMovsStopsAtTheFaultingElement(bool down, int faultingOperand, string expected)
    {
        // SDM vol. 2, REP: after a fault the registers point at the element that was not moved.
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Page, Frame, M.P | M.W);
        m.Map(Page + 0x10000, Frame + 0x1000, M.P | M.W);
        ulong good = Page + 0x10000 + 0x400;
        ulong edge = down ? Page : Page + 0x1000;
        const int Before = 3;
        ulong faulting = down ? edge + ((Before - 1) * 4) : edge - (Before * 4);
        m[Gpr.Rsi] = faultingOperand == 0 ? good : faulting;
        m[Gpr.Rdi] = faultingOperand == 0 ? faulting : good;
        m[Gpr.Rcx] = 10;
        if (down) m.State.Rflags |= Rflags.DF;
        Assert.Equal(expected, m.Run(a => a.rep.movsd()));
        ulong step = down ? unchecked((ulong)-4 * Before) : 4 * Before;
        ulong stopped = down ? edge - 4 : edge;
        Assert.Equal(7UL, m[Gpr.Rcx]);
        Assert.Equal(stopped, m[faultingOperand == 0 ? Gpr.Rdi : Gpr.Rsi]);
        Assert.Equal(good + step, m[faultingOperand == 0 ? Gpr.Rsi : Gpr.Rdi]);
        Assert.Equal(stopped, m.State.Cr2);
        Assert.Equal(M.Code, m.State.Rip);
    }

    [Theory]
    [InlineData(true, 0x14UL)] // the fifth register is the first below the page: all eight are undone
    [InlineData(false, 0x14UL)]
    public void PushaAndPopaFaultAsAWhole(bool push, ulong room)
    {
        using M m = new(PagingMode.Bits32, mmu: mmu, engine: engine);
        m.Map(Page, Frame, M.P | M.W);
        ulong esp = push ? Page + room : Page + 0x1000 - room;
        for (int i = 0; i < 8; i++) m[i] = 0x1010_1010UL * (ulong)(i + 1);
        m.User();
        m.Map(Page, Frame, M.P | M.W | M.U);
        m[Gpr.Rsp] = esp;
        Assert.Equal(push ? "#14(6)" : "#14(4)", m.Run(a =>
        {
            if (push) a.pushad();
            else a.popad();
        }));
        Assert.Equal(esp, m[Gpr.Rsp]);
        Assert.Equal(M.Code, m.State.Rip);
        for (int i = 0; i < 8; i++)
        {
            if (i != Gpr.Rsp) Assert.Equal(0x1010_1010UL * (ulong)(i + 1), m[i]);
        }
    }

    [Fact]
    public void Cmpxchg16bNeedsWriteAccessEvenWhenItFails()
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Page, Frame, M.P);
        m.Store(Frame, 99, 8);
        m[Gpr.Rbx] = 1;
        m[Gpr.Rsi] = Page;
        m[Gpr.Rax] = 3;
        m[Gpr.Rdx] = 4;
        Assert.Equal("#14(3)", m.Run(a => a.cmpxchg16b(__xmmword_ptr[rsi])));
        Assert.Equal(3UL, m[Gpr.Rax]);
        Assert.Equal(4UL, m[Gpr.Rdx]);
        Assert.Equal(0UL, m.State.Rflags & Rflags.ZF);
        Assert.Equal(99UL, m.Read(Frame, 8));
    }

    [Theory]
    [InlineData("mov rax,[rbx]", "#13(0)")]
    [InlineData("mov rax,[rbp]", "#12(0)")]
    [InlineData("push", "#12(0)")]
    [InlineData("call", "#12(0)")]
    [InlineData("jmp", "#13(0)")]
    [InlineData("last byte", "#13(0)")]
    [InlineData("last byte of stack", "#12(0)")]
    [InlineData("fs", "#13(0)")]
    public void AddressesThatAreNotCanonical(string form, string expected)
    {
        // At CPL 3, so that the handler's stack comes from the TSS.
        const ulong Edge = 0x0000_8000_0000_0000;
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Edge - 0x1000, Frame, M.P | M.W | M.U);
        m[Gpr.Rbx] = form == "last byte" ? Edge - 7 : Edge;
        m[Gpr.Rbp] = Edge;
        m[Gpr.Rax] = 77;
        Assert.Equal(expected, m.User().Run(a =>
        {
            switch (form)
            {
                case "mov rax,[rbx]" or "last byte":
                    a.mov(rax, __qword_ptr[rbx]);
                    break;
                case "mov rax,[rbp]":
                    a.mov(rax, __qword_ptr[rbp]);
                    break;
                case "push":
                    a.mov(rsp, Edge + 8);
                    a.push(rax);
                    break;
                case "call":
                    a.mov(rsp, Edge + 8);
                    a.call(rax);
                    break;
                case "last byte of stack":
                    a.mov(rsp, Edge - 7);
                    a.pop(rax);
                    break;
                case "fs":
                    a.mov(rax, __qword_ptr.fs[rbx]);
                    break;
                default:
                    a.jmp(rbx);
                    break;
            }
        }));
        Assert.Equal(77UL, m[Gpr.Rax]);
        Assert.Equal(0UL, m.State.Cr2);
    }

    [Theory]
    [InlineData(0x1_2345_6000UL, 0x1_2345_6010UL)] // FS has its whole base
    [InlineData(0x7FFF_FFF0UL, 0x8000_0000UL)]
    public void ThirtyTwoBitAddressesIn64BitCodeAddTheWholeBaseOfFs(ulong fs, ulong linear)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(linear & ~0xFFFUL, Frame, M.P | M.W);
        m.Store(Frame + (linear & 0xFFF), 0x66, 8);
        m.State.Segments[Seg.Fs] = new(0x10, fs, uint.MaxValue, 0xC093);
        m.State.Segments[Seg.Ds] = new(0x10, 0x5000, uint.MaxValue, 0xC093);
        m[Gpr.Rbx] = 0xFFFF_FFFF_0000_0010;
        Assert.Equal("ok", m.Run(a => a.mov(rax, __qword_ptr.fs[ebx])));
        Assert.Equal(0x66UL, m[Gpr.Rax]);

        // And DS has none.
        m.Map(Page, Frame, M.P);
        m[Gpr.Rbx] = Page + (linear & 0xFFF);
        m[Gpr.Rax] = 0;
        Assert.Equal("ok", m.Run(a => a.mov(rax, __qword_ptr[ebx])));
        Assert.Equal(0x66UL, m[Gpr.Rax]);
    }

    private static void Access(Assembler a, string access)
    {
        switch (access)
        {
            case "read":
                a.mov(eax, __dword_ptr[rbx]);
                break;
            case "write":
                a.mov(__byte_ptr[rbx], 0xF4);
                break;
            case "rmw":
                a.inc(__dword_ptr[rbx]);
                break;
            default:
                a.jmp(rbx);
                break;
        }
    }
}
