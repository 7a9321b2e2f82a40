using Iced.Intel;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Code that stays as it is, under addresses that change.</summary>
public abstract class RemappedCodeTests(CodeSetting setting)
{
    private const uint Rounds = 300;
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Alias = 0x28_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : RemappedCodeTests(CodeSetting.Interpreter);

    public sealed class Translated() : RemappedCodeTests(CodeSetting.Translator);

    public sealed class TranslatedTwoDimensional() : RemappedCodeTests(CodeSetting.TranslatorTwoDimensional);

    public sealed class TranslatedInSmallCaches() : RemappedCodeTests(CodeSetting.TranslatorInSmallCaches);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void APageOfCodeThatIsMappedElsewhere(bool byCr3)
    {
        // Two frames in turn under one address.
        using M m = setting.Machine();
        for (ulong page = M.Tables; page < M.Tables + 0x10000; page += 0x1000) m.Map(page, page, M.P | M.W);
        m.Map(Elsewhere, Frame, M.P);
        ulong entry = m.Entry(Elsewhere);
        m.Write(Frame, 0xB8, 1, 0, 0, 0, 0xC3);
        m.Write(Frame + 0x1000, 0xB8, 2, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, Rounds);
            a.mov(edx, 1);
            a.Label(ref loop);
            a.call(rbx);
            a.cmp(eax, edx);
            a.jne(bad);
            a.xor(edx, 3);
            a.xor(__dword_ptr[(int)entry], 0x1000);
            if (byCr3)
            {
                a.mov(rax, cr3);
                a.mov(cr3, rax);
            }
            else
            {
                a.invlpg(__byte_ptr[rbx]);
            }

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
    public void OneCodeAtThreeAddressesFindsTheDataOfEach()
    {
        // MOV EAX, [RIP + distance to the next page]; ADD EAX, [RSP]; RET: the data page differs, and so does the return address.
        using M m = setting.Machine();
        m.Write(Frame, 0x8B, 0x05, 0x0A, 0x10, 0, 0, 0x03, 0x04, 0x24, 0xC3);
        ulong[] places = [Elsewhere, Alias, 0x7FFF_0000_0000];
        for (int i = 0; i < places.Length; i++)
        {
            m.Map(places[i], Frame, M.P);
            m.Map(places[i] + 0x1000, Frame + 0x1000 + ((ulong)i << 12), M.P | M.W);
            m.Store(Frame + 0x1010 + ((ulong)i << 12), 100 * (ulong)(i + 1), 4);
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            for (int i = 0; i < places.Length; i++)
            {
                Label back = a.CreateLabel();
                a.mov(rbx, places[i]);
                a.call(rbx);
                a.Label(ref back);
                a.lea(rdx, __qword_ptr[back]);
                a.sub(eax, edx);
                a.cmp(eax, 100 * (i + 1));
                a.jne(bad);
            }

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
