using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using static Vitrine.Tests.Software.Translator.SharedCheckGuest;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>As <see cref="SharedCheckTests"/>, where code is changed between accesses that were checked together before.</summary>
public abstract class SharedCheckCodeTests(SoftwareEngine engine)
{
    private const ulong Alias = 0x28_0000;

    public sealed class Interpreted() : SharedCheckCodeTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : SharedCheckCodeTests(SoftwareEngine.Translator);

    /// <summary>The displacement of the second access changes in each round: what the check before the first one has covered says nothing of it.</summary>
    [Theory]
    [InlineData(8, "ok", false)]
    [InlineData(16, "#14(0)", false)]
    [InlineData(12, "#14(0)", false)]
    [InlineData(8, "ok", true)]
    [InlineData(16, "#14(0)", true)]
    public void TheSecondAccessIsMovedByAStoreBetweenThem(byte displacement, string expected, bool throughAlias)
    {
        using M m = SharedCheckGuest.Machine(engine);
        m.Map(Second, 0, 0);
        m.Map(Alias, M.Code, M.P | M.W);
        foreach (ulong place in (ReadOnlySpan<ulong>)[Usual, Second - 16])
        {
            m.Store(place, 1, 8);
            m.Store(place + 8, 2, 8);
        }

        // For the rounds before the last, which alternate between the two; the last one has an odd number.
        m.Store(Usual + 16, 3, 8);
        RunResult end = Twenty(m, a =>
        {
            Label patched = a.CreateLabel();
            Label right = a.CreateLabel();
            a.lea(rdi, __qword_ptr[patched]);
            if (throughAlias) a.add(rdi, (int)(Alias - M.Code));
            a.mov(r9d, r14d);
            a.and(r9d, 1);
            a.lea(r9d, __qword_ptr[(r9 * 8) + 8]);
            a.mov(r10d, displacement);
            a.cmp(r14d, 1);
            a.cmove(r9d, r10d);
            a.mov(rcx, __qword_ptr[rbx]);
            a.mov(__byte_ptr[rdi + 3], r9b);
            a.Label(ref patched);
            a.mov(rdx, __qword_ptr[rbx + 8]);

            // 2 at 8, 3 at 16.
            a.shr(r9d, 3);
            a.inc(r9d);
            a.cmp(rdx, r9);
            a.je(right);
            a.ud2();
            a.Label(ref right);
            a.nop();
        }, Second - 16);
        Assert.Equal(expected, end);
        Assert.Equal(1UL, m[Gpr.Rcx]);
        if (expected != "ok") Assert.Equal(Second, m.State.Cr2);
    }

    /// <summary>Reads and writes of code that share a check: what is written runs, and is read.</summary>
    [Fact]
    public void TheAccessesAreToTheCodeThatTheyStandIn()
    {
        using M m = SharedCheckGuest.Machine(engine);
        Assert.Equal("ok", Twenty(m, a =>
        {
            Label patched = a.CreateLabel();
            Label wrong = a.CreateLabel();
            Label right = a.CreateLabel();
            a.lea(rdi, __qword_ptr[patched]);
            a.imul(ecx, r14d, 0x0123_4567);
            a.mov(r9d, __dword_ptr[rdi + 1]);
            a.mov(__dword_ptr[rdi + 1], ecx);
            a.Label(ref patched);
            a.mov(edx, 0x0123_4567 * 21);
            a.mov(r10d, __dword_ptr[rdi + 1]);

            // Before: what the round before has written; now: what runs and what is read.
            a.lea(r11d, __qword_ptr[rcx + 0x0123_4567]);
            a.cmp(r9d, r11d);
            a.jne(wrong);
            a.cmp(edx, ecx);
            a.jne(wrong);
            a.cmp(r10d, ecx);
            a.je(right);
            a.Label(ref wrong);
            a.ud2();
            a.Label(ref right);
            a.nop();
        }, First));
    }
}
