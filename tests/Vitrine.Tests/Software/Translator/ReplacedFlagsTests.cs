using Iced.Intel;
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

    public sealed class TranslatedWithNestedPaging() : ReplacedFlagsTests(CodeSetting.TranslatorWithNestedPaging);

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
}
