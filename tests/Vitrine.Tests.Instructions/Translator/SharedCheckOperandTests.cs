using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using static Vitrine.Tests.Software.Translator.SharedCheckGuest;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>As <see cref="SharedCheckTests"/>, where not only registers make the address: with a base of FS or GS, and relative to RIP.</summary>
public abstract class SharedCheckOperandTests(SoftwareEngine engine)
{
    // Not a multiple of anything that structures are aligned to.
    private const ulong Base = 0x1009;

    public sealed class Interpreted() : SharedCheckOperandTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : SharedCheckOperandTests(SoftwareEngine.Translator);

    [Theory]
    [InlineData("fs", -32, "ok")]
    [InlineData("fs", -24, "#14(2)")]
    [InlineData("fs", -4, "#14(2)")]
    [InlineData("gs", -32, "ok")]
    [InlineData("gs", -31, "#14(2)")]
    [InlineData("gs", -8, "#14(2)")]
    public void StoresToAStructureOfASegmentAtAPagesEnd(string segment, int place, string expected)
    {
        using M m = Machine(segment);
        m.Map(Second, 0, 0);
        RunResult end = Twenty(m, a =>
        {
            for (int i = 0; i < 4; i++) a.mov(In(segment, rbx + (i * 8)), rax);
        }, Second + (ulong)(long)place - Base);
        Assert.Equal(expected, end);
        if (expected != "ok") Assert.Equal(Second, m.State.Cr2);
        for (int i = 0; i < 4; i++)
        {
            ulong store = Second + (ulong)(long)(place + (i * 8));
            if (store + 8 <= Second) Assert.Equal(Pattern, m.Read(store, 8));
            else if (store < Second) Assert.Equal(0UL, m.Read(store, (int)(Second - store)));
        }
    }

    [Theory]
    [InlineData("fs")]
    [InlineData("gs")]
    public void TheSameRegistersWithASegmentAndWithout(string segment)
    {
        using M m = Machine(segment);
        m.Map(Second, Elsewhere, M.P | M.W | M.A | M.D);
        for (ulong i = 0; i < 3; i++)
        {
            m.Store(First + 0x100 + (i * 8), 1 + i, 8);
            m.Store(Elsewhere + 0x109 + (i * 8), 11 + i, 8);
        }

        Assert.Equal("ok", Twenty(m, a =>
        {
            a.mov(rcx, __qword_ptr[rbx]);
            a.mov(rdx, In(segment, rbx + 0));
            a.mov(rsi, __qword_ptr[rbx + 8]);
            a.mov(rdi, In(segment, rbx + 8));
            a.mov(r9, In(segment, rbx + 16));
            a.mov(r10, __qword_ptr[rbx + 16]);
        }, First + 0x100));
        Assert.Equal((1UL, 2UL, 3UL), (m[Gpr.Rcx], m[Gpr.Rsi], m[10]));
        Assert.Equal((11UL, 12UL, 13UL), (m[Gpr.Rdx], m[Gpr.Rdi], m[9]));
    }

    /// <summary>FS and GS are one register each, and one check each.</summary>
    [Fact]
    public void TheSameRegistersWithBothSegments()
    {
        using M m = Machine("gs");
        m.Map(Second, Elsewhere, M.P | M.W | M.A | M.D);
        for (ulong i = 0; i < 2; i++)
        {
            m.Store(First + 0x100 + (i * 8), 1 + i, 8);
            m.Store(Elsewhere + 0x109 + (i * 8), 11 + i, 8);
        }

        Assert.Equal("ok", Twenty(m, a =>
        {
            a.mov(rcx, __qword_ptr.fs[rbx]);
            a.mov(rdx, __qword_ptr.gs[rbx]);
            a.mov(rsi, __qword_ptr.fs[rbx + 8]);
            a.mov(rdi, __qword_ptr.gs[rbx + 8]);
        }, First + 0x100));
        Assert.Equal((1UL, 2UL, 11UL, 12UL), (m[Gpr.Rcx], m[Gpr.Rsi], m[Gpr.Rdx], m[Gpr.Rdi]));
    }

    /// <summary>Behind SWAPGS the same operand is another address: in another page, or in none.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void SwapGsBetweenTwoAccesses(bool isMapped, bool inLoop)
    {
        using M m = Machine("");
        m.State.Msrs[Msr.IA32_KERNEL_GS_BASE] = Base;
        m.Map(Second, Elsewhere, isMapped ? M.P | M.W | M.A | M.D : 0);
        for (ulong i = 0; i < 2; i++)
        {
            m.Store(First + 0x100 + (i * 8), 1 + i, 8);
            m.Store(Elsewhere + 0x109 + (i * 8), 11 + i, 8);
        }

        RunResult end = Twenty(m, a =>
        {
            Label accesses = a.CreateLabel();

            // A block that is its own loop checks otherwise than one that isn't.
            if (!inLoop) a.jmp(accesses);
            a.Label(ref accesses);
            a.mov(rcx, __qword_ptr.gs[rbx]);
            a.mov(rdx, __qword_ptr.gs[rbx + 8]);
            a.swapgs();
            a.mov(rsi, __qword_ptr.gs[rbx]);
            a.mov(rdi, __qword_ptr.gs[rbx + 8]);
            a.swapgs();
            a.mov(r9, __qword_ptr.gs[rbx]);
        }, First + 0x100);
        Assert.Equal((1UL, 2UL), (m[Gpr.Rcx], m[Gpr.Rdx]));
        Assert.Equal(isMapped ? "ok" : "#14(0)", end);
        if (isMapped) Assert.Equal((11UL, 12UL, 1UL), (m[Gpr.Rsi], m[Gpr.Rdi], m[9]));
        else Assert.Equal(First + 0x100 + Base, m.State.Cr2);
    }

    [Theory]
    [InlineData(-8, "ok")]
    [InlineData(-7, "#14(0)")]
    [InlineData(-4, "#14(0)")]
    [InlineData(0, "#14(0)")]
    public void AddressesRelativeToRipAtAPagesEnd(int place, string expected)
    {
        using M m = Machine("");
        m.Map(Second, 0, 0);
        m.Store(Second - 32, 1, 8);
        m.Store(Second - 24, 2, 8);
        RunResult end = Twenty(m, a =>
        {
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RCX, ByRip(Second - 32)));
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RDX, ByRip(Second - 24)));
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RSI, ByRip(Second + (ulong)(long)place)));
        }, First);
        Assert.Equal(expected, end);
        Assert.Equal((1UL, 2UL), (m[Gpr.Rcx], m[Gpr.Rdx]));
        if (expected != "ok") Assert.Equal(Second, m.State.Cr2);
    }

    [Fact]
    public void AWriteRelativeToRipBehindAReadOfAReadOnlyPageFaults()
    {
        using M m = Machine("");
        m.Map(First, First, M.P | M.A);
        m.Store(First + 0x100, 1, 8);
        RunResult end = Twenty(m, a =>
        {
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RCX, ByRip(First + 0x100)));
            a.AddInstruction(Instruction.Create(Code.Mov_rm64_r64, ByRip(First + 0x110), Register.RAX));
        }, First);
        Assert.Equal("#14(3)", end);
        Assert.Equal((1UL, First + 0x110), (m[Gpr.Rcx], m.State.Cr2));
        Assert.Equal(0UL, m.Read(First + 0x110, 8));
    }

    [Fact]
    public void APageRelativeToRipThatIsMappedElsewhereBetweenTwoAccesses()
    {
        using M m = Machine("");
        m.Store(First + 0x100, 1, 8);
        m.Store(Second + 0x100, 2, 8);
        m.Store(Elsewhere + 0x108, 3, 8);
        ulong entry = m.Entry(First);
        m.Map(0x20_0000, entry & ~0xFFFUL, M.P | M.W | M.A | M.D);
        m[12] = 0x20_0000 + (entry & 0xFFF);
        m[13] = Elsewhere | M.P | M.W | M.A | M.D;
        m[15] = First | M.P | M.W | M.A | M.D;
        Assert.Equal("ok", Twenty(m, a =>
        {
            a.mov(__qword_ptr[r12], r15);
            a.invlpg(__byte_ptr[rbx]);
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RCX, ByRip(First + 0x100)));
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RDX, ByRip(Second + 0x100)));
            a.mov(__qword_ptr[r12], r13);
            a.mov(r9, First);
            a.invlpg(__byte_ptr[r9]);
            a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RSI, ByRip(First + 0x108)));
        }, First));
        Assert.Equal((1UL, 2UL, 3UL), (m[Gpr.Rcx], m[Gpr.Rdx], m[Gpr.Rsi]));
    }

    private static AssemblerMemoryOperand In(string segment, AssemblerMemoryOperand address) => segment == "fs" ? __qword_ptr.fs[address] : __qword_ptr.gs[address];

    private static MemoryOperand ByRip(ulong address) => new(Register.RIP, (long)address, 8);

    // Its FS or GS begins at Base, or neither does.
    private M Machine(string segment)
    {
        M m = SharedCheckGuest.Machine(engine);

        // Where the usual address leads with that base.
        m.Map(Usual + 0x1000, Usual + 0x1000, M.P | M.W | M.A | M.D);
        if (segment != "") m.State.Segments[segment == "fs" ? Seg.Fs : Seg.Gs] = new(0x10, Base, uint.MaxValue, 0xC093);
        return m;
    }
}
