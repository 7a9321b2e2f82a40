using Iced.Intel;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Code that changes what stands beside it in its page, and itself: a store is seen by the very next instruction (SDM vol. 3, 8.1.3).</summary>
public abstract class OwnCodeTests(CodeSetting setting)
{
    private const uint Rounds = 300;
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : OwnCodeTests(CodeSetting.Interpreter);

    public sealed class Translated() : OwnCodeTests(CodeSetting.Translator);

    public sealed class TranslatedTwoDimensional() : OwnCodeTests(CodeSetting.TranslatorTwoDimensional);

    public sealed class TranslatedInSmallCaches() : OwnCodeTests(CodeSetting.TranslatorInSmallCaches);

    [Fact]
    public void DataBesideCodeIsCountedRight()
    {
        // The counter's page holds code, which is written to once in a while.
        using M m = setting.Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label skip = a.CreateLabel();
            Label counter = a.CreateLabel();
            Label patched = a.CreateLabel();
            Label end = a.CreateLabel();
            a.lea(rcx, __qword_ptr[patched]);
            a.xor(edx, edx);
            a.mov(esi, 20_000);
            a.Label(ref loop);
            a.inc(__dword_ptr[counter]);
            a.test(esi, 1023);
            a.jnz(skip);
            a.inc(__dword_ptr[rcx + 2]);
            a.Label(ref skip);
            a.nop();
            a.Label(ref patched);
            a.add(edx, 0x1000);
            a.dec(esi);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref counter);
            a.dd(0);
            a.Label(ref end);
            a.mov(eax, __dword_ptr[counter]);
        }));
        Assert.Equal(20_000UL, m[Gpr.Rax]);

        // 1000h at first; the 544 rounds before ESI is 19456 see that, each 1024 rounds after it one more.
        uint expected = 0;
        uint immediate = 0x1000;
        for (int i = 20_000; i > 0; i--)
        {
            if ((i & 1023) == 0) immediate++;
            expected += immediate;
        }

        Assert.Equal(expected, (uint)m[Gpr.Rdx]);
    }

    [Fact]
    public void ABlockRewritesItsOwnStart()
    {
        // The loop's first instruction is written by its last: the block is entered by a branch of its own.
        using M m = setting.Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(esi, 500);
            a.lea(rcx, __qword_ptr[loop]);
            a.Label(ref loop);
            a.mov(eax, 0);
            a.add(edx, eax);
            a.dec(esi);
            a.mov(__dword_ptr[rcx + 1], esi);
            a.jnz(loop);
        }));
        Assert.Equal((ulong)(499 * 500 / 2), m[Gpr.Rdx]);
    }

    [Fact]
    public void AJumpIntoTheMiddleOfAnInstructionFindsWhatIsWrittenThere()
    {
        // MOV EAX, imm32; RET: the immediate is MOV AL, imm8; RET; NOP, whose own immediate is written. Both ways in are used in each round.
        using M m = setting.Machine();
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Write(Frame, 0xB8, 0xB0, 0, 0xC3, 0x90, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.lea(rsi, __[rbx + 1]);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.movzx(edx, bpl);
            a.mov(__byte_ptr[rbx + 2], dl);
            a.xor(eax, eax);
            a.call(rsi);
            a.cmp(eax, edx);
            a.jne(bad);
            a.call(rbx);
            a.shl(edx, 8);
            a.or(edx, unchecked((int)0x90C3_00B0));
            a.cmp(eax, edx);
            a.jne(bad);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }

    [Fact]
    public void ACopyOverRunningCodeReachesTheInstructionsBehindIt()
    {
        // REP MOVSB writes over its own loop, from the next instruction on.
        using M m = setting.Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label target = a.CreateLabel();
            Label source = a.CreateLabel();
            Label end = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.lea(rsi, __qword_ptr[source]);
            a.lea(rdi, __qword_ptr[target]);
            a.mov(__dword_ptr[rsi + 1], ebp);
            a.mov(ecx, 5);
            a.rep.movsb();
            a.Label(ref target);
            a.mov(eax, 0);
            a.add(edx, eax);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref source);
            a.mov(eax, 0);
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal((ulong)(Rounds * (Rounds + 1) / 2), m[Gpr.Rdx]);
    }

    [Fact]
    public void AStoreAcrossAPagesEndReachesTheCodeBehindIt()
    {
        // Three bytes of data, then B8 and the immediate.
        using M m = setting.Machine();
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Map(Elsewhere + 0x1000, Frame + 0x8000, M.P | M.W);
        m.Write(Frame + 0x8000, 0xB8, 0, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere + 0x1000);
            a.xor(edx, edx);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.mov(eax, ebp);
            a.shl(rax, 8);
            a.mov(al, 0xB8);
            a.shl(rax, 24);
            a.mov(__qword_ptr[rbx - 3], rax);
            a.call(rbx);
            a.add(edx, eax);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal((ulong)(Rounds * (Rounds + 1) / 2), m[Gpr.Rdx]);
    }

    [Fact]
    public void FlatThirtyTwoBitCodeIsWrittenToo()
    {
        using M m = setting.Machine(PagingMode.Bits32);
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Write(Frame, 0xB8, 0, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label here = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.imul(edx, ebp, 0x0123_4567);
            a.call(here);
            a.Label(ref here);
            a.pop(ecx);

            // POP and MOV are four bytes, then comes B8.
            a.mov(__dword_ptr[ecx + 5], edx);
            a.mov(eax, 0x1111_1111);
            a.cmp(eax, edx);
            a.jne(bad);
            a.mov(__dword_ptr[ebx + 1], ebp);
            a.call(ebx);
            a.cmp(eax, ebp);
            a.jne(bad);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }
}
