using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Accesses and branches to good addresses many times and then to one that nobody may use, see <see cref="LateFault"/>.</summary>
public abstract class TranslatedAddressFaultTests(SoftwareEngine engine)
{
    private const ulong NotCanonical = 0x0000_8000_0000_0000;
    private const int Data = 0xE000;

    public sealed class Interpreted() : TranslatedAddressFaultTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : TranslatedAddressFaultTests(SoftwareEngine.Translator);

    [Theory]
    [InlineData("mov")]
    [InlineData("pop")]
    [InlineData("es")]
    public void AnAccessThroughANullSegmentIsRefused(string how)
    {
        // 32-bit code is translated while all segments are flat. It runs so first, then with a null selector (SDM vol. 3, 3.4.2).
        using M m = new(PagingMode.Bits32, bits: 32, engine: engine);
        Assert.Equal("#13(0)", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, Data);
            a.mov(edi, Data);
            a.mov(edx, 0x10);
            a.mov(esi, 1);
            a.Label(ref loop);
            if (how == "pop")
            {
                a.push(edx);
                a.pop(ds);
            }
            else if (how == "es")
            {
                a.mov(es, edx);
            }
            else
            {
                a.mov(ds, edx);
            }

            a.nop();
            if (how == "es") a.stosd();
            else a.mov(eax, __dword_ptr[ebx]);
            a.xor(edx, edx);
            a.dec(esi);
            a.jns(loop);
        }));
        Assert.Equal(0UL, m[Gpr.Rsi]);
    }

    [Theory]
    [InlineData("jmp reg")]
    [InlineData("jmp mem")]
    [InlineData("call reg")]
    [InlineData("call mem")]
    [InlineData("ret")]
    [InlineData("ret imm")]
    public void BranchesToAddressesThatAreNotCanonical(string branch)
    {
        foreach (ulong bad in new[] { NotCanonical, 0x8000_0000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF })
        {
            using M m = Machine();
            const int Stack = Data + 0x800;
            RunResult end = LateFault.Run(m, a =>
            {
                switch (branch)
                {
                    case "jmp reg":
                        a.jmp(rcx);
                        break;
                    case "jmp mem":
                        a.jmp(__qword_ptr[Data]);
                        break;
                    case "call reg":
                        a.call(rcx);
                        break;
                    case "call mem":
                        a.call(__qword_ptr[Data]);
                        break;
                    case "ret imm":
                        a.ret(8);
                        break;
                    default:
                        a.ret();
                        break;
                }
            }, a => Aim(a, null), a => Aim(a, bad));
            Assert.Equal("#13(0)", end);
            Assert.Equal(m[Gpr.Rdi], m.State.Rip);
            Assert.Equal((ulong)Stack, m[Gpr.Rsp]);

            // The place behind the branch is RSI, which Loop sets.
            static void Aim(Assembler a, ulong? target)
            {
                if (target is { } address) a.mov(rcx, address);
                else a.mov(rcx, rsi);
                a.mov(esp, Stack);
                a.mov(__qword_ptr[Data], rcx);
                a.mov(__qword_ptr[rsp], rcx);
            }
        }
    }

    [Theory]
    [InlineData("load", "#13(0)")]
    [InlineData("store", "#13(0)")]
    [InlineData("through rsp", "#12(0)")]
    [InlineData("through rbp", "#12(0)")]
    [InlineData("push", "#12(0)")]
    [InlineData("pop", "#12(0)")]
    [InlineData("call", "#12(0)")]
    [InlineData("end", "#13(0)")]
    [InlineData("with fs", "#13(0)")]
    public void DataAtAddressesThatAreNotCanonical(string access, string expected)
    {
        // A fault needs a stack: the user's is bad, the kernel's is not.
        using M m = Machine().User();
        bool stack = access is "push" or "pop" or "call" or "through rsp";
        RunResult end = LateFault.Run(m, a =>
        {
            Label next = a.CreateLabel();
            switch (access)
            {
                case "load":
                    a.mov(rax, __qword_ptr[rbx]);
                    break;
                case "store":
                    a.mov(__qword_ptr[rbx], rax);
                    break;
                case "through rsp":
                    a.mov(rax, __qword_ptr[rsp + 8]);
                    break;
                case "through rbp":
                    a.mov(rax, __qword_ptr[rbp]);
                    break;
                case "push":
                    a.push(rax);
                    break;
                case "pop":
                    a.pop(rax);
                    break;
                case "call":
                    a.call(next);
                    a.Label(ref next);
                    break;
                case "with fs":
                    a.mov(rax, __qword_ptr.fs[rbx]);
                    break;
                default:
                    a.mov(rax, __qword_ptr[rbx - 4]);
                    break;
            }

            a.nop();
        }, a => Point(a, Data), a => Point(a, access == "end" ? NotCanonical : NotCanonical + 0x100));
        Assert.Equal(expected, end);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);

        void Point(Assembler a, ulong pointer)
        {
            a.mov(rbx, pointer);
            a.mov(rbp, pointer);
            if (stack) a.mov(rsp, pointer);
        }
    }

    private M Machine() => new(engine: engine);
}
