using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>The memory that code is made in: what happens when it is full, and who may do what with it.</summary>
public abstract class CodeMemoryTests(CodeSetting setting)
{
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : CodeMemoryTests(CodeSetting.Interpreter);

    public sealed class Translated() : CodeMemoryTests(CodeSetting.Translator);

    public sealed class TranslatedTwoDimensional() : CodeMemoryTests(CodeSetting.TranslatorTwoDimensional);

    public sealed class TranslatedInSmallCaches() : CodeMemoryTests(CodeSetting.TranslatorInSmallCaches);

    [Fact]
    public void MoreCodeThanTheCacheHolds()
    {
        // 64 pages of calls, three times: each is right whatever was thrown away in between.
        const int Pages = 64;
        const int CallsInPage = 40;
        using M m = setting.Machine();
        for (ulong page = 0; page < Pages; page++)
        {
            m.Map(Elsewhere + (page << 12), Frame + (page << 12), M.P);
            m.Place(Frame + (page << 12), a =>
            {
                Label one = a.CreateLabel();
                Label next = a.CreateLabel();
                for (int i = 0; i < CallsInPage; i++) a.call(one);
                if (page + 1 < Pages) a.jmp(Elsewhere + ((page + 1) << 12));
                a.ret();
                a.Label(ref one);
                a.add(eax, (int)page);
                a.Label(ref next);
                a.ret();
            }, rip: Elsewhere + (page << 12));
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.xor(eax, eax);
            a.mov(ebp, 3);
            a.Label(ref loop);
            a.call(rbx);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal(3UL * CallsInPage * (Pages * (Pages - 1) / 2), m[Gpr.Rax]);
        if (setting.TranslationBytes != 0) Assert.True(m.Vcpu.TranslatorEngine!.Translations.Flushes > 3, "the cache was never full");
    }

    [Fact]
    public void NoMemoryIsWritableAndExecutableAtOnce()
    {
        using M m = setting.Machine();
        Assert.Equal("ok", m.Run(a => a.mov(eax, 1)));
        if (setting.Engine == SoftwareEngine.Interpreter) return;
        string[] maps = [.. File.ReadAllLines("/proc/self/maps").Where(line => line.Contains("vitrine-code", StringComparison.Ordinal))];
        string[] rights = [.. maps.Select(line => line.Split(' ')[1])];
        Assert.Contains(rights, right => right.StartsWith("r-x", StringComparison.Ordinal));
        Assert.Contains(rights, right => right.StartsWith("rw-", StringComparison.Ordinal));
        Assert.DoesNotContain(rights, right => right.StartsWith("rwx", StringComparison.Ordinal));
    }
}
