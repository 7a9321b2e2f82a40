using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Operands that are aligned many times and then are not, see <see cref="LateFault"/>.</summary>
public abstract class TranslatedAlignmentFaultTests(SoftwareEngine engine)
{
    private const int Data = 0xE000;

    public sealed class Interpreted() : TranslatedAlignmentFaultTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : TranslatedAlignmentFaultTests(SoftwareEngine.Translator);

    [Theory]
    [InlineData(0x61_0008UL)]
    [InlineData(0x40_0000_0004UL)]
    public void AMisalignedOperandOnTheStackIsRefusedBeforeItsPageIsLookedFor(ulong address)
    {
        // SDM vol. 2, exception class 2: #GP(0) when not aligned. Nothing is mapped there; processors agree, of both vendors.
        using M m = new M(engine: engine).User();
        Assert.Equal("#13(0)", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(rsp, Data);
            a.mov(rbx, address);
            a.mov(esi, 1);
            a.Label(ref loop);
            a.minps(xmm0, __xmmword_ptr[rsp + 0x10]);
            a.mov(rsp, rbx);
            a.dec(esi);
            a.jns(loop);
        }));
        Assert.Equal(0UL, m[Gpr.Rsi]);
        Assert.Equal(0UL, m.State.Cr2);
    }

    [Theory]
    [InlineData("load")]
    [InlineData("store")]
    [InlineData("read-modify-write")]
    [InlineData("push")]
    [InlineData("sse")]
    public void AlignmentIsChecked(string access)
    {
        // The user sets AC; CR0.AM is set all the time.
        using M m = Machine().User();
        m.State.Cr0 |= Cr0.AM;
        void Access(Assembler a)
        {
            switch (access)
            {
                case "load":
                    a.mov(eax, __dword_ptr[rbx + 1]);
                    break;
                case "store":
                    a.mov(__word_ptr[rbx + 1], cx);
                    break;
                case "read-modify-write":
                    a.add(__qword_ptr[rbx + 4], rcx);
                    break;
                case "push":
                    a.push(rcx);
                    break;
                default:
                    a.movsd(xmm0, __qword_ptr[rbx + 4]);
                    break;
            }
        }

        RunResult end = LateFault.Run(m, Access, a =>
        {
            a.mov(ebx, Data);
            if (access == "push") a.mov(esp, Data + 0x802);
        }, a =>
        {
            a.mov(ebx, Data);
            a.mov(esp, Data + 0x800);
            a.pushfq();
            a.or(__dword_ptr[rsp], (int)Rflags.AC);
            a.popfq();
            if (access == "push") a.mov(esp, Data + 0x802);
        });
        Assert.Equal("#17(0)", end);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
        if (access == "push") Assert.Equal((ulong)Data + 0x802, m[Gpr.Rsp]);
    }

    [Theory]
    [InlineData("movaps load", 8)]
    [InlineData("movaps load", 1)]
    [InlineData("movaps store", 8)]
    [InlineData("paddd", 4)]
    [InlineData("movntdq", 15)]
    [InlineData("on the stack", 8)]
    [InlineData("indexed", 2)]
    public void SseOperandsMustBeAligned(string access, int misalignment)
    {
        using M m = Machine();
        RunResult end = LateFault.Run(m, a =>
        {
            switch (access)
            {
                case "movaps load":
                    a.movaps(xmm3, __xmmword_ptr[rbx]);
                    break;
                case "movaps store":
                    a.movaps(__xmmword_ptr[rbx], xmm3);
                    break;
                case "paddd":
                    a.paddd(xmm3, __xmmword_ptr[rbx]);
                    break;
                case "movntdq":
                    a.movntdq(__xmmword_ptr[rbx], xmm3);
                    break;
                case "on the stack":
                    a.movaps(xmm3, __xmmword_ptr[rsp - 0x20]);
                    break;
                default:
                    a.movaps(xmm3, __xmmword_ptr[r11 + (r15 * 4) + 0x10]);
                    break;
            }
        }, a => Point(a, Data), a => Point(a, Data + misalignment));
        Assert.Equal("#13(0)", end);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);

        static void Point(Assembler a, int address)
        {
            a.mov(ebx, address);
            a.mov(esp, address + 0x800);
            a.mov(r15d, 4);
            a.mov(r11d, address);
        }
    }

    private M Machine() => new(engine: engine);
}
