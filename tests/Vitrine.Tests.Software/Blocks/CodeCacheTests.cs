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

namespace Vitrine.Tests.Software.Blocks;

/// <summary>
/// Decoded code never outlives the bytes or the translation it came from (SDM vol. 3, 8.1.3 "Handling Self- and
/// Cross-Modifying Code" on one processor: a write is seen by the next instruction after a jump at the latest; our CPU keeps
/// the stronger order of the Pentium and later, where a store is seen by the very next instruction).
/// </summary>
public abstract class CodeCacheTests(MmuMode mmu, SoftwareEngine engine = SoftwareEngine.Interpreter)
{
    public sealed class Shadow() : CodeCacheTests(MmuMode.Shadow);

    public sealed class TwoDimensional() : CodeCacheTests(MmuMode.TwoDimensional);

    public sealed class Translated() : CodeCacheTests(MmuMode.Shadow, SoftwareEngine.Translator);

    // MOV EAX, imm32 is B8 and the immediate: most tests patch that immediate.
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Frame = 0x40_0000;

    [Fact]
    public void StoreChangesTheNextInstructionOfTheBlock()
    {
        using M m = new(mmu: mmu, engine: engine);
        Assert.Equal("ok", m.Run(a =>
        {
            Label patched = a.CreateLabel();
            a.lea(rcx, __qword_ptr[patched]);
            a.mov(__dword_ptr[rcx + 1], 0x2222);
            a.Label(ref patched);
            a.mov(eax, 0x1111);
            a.mov(edx, eax);
        }));
        Assert.Equal(0x2222UL, m[Gpr.Rdx]);
    }

    [Fact]
    public void StoreChangesALinkedBlock()
    {
        using M m = new(mmu: mmu, engine: engine);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label body = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(esi, 5);
            a.lea(rcx, __qword_ptr[body]);
            a.Label(ref loop);
            a.jmp(body);
            a.Label(ref body);
            a.mov(eax, 1);
            a.add(edx, eax);
            a.inc(__dword_ptr[rcx + 1]);
            a.dec(esi);
            a.jnz(loop);
        }));
        Assert.Equal(1UL + 2 + 3 + 4 + 5, m[Gpr.Rdx]);
    }

    [Fact]
    public void WritesBesideTheCodeOfItsPageLeaveItAlone()
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Store(0x8800, 0, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(esi, 100);
            a.Label(ref loop);
            a.add(__qword_ptr[0x8800], 3);
            a.dec(esi);
            a.jnz(loop);
        }));
        Assert.Equal(300UL, m.Read(0x8800, 8));
        Assert.Equal(0UL, m.Vcpu.Blocks.Invalidations);
    }

    [Fact]
    public void WriteThroughOneAddressChangesWhatRunsAtAnother()
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Elsewhere, Frame, M.P);
        m.Map(Elsewhere + 0x1000, Frame, M.P | M.W);
        m.Place(Frame, a =>
        {
            a.mov(eax, 1);
            a.ret();
        });
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Elsewhere);
            a.call(rbx);
            a.mov(edx, eax);
            a.mov(__dword_ptr[rbx + 0x1001], 7);
            a.call(rbx);
        }));
        Assert.Equal(1UL, m[Gpr.Rdx]);
        Assert.Equal(7UL, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void SecondHalfOfACrossingInstructionIsModified(int inFirstPage)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Map(Elsewhere + 0x1000, Frame + 0x5000, M.P | M.W);
        byte[] code = [0xB8, 0x11, 0x11, 0x11, 0x11, 0xC3];
        m.Write(Frame + 0x1000 - (ulong)inFirstPage, code[..inFirstPage]);
        m.Write(Frame + 0x5000, code[inFirstPage..]);
        ulong entry = Elsewhere + 0x1000 - (ulong)inFirstPage;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)entry);
            a.call(rbx);
            a.mov(edx, eax);
            a.mov(__byte_ptr[rbx + 4], 0x99);
            a.call(rbx);
        }));
        Assert.Equal(0x1111_1111UL, m[Gpr.Rdx]);
        Assert.Equal(0x9911_1111UL, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SecondHalfOfACrossingInstructionIsRemapped(bool byCr3)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(M.Tables, M.Tables, M.P | M.W);
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Map(Elsewhere + 0x1000, Frame + 0x5000, M.P | M.W);
        m.Write(Frame + 0xFFE, 0xB8, 0x11);
        m.Write(Frame + 0x5000, 0x11, 0x11, 0x11, 0xC3);
        m.Write(Frame + 0x6000, 0x22, 0x22, 0x22, 0xC3);
        Assert.Equal("ok", RunWithRemap(m, Elsewhere + 0xFFE, Elsewhere + 0x1000, Frame + 0x6000, byCr3));
        Assert.Equal(0x1111_1111UL, m[Gpr.Rdx]);
        Assert.Equal(0x2222_2211UL, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CodePageIsRemapped(bool byCr3)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Write(Frame, 0xB8, 1, 0, 0, 0, 0xC3);
        m.Write(Frame + 0x1000, 0xB8, 2, 0, 0, 0, 0xC3);
        Assert.Equal("ok", RunWithRemap(m, Elsewhere, Elsewhere, Frame + 0x1000, byCr3));
        Assert.Equal(1UL, m[Gpr.Rdx]);
        Assert.Equal(2UL, m[Gpr.Rax]);
    }

    [Fact]
    public void InvlpgOfTwoCodePagesInTurn()
    {
        // Dropping the first page must not make the second one's INVLPG look needless.
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Elsewhere, Frame, M.P);
        m.Map(Elsewhere + 0x1000, Frame + 0x1000, M.P);
        for (ulong i = 0; i < 4; i++) m.Write(Frame + (i * 0x1000), 0xB8, (byte)(i + 1), 0, 0, 0, 0xC3);
        Map(m, M.Tables);
        ulong first = m.Entry(Elsewhere);
        ulong second = m.Entry(Elsewhere + 0x1000);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, (uint)Elsewhere + 0x1000);
            a.call(rbx);
            a.call(rbp);
            a.mov(rdi, Frame + 0x2001);
            a.mov(__qword_ptr[first], rdi);
            a.invlpg(__byte_ptr[rbx]);
            a.call(rbp);
            a.call(rbx);
            a.mov(edx, eax);
            a.mov(rdi, Frame + 0x3001);
            a.mov(__qword_ptr[second], rdi);
            a.invlpg(__byte_ptr[rbp]);
            a.call(rbp);
        }));
        Assert.Equal(3UL, m[Gpr.Rdx]);
        Assert.Equal(4UL, m[Gpr.Rax]);
    }

    [Fact]
    public void RepMovsOverCode()
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Write(Frame, 0xB8, 1, 0, 0, 0, 0xC3);
        m.Write(Frame + 0x800, 0xB8, 2, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Elsewhere);
            a.call(rbx);
            a.mov(edx, eax);
            a.mov(rdi, rbx);
            a.lea(rsi, __qword_ptr[rbx + 0x800]);
            a.mov(ecx, 6);
            a.rep.movsb();
            a.call(rbx);
        }));
        Assert.Equal(1UL, m[Gpr.Rdx]);
        Assert.Equal(2UL, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData(16, 0x4241UL)]
    [InlineData(32, 0x00EB_4241UL)]
    [InlineData(64, 0x00EB_4241UL)]
    public void ImmediateHasTheSizeOfTheMode(int bits, ulong expected)
    {
        // XOR EAX,EAX; 40: INC EAX, or a REX prefix; B8: MOV with an immediate of the operand size; in 16-bit code then a jump.
        byte[] code = [0x31, 0xC0, 0x40, 0xB8, 0x41, 0x42, 0xEB, 0x00, 0xF4];
        using M m = new(bits == 64 ? PagingMode.FourLevel : PagingMode.None, bits, mmu: mmu, engine: engine);
        m.Write(M.Code, code);
        m.Write(M.Code + 9, 0xF4);
        Assert.Equal("ok", m.Run());
        Assert.Equal(expected, m[Gpr.Rax]);
    }

    [Fact]
    public void OnePageRunsInThreeModes()
    {
        // 67 B8 34 12 EB 05: in 16-bit code MOV AX,1234h and a jump; in 32- and 64-bit code MOV EAX,05EB1234h.
        using M m = new(bits: 64, mmu: mmu, engine: engine);
        m.Write(0x9000, 0x67, 0xB8, 0x34, 0x12, 0xEB, 0x05, 0xCB, 0x90, 0x90, 0x90, 0x90, 0xCB);
        Assert.Equal("ok", m.Run(a =>
        {
            // 64-bit code returns with a 32-bit far return from 32- and 64-bit code, a 16-bit one from 16-bit code.
            a.mov(edi, 0xA000);
            a.mov(__dword_ptr[rdi], 0x9000);
            foreach (ushort selector in (ReadOnlySpan<ushort>)[0x28, 0x08, 0x28])
            {
                a.xor(eax, eax);
                a.mov(__word_ptr[rdi + 4], selector);
                a.call(__fword_ptr[rdi]);
                a.push(rax);
            }

            a.xor(eax, eax);
            a.mov(__word_ptr[rdi], 0x9000);
            a.mov(__word_ptr[rdi + 2], 0x48);
            a.db(0x66, 0xFF, 0x1F);
            a.pop(rbx);
            a.pop(rcx);
            a.pop(rdx);
        }));
        Assert.Equal(0x1234UL, m[Gpr.Rax]);
        foreach (int register in (ReadOnlySpan<int>)[Gpr.Rbx, Gpr.Rcx, Gpr.Rdx]) Assert.Equal(0x05EB_1234UL, m[register]);
    }

    [Fact]
    public void FullArenaIsEmptiedWhileLinkedCodeRuns()
    {
        // Room for few blocks: 40 blocks in two loops fill it again and again.
        using M m = new(arenaBytes: 16 << 10, mmu: mmu, engine: engine);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.xor(eax, eax);
            a.mov(ecx, 20);
            a.Label(ref loop);
            for (int i = 0; i < 40; i++)
            {
                Label next = a.CreateLabel();
                a.add(eax, i);
                a.jmp(next);
                a.ud2();
                a.Label(ref next);
            }

            a.dec(ecx);
            a.jnz(loop);
        }));
        Assert.Equal(20UL * (39 * 40 / 2), m[Gpr.Rax]);
        Assert.True(m.Vcpu.Blocks.Flushes > 2);
    }

    [Fact]
    public void HostWritesAreSeenAfterPutState()
    {
        using M m = new(mmu: mmu, engine: engine);
        Assert.Equal("ok", m.Run(a => a.mov(eax, 1)));
        m.Store(M.Code + 1, 2, 4);
        m.State.Rip = M.Code;
        Assert.Equal("ok", m.Run());
        Assert.Equal(2UL, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SlotsThatShowOneMemoryShareTheirCode(bool throughReadOnlyAlias)
    {
        // As a board maps its firmware: read-only at the top, writable at the bottom.
        const ulong Alias = 0xFF_F000;
        using M m = new(mmu: mmu, engine: engine);
        MemorySlot alias = m.Memory.AddAlias("alias", new Gpa(Alias), 0x1000, m.Ram, Frame, throughReadOnlyAlias ? MemorySlotFlags.ReadOnly : MemorySlotFlags.None);
        m.Accelerator.SetMemorySlot(alias);
        m.Map(Elsewhere, throughReadOnlyAlias ? Alias : Frame, M.P | M.W);
        m.Map(Elsewhere + 0x1000, throughReadOnlyAlias ? Frame : Alias, M.P | M.W);
        m.Write(Frame, 0xB8, 1, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Elsewhere);

            // The writing translation is in the TLB before the code is decoded.
            a.mov(__byte_ptr[rbx + 0x1800], 1);
            a.call(rbx);
            a.mov(edx, eax);
            a.mov(__byte_ptr[rbx + 0x1001], 9);
            a.call(rbx);
        }));
        Assert.Equal(1UL, m[Gpr.Rdx]);
        Assert.Equal(9UL, m[Gpr.Rax]);
    }

    [Fact]
    public void SameIpInAnotherCodeSegment()
    {
        using M m = new(PagingMode.None, 16, mmu: mmu, engine: engine);
        RealMode(m, 0);
        for (int segment = 1; segment <= 2; segment++)
        {
            // mov ax, segment; add dx, ax; retf
            m.Write((ulong)segment << 16, 0xB8, (byte)segment, 0, 0x01, 0xC2, 0xCB);
        }

        Assert.Equal("ok", m.Run(a =>
        {
            a.xor(dx, dx);
            a.call(0x1000, 0);
            a.call(0x2000, 0);
            a.call(0x1000, 0);
        }));
        Assert.Equal(4UL, m[Gpr.Rdx] & 0xFFFF);
    }

    [Theory]
    [InlineData(0x1234u, 2, "#13(0)")] // the instruction behind the limit
    [InlineData(0x1233u, 0, "#13(0)")] // its last byte is behind the limit
    [InlineData(0x1235u, 2, "ok")]
    public void LimitOfCsEndsTheBlock(uint limit, int executed, string expected)
    {
        using M m = new(PagingMode.None, 32, mmu: mmu, engine: engine);
        m.Write(M.Code + 0x1233, 0x40, 0x40 /* INC EAX twice */, 0xF4);
        if (limit == 0x1233) m.Write(M.Code + 0x1233, 0xFF, 0xC0, 0xF4);
        SegmentRegister code = m.State.Segments[Seg.Cs];
        m.State.Segments[Seg.Cs] = new(code.Selector, M.Code, limit, code.Access & ~0x8000u); // in bytes
        m.State.Rip = 0x1233;
        m[Gpr.Rax] = 0;
        Assert.Equal(expected, m.Run());
        Assert.Equal((ulong)executed, m[Gpr.Rax]);
        if (expected != "ok") Assert.Equal(0x1233UL + (ulong)executed, m.State.Rip);
    }

    [Fact]
    public void SixteenBitBranchWrapsAt64KiB()
    {
        // CS bases that are no multiple of 4096 put both ends of the segment's wrap into one page.
        using M m = new(PagingMode.None, 16, mmu: mmu, engine: engine);
        const int Base = 0x10010;
        RealMode(m, Base >> 4);
        m.Write(Base, 0xF4);
        m.Write(Base + 0x20, 0x42, 0xF4); // inc dx; hlt
        m.Write(Base + 0xFFF0, 0x42, 0xEB, 0x2D); // inc dx; jmp 0x20
        m.Write(Base + 0x10020, 0x42, 0x42, 0x42, 0xF4);
        m.State.Rip = 0xFFF0;
        m[Gpr.Rdx] = 0;
        Assert.Equal("ok", m.Run());
        Assert.Equal(2UL, m[Gpr.Rdx]);

        // The same bytes through another segment, where nothing wraps.
        RealMode(m, (Base + 0x8000) >> 4);
        m.State.Rip = 0x7FF0;
        m[Gpr.Rdx] = 0;
        Assert.Equal("ok", m.Run());
        Assert.Equal(4UL, m[Gpr.Rdx]);
    }

    [Fact]
    public void CallThatOverwritesItsOwnBlock()
    {
        using M m = new(mmu: mmu, engine: engine);
        Assert.Equal("ok", m.Run(a =>
        {
            Label target = a.CreateLabel();
            Label back = a.CreateLabel();
            Label slot = a.CreateLabel();
            a.lea(rsp, __qword_ptr[slot]);
            a.mov(eax, 1);
            a.call(target);
            a.nop();
            a.nop();
            a.nop();
            a.nop();
            a.nop();
            a.nop();
            a.nop();
            a.nop();
            a.nop();
            a.Label(ref slot);
            a.jmp(back);
            a.Label(ref target);
            a.mov(edx, eax);
            a.Label(ref back);
        }));
        Assert.Equal(1UL, m[Gpr.Rdx]);
    }

    private static void Map(M m, ulong tables)
    {
        for (ulong page = 0; page < 0x10; page++) m.Map(tables + (page * 0x1000), tables + (page * 0x1000), M.P | M.W);
    }

    /// <summary>Calls a routine, keeps EAX in EDX, maps a page elsewhere, and calls it again.</summary>
    private static RunResult RunWithRemap(M m, ulong routine, ulong page, ulong frame, bool byCr3)
    {
        Map(m, M.Tables);
        ulong entry = m.Entry(page);
        return m.Run(a =>
        {
            a.mov(ebx, (uint)routine);
            a.mov(ebp, (uint)page);
            a.call(rbx);
            a.call(rbx);
            a.mov(edx, eax);
            a.mov(rdi, frame | M.P);
            a.mov(__qword_ptr[entry], rdi);
            if (byCr3)
            {
                a.mov(rdi, cr3);
                a.mov(cr3, rdi);
            }
            else
            {
                a.invlpg(__byte_ptr[rbp]);
            }

            a.call(rbx);
        });
    }

    private static void RealMode(M m, int cs)
    {
        m.State.Cr0 = Cr0.ET;
        m.State.Segments[Seg.Cs] = new((ushort)cs, (ulong)cs << 4, 0xFFFF, 0x9B);
        foreach (int i in (ReadOnlySpan<int>)[Seg.Es, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs]) m.State.Segments[i] = new(0, 0, 0xFFFF, 0x93);
        m.State.Idtr = new(0x2000, 0xFFF);
        m[Gpr.Rsp] = 0x7000;
    }
}
