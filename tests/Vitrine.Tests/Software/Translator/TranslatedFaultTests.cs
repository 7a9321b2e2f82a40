using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Instructions that run well many times and then fault at the same place: by then they are translated, and the fault must be the guest's, with
/// RIP, RSP and everything else as before the instruction. What the host would make a signal of must never come to it.
/// </summary>
public abstract class TranslatedFaultTests(SoftwareEngine engine)
{
    private const ulong NotCanonical = 0x0000_8000_0000_0000;
    private const int Data = 0xE000;

    public sealed class Interpreted() : TranslatedFaultTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : TranslatedFaultTests(SoftwareEngine.Translator);

    // Bits, signed, dividend (upper and lower half), divisor. What comes of it follows from SDM vol. 2, DIV and IDIV.
    public static TheoryData<int, bool, long, long, long> Divisions()
    {
        TheoryData<int, bool, long, long, long> data = [];
        foreach (int bits in new[] { 8, 16, 32, 64 })
        {
            long least = long.MinValue >> (64 - bits);
            long most = ~least;
            foreach (bool signed in new[] { false, true })
            {
                data.Add(bits, signed, 0, 0, 0);
                data.Add(bits, signed, 0, 7, 0);
                data.Add(bits, signed, 0, 7, 2);
                data.Add(bits, signed, -1, -7, 2);
                data.Add(bits, signed, 5, 0, 5);
                data.Add(bits, signed, 4, -1, 5);
                data.Add(bits, signed, -1, least, -1);
                data.Add(bits, signed, -1, least + 1, -1);
                data.Add(bits, signed, 0, least, -1);
                data.Add(bits, signed, 0, most, -1);
                data.Add(bits, signed, -1, least, 1);
                data.Add(bits, signed, least, 0, -1);
                data.Add(bits, signed, least, 0, least);
                data.Add(bits, signed, most, -1, most);
                data.Add(bits, signed, -1, -1, -1);
                data.Add(bits, signed, 0, -1, 1);
            }
        }

        return data;
    }

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
    [MemberData(nameof(Divisions))]
    public void Division(int bits, bool signed, long upper, long lower, long divisor)
    {
        foreach (bool memory in new[] { false, true })
        {
            using M m = Machine();
            ulong mask = ulong.MaxValue >> (64 - bits);
            ulong low = (ulong)lower & mask;
            ulong high = (ulong)upper & mask;

            // Of 8 bits the dividend is AX.
            ulong before = bits == 8 ? (high << 8) | low : low;
            string end = Loop(m, a => Divide(a, bits, signed, memory), a =>
            {
                a.mov(rax, 7UL);
                a.xor(edx, edx);
                a.mov(rcx, 3UL);
                a.mov(__qword_ptr[Data], rcx);
            }, a =>
            {
                a.mov(rax, before);
                a.mov(rdx, high);
                a.mov(rcx, (ulong)divisor & mask);
                a.mov(__qword_ptr[Data], rcx);
            });
            BigInteger dividend = ((signed ? Extend(upper, bits) : (BigInteger)high) << bits) + low;
            BigInteger by = signed ? Extend(divisor, bits) : (ulong)divisor & mask;
            BigInteger least = signed ? -(BigInteger.One << (bits - 1)) : 0;
            BigInteger most = signed ? (BigInteger.One << (bits - 1)) - 1 : mask;
            bool faults = by.IsZero || dividend / by < least || dividend / by > most;
            Assert.Equal(faults ? "#0" : "ok", end);
            if (faults)
            {
                Assert.Equal(m[Gpr.Rdi], m.State.Rip);
                Assert.Equal((before, high), (m[Gpr.Rax], m[Gpr.Rdx]));
                continue;
            }

            ulong quotient = (ulong)((dividend / by) & mask);
            ulong rest = (ulong)((dividend % by) & mask);
            if (bits == 8) Assert.Equal(quotient | (rest << 8), m[Gpr.Rax]);
            else Assert.Equal((quotient, rest), (m[Gpr.Rax] & mask, m[Gpr.Rdx] & mask));
        }
    }

    [Theory]
    [InlineData(0x1F80u & ~0x200u, true, "#19")] // ZM
    [InlineData(0x1F80u & ~0x200u, false, "#6")] // without OSXMMEXCPT
    [InlineData(0x1F80u, true, "ok")]
    public void SseDivisionByZero(uint mxcsr, bool reports, string expected)
    {
        using M m = Machine();
        m.State.Cr4 |= reports ? Cr4.OSXMMEXCPT : 0;
        m.Store(Data + 16, mxcsr, 4);
        m.Store(Data + 32, 0x3F80_0000_3F80_0000, 8);
        m.Store(Data + 40, 0x3F80_0000_3F80_0000, 8);
        string end = Loop(m, a => a.divps(xmm0, xmm1), a =>
        {
            a.movaps(xmm0, __xmmword_ptr[Data + 32]);
            a.movaps(xmm1, xmm0);
        }, a =>
        {
            a.movaps(xmm0, __xmmword_ptr[Data + 32]);
            a.pxor(xmm1, xmm1);
            a.ldmxcsr(__dword_ptr[Data + 16]);
        });
        Assert.Equal(expected, end);
        if (expected == "ok")
        {
            Assert.Equal(0x7F80_0000u, (uint)m.State.Fpu.Xmm[0]);
            Assert.Equal(mxcsr | 4, m.State.Fpu.Mxcsr);
            return;
        }

        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
        Assert.Equal(0x3F80_0000u, (uint)m.State.Fpu.Xmm[0]);
        Assert.Equal(mxcsr | 4, m.State.Fpu.Mxcsr);
    }

    [Fact]
    public void X87DivisionByZeroIsReportedByTheNextInstruction()
    {
        using M m = Machine();
        m.Store(Data + 16, 0x37B, 2); // ZM clear
        m.Store(Data + 18, 0x37F, 2);
        string end = Loop(m, a =>
        {
            Label next = a.CreateLabel();
            a.fld1();
            a.fdivrp(st1, st0);
            a.lea(rdi, __qword_ptr[next]);
            a.Label(ref next);
            a.fstp(st0);
        }, a =>
        {
            a.fldcw(__word_ptr[Data + 18]);
            a.fld1();
        }, a =>
        {
            a.fldcw(__word_ptr[Data + 16]);
            a.fldz();
        });

        Assert.Equal("#16", end);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
        Assert.Equal(0x8084, m.State.Fpu.StatusWord & 0x80FF);
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

        string end = Loop(m, Access, a =>
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
        string end = Loop(m, a =>
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
            string end = Loop(m, a =>
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
        string end = Loop(m, a =>
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

    /// <summary>
    /// Runs an instruction twenty times with good operands and once with others. RDI has its address, RSI the address of what follows it; RBP counts.
    /// </summary>
    private static string Loop(M m, Action<Assembler> instruction, Action<Assembler> good, Action<Assembler> last) => m.Run(a =>
    {
        Label loop = a.CreateLabel();
        Label odd = a.CreateLabel();
        Label go = a.CreateLabel();
        Label behind = a.CreateLabel();
        a.mov(r14d, 21);
        a.Label(ref loop);
        a.lea(rdi, __qword_ptr[go]);
        a.lea(rsi, __qword_ptr[behind]);
        a.cmp(r14d, 1);
        a.je(odd);
        good(a);
        a.jmp(go);
        a.Label(ref odd);
        last(a);
        a.Label(ref go);
        instruction(a);
        a.Label(ref behind);
        a.dec(r14d);
        a.jnz(loop);
    });

    private static BigInteger Extend(long value, int bits) => value << (64 - bits) >> (64 - bits);

    private static void Divide(Assembler a, int bits, bool signed, bool memory)
    {
        switch (bits, memory)
        {
            case (8, false):
                if (signed) a.idiv(cl);
                else a.div(cl);
                break;
            case (16, false):
                if (signed) a.idiv(cx);
                else a.div(cx);
                break;
            case (32, false):
                if (signed) a.idiv(ecx);
                else a.div(ecx);
                break;
            case (64, false):
                if (signed) a.idiv(rcx);
                else a.div(rcx);
                break;
            case (8, true):
                if (signed) a.idiv(__byte_ptr[Data]);
                else a.div(__byte_ptr[Data]);
                break;
            case (16, true):
                if (signed) a.idiv(__word_ptr[Data]);
                else a.div(__word_ptr[Data]);
                break;
            case (32, true):
                if (signed) a.idiv(__dword_ptr[Data]);
                else a.div(__dword_ptr[Data]);
                break;
            default:
                if (signed) a.idiv(__qword_ptr[Data]);
                else a.div(__qword_ptr[Data]);
                break;
        }
    }

    private M Machine() => new(engine: engine);
}
