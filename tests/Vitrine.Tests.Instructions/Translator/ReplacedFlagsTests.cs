using Iced.Intel;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Flags are not kept where the code ahead overwrites them; but they count again when a store replaces that code before it runs.</summary>
public abstract class ReplacedFlagsTests(CodeSetting setting)
{
    private const uint Rounds = 300;
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : ReplacedFlagsTests(CodeSetting.Interpreter);

    public sealed class Translated() : ReplacedFlagsTests(CodeSetting.Translator);

    public sealed class TranslatedTwoDimensional() : ReplacedFlagsTests(CodeSetting.TranslatorTwoDimensional);

    public sealed class TranslatedInSmallCaches() : ReplacedFlagsTests(CodeSetting.TranslatorInSmallCaches);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CodeThatWasOnlyLookedAtIsPatchedIntoOneThatReadsFlags(bool fromAnotherPage)
    {
        // XOR EAX, EAX overwrites the flags at the branch's target. It never runs: before the branch is taken it has become SBB EAX, EAX.
        using M m = setting.Machine();
        m.Map(Elsewhere, Frame, M.P);
        m.Place(Frame, a =>
        {
            a.mov(__byte_ptr[rcx], 0x19);
            a.ret();
        }, rip: Elsewhere);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label target = a.CreateLabel();
            Label end = a.CreateLabel();
            a.lea(rcx, __qword_ptr[target]);
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.cmp(ebp, Rounds / 2);
            a.jb(target);
            a.cmp(ebp, Rounds / 2);
            a.jne(end);
            if (fromAnotherPage) a.call(rbx);
            else a.mov(__byte_ptr[rcx], 0x19);
            a.Label(ref end);
            a.dec(ebp);
            a.jmp(loop);
            a.Label(ref target);
            a.xor(eax, eax);
            a.test(eax, eax);
            a.mov(edx, eax);
        }));
        Assert.Equal(uint.MaxValue, m[Gpr.Rdx]);
    }

    /// <summary>The store's operand names the code's own page. What it replaces has not run yet, so nothing but the code itself could tell that the flags are needed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AStoreReplacesCodeAheadByOneThatReadsFlags(bool inNextBlock)
    {
        // XOR EAX, EAX, which overwrites all flags, becomes SBB EAX, EAX.
        using M m = setting.Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label patched = a.CreateLabel();
            a.mov(ecx, 1);
            a.cmp(ecx, 2);
            if (inNextBlock) a.jmp(next);
            a.Label(ref next);
            a.mov(__byte_ptr[patched], 0x19);
            a.Label(ref patched);
            a.xor(eax, eax);
            a.test(eax, eax);
            a.mov(edx, eax);
        }));
        Assert.Equal(uint.MaxValue, m[Gpr.Rdx]);
    }

    /// <summary>The frame of a fault shows the flags of before the store, when what it has replaced would have overwritten them.</summary>
    [Fact]
    public void AStoreReplacesCodeAheadByOneThatFaults()
    {
        // XOR EAX, EAX becomes UD2. Of 1 - 2 CF, PF, AF and SF are set (SDM vol. 2, CMP).
        const ulong Expected = Rflags.CF | Rflags.PF | Rflags.AF | Rflags.SF;
        using M m = setting.Machine();
        Assert.Equal("#6", m.Run(a =>
        {
            Label patched = a.CreateLabel();
            a.mov(ecx, 1);
            a.cmp(ecx, 2);
            a.mov(__word_ptr[patched], 0x0B0F);
            a.Label(ref patched);
            a.xor(eax, eax);
            a.nop();
        }));

        // RIP, CS, RFLAGS.
        const ulong ArithmeticFlags = 0x8D5;
        Assert.Equal(Expected, m.Read(M.KernelStack - 0x18, 8) & ArithmeticFlags);
    }
}
