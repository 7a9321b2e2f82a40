using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Arithmetic that runs well many times and then faults at the same place, see <see cref="LateFault"/>. What the host would make a signal of must never come to it.</summary>
public abstract class TranslatedArithmeticFaultTests(SoftwareEngine engine)
{
    private const int Data = 0xE000;

    public sealed class Interpreted() : TranslatedArithmeticFaultTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : TranslatedArithmeticFaultTests(SoftwareEngine.Translator);

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
            RunResult end = LateFault.Run(m, a => Divide(a, bits, signed, memory), a =>
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
        RunResult end = LateFault.Run(m, a => a.divps(xmm0, xmm1), a =>
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
        RunResult end = LateFault.Run(m, a =>
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
