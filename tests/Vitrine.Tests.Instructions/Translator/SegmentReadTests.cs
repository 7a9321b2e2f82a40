using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>MOV from a segment register (SDM vol. 2, MOV): the selector, with zeros above it in a register of 32 or 64 bits, and no flag changed.</summary>
public abstract class SegmentReadTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : SegmentReadTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : SegmentReadTests(SoftwareEngine.Translator);

    [Fact]
    public void EachRegisterGetsTheSelector()
    {
        using M m = new(engine: engine);
        (ulong code, ulong stack, ulong data) = (m.State.Segments[Seg.Cs].Selector, m.State.Segments[Seg.Ss].Selector, m.State.Segments[Seg.Ds].Selector);
        Assert.Equal("ok", m.Run(a =>
        {
            foreach (Iced.Intel.AssemblerRegister64 register in (Iced.Intel.AssemblerRegister64[])[rax, rcx, rdx, r8, r10, r11, r15]) a.mov(register, -1L);
            a.mov(ebx, 1);
            a.cmp(ebx, 2);
            a.mov(eax, ss);
            a.mov(rcx, cs);
            a.mov(edx, ds);
            a.mov(r8, ss);
            a.mov(r10d, cs);
            a.mov(r11, cs);
            a.mov(r15d, ss);
            a.setb(bl);
            a.mov(r9d, -1);
            a.mov(r9w, ss);
        }));
        Assert.Equal((stack, code, data, stack), (m[Gpr.Rax], m[Gpr.Rcx], m[Gpr.Rdx], m[8]));
        Assert.Equal((code, code, stack, 0xFFFF_0000 | stack), (m[10], m[11], m[15], m[9]));
        Assert.Equal(1UL, m[Gpr.Rbx]);
    }
}
