using Iced.Intel;
using Vitrine.Accelerators.Software.FloatingPoint;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.FloatingPoint;

/// <summary>SSE operations against the host's, result and MXCSR flags bit for bit, in all modes, DAZ and FTZ included.</summary>
public sealed class SseOracleTests
{
    private const int Seed = 20260118;
    private const int Cases = 40_000;

    internal delegate ulong Operation(ulong a, ulong b, ref FpEnvironment environment);

    private static readonly Dictionary<string, (Action<Assembler> Host, Operation Ours, bool FromDouble, bool ToDouble)> Operations = new()
    {
        ["addsd"] = (a => a.addsd(xmm0, xmm1), SseArithmetic.Add<DoubleFormat>, true, true),
        ["subsd"] = (a => a.subsd(xmm0, xmm1), SseArithmetic.Subtract<DoubleFormat>, true, true),
        ["mulsd"] = (a => a.mulsd(xmm0, xmm1), SseArithmetic.Multiply<DoubleFormat>, true, true),
        ["divsd"] = (a => a.divsd(xmm0, xmm1), SseArithmetic.Divide<DoubleFormat>, true, true),
        ["minsd"] = (a => a.minsd(xmm0, xmm1), SseArithmetic.Min<DoubleFormat>, true, true),
        ["maxsd"] = (a => a.maxsd(xmm0, xmm1), SseArithmetic.Max<DoubleFormat>, true, true),
        ["sqrtsd"] = (a => a.sqrtsd(xmm0, xmm1), (ulong x, ulong y, ref FpEnvironment e) => SseArithmetic.SquareRoot<DoubleFormat>(y, ref e), true, true),
        ["addss"] = (a => a.addss(xmm0, xmm1), SseArithmetic.Add<SingleFormat>, false, false),
        ["subss"] = (a => a.subss(xmm0, xmm1), SseArithmetic.Subtract<SingleFormat>, false, false),
        ["mulss"] = (a => a.mulss(xmm0, xmm1), SseArithmetic.Multiply<SingleFormat>, false, false),
        ["divss"] = (a => a.divss(xmm0, xmm1), SseArithmetic.Divide<SingleFormat>, false, false),
        ["minss"] = (a => a.minss(xmm0, xmm1), SseArithmetic.Min<SingleFormat>, false, false),
        ["maxss"] = (a => a.maxss(xmm0, xmm1), SseArithmetic.Max<SingleFormat>, false, false),
        ["sqrtss"] = (a => a.sqrtss(xmm0, xmm1), (ulong x, ulong y, ref FpEnvironment e) => SseArithmetic.SquareRoot<SingleFormat>(y, ref e), false, false),
        ["cvtss2sd"] = (a => a.cvtss2sd(xmm0, xmm1), (ulong x, ulong y, ref FpEnvironment e) => SseConversion.Convert<SingleFormat, DoubleFormat>(y, ref e), false, true),
        ["cvtsd2ss"] = (a => a.cvtsd2ss(xmm0, xmm1), (ulong x, ulong y, ref FpEnvironment e) => SseConversion.Convert<DoubleFormat, SingleFormat>(y, ref e), true, false),
    };

    public static TheoryData<string> Names() => [.. Operations.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ArithmeticMatchesTheHost(string name)
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        (Action<Assembler> host, Operation ours, bool fromDouble, bool toDouble) = Operations[name];
        Check(name, host, ours, fromDouble, toDouble ? ulong.MaxValue : uint.MaxValue);
    }

    [Fact]
    public void EveryComparePredicateMatchesTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        for (int predicate = 0; predicate < 8; predicate++)
        {
            int p = predicate;
            Check($"cmpsd {p}", a => a.cmpsd(xmm0, xmm1, (byte)p), (ulong x, ulong y, ref FpEnvironment e) => SseArithmetic.Matches<DoubleFormat>(x, y, p, ref e) ? ulong.MaxValue : 0, true, ulong.MaxValue);
            Check($"cmpss {p}", a => a.cmpss(xmm0, xmm1, (byte)p), (ulong x, ulong y, ref FpEnvironment e) => SseArithmetic.Matches<SingleFormat>(x, y, p, ref e) ? ulong.MaxValue : 0, false, uint.MaxValue);
        }
    }

    [Fact]
    public void EveryRoundImmediateMatchesTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        for (int immediate = 0; immediate < 16; immediate++)
        {
            int i = immediate;
            Check($"roundsd {i}", a => a.roundsd(xmm0, xmm1, (byte)i), (ulong x, ulong y, ref FpEnvironment e) => SseConversion.RoundToIntegral<DoubleFormat>(y, i, ref e), true, ulong.MaxValue);
            Check($"roundss {i}", a => a.roundss(xmm0, xmm1, (byte)i), (ulong x, ulong y, ref FpEnvironment e) => SseConversion.RoundToIntegral<SingleFormat>(y, i, ref e), false, uint.MaxValue);
        }
    }

    [Fact]
    public void ConversionsToIntegersMatchTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        Check("cvttsd2si 64", a => { a.cvttsd2si(rax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (ulong)SseConversion.ToInteger<DoubleFormat>(y, RoundingMode.Zero, 64, ref e), true, ulong.MaxValue);
        Check("cvttsd2si 32", a => { a.cvttsd2si(eax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (uint)SseConversion.ToInteger<DoubleFormat>(y, RoundingMode.Zero, 32, ref e), true, ulong.MaxValue);
        Check("cvtsd2si 64", a => { a.cvtsd2si(rax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (ulong)SseConversion.ToInteger<DoubleFormat>(y, e.Rounding, 64, ref e), true, ulong.MaxValue);
        Check("cvtsd2si 32", a => { a.cvtsd2si(eax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (uint)SseConversion.ToInteger<DoubleFormat>(y, e.Rounding, 32, ref e), true, ulong.MaxValue);
        Check("cvttss2si 64", a => { a.cvttss2si(rax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (ulong)SseConversion.ToInteger<SingleFormat>(y, RoundingMode.Zero, 64, ref e), false, ulong.MaxValue);
        Check("cvtss2si 64", a => { a.cvtss2si(rax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (ulong)SseConversion.ToInteger<SingleFormat>(y, e.Rounding, 64, ref e), false, ulong.MaxValue);
        Check("cvtss2si 32", a => { a.cvtss2si(eax, xmm1); a.movq(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => (uint)SseConversion.ToInteger<SingleFormat>(y, e.Rounding, 32, ref e), false, ulong.MaxValue);
    }

    [Fact]
    public void ConversionsFromIntegersMatchTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        Check("cvtsi2sd 64", a => { a.movq(rax, xmm1); a.cvtsi2sd(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => SseConversion.FromInteger<DoubleFormat>((long)y, ref e), null, ulong.MaxValue);
        Check("cvtsi2ss 64", a => { a.movq(rax, xmm1); a.cvtsi2ss(xmm0, rax); }, (ulong x, ulong y, ref FpEnvironment e) => SseConversion.FromInteger<SingleFormat>((long)y, ref e), null, uint.MaxValue);
        Check("cvtsi2ss 32", a => { a.movq(rax, xmm1); a.cvtsi2ss(xmm0, eax); }, (ulong x, ulong y, ref FpEnvironment e) => SseConversion.FromInteger<SingleFormat>((int)y, ref e), null, uint.MaxValue);
    }

    [Fact]
    public void UnorderedComparisonMatchesTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        Check("comisd", a => Flags(a, () => a.comisd(xmm0, xmm1)), (ulong x, ulong y, ref FpEnvironment e) => Rflags(SseArithmetic.Compare<DoubleFormat>(x, y, true, ref e)), true, 0x45);
        Check("ucomisd", a => Flags(a, () => a.ucomisd(xmm0, xmm1)), (ulong x, ulong y, ref FpEnvironment e) => Rflags(SseArithmetic.Compare<DoubleFormat>(x, y, false, ref e)), true, 0x45);
        Check("ucomiss", a => Flags(a, () => a.ucomiss(xmm0, xmm1)), (ulong x, ulong y, ref FpEnvironment e) => Rflags(SseArithmetic.Compare<SingleFormat>(x, y, false, ref e)), false, 0x45);
    }

    private static void Flags(Assembler assembler, Action compare)
    {
        compare();
        assembler.pushfq();
        assembler.pop(rax);
        assembler.movq(xmm0, rax);
    }

    /// <summary>ZF (0x40), PF (4) and CF (1) as COMISS sets them.</summary>
    private static ulong Rflags(FpRelation relation) => relation switch
    {
        FpRelation.Less => 0x01,
        FpRelation.Equal => 0x40,
        FpRelation.Greater => 0,
        _ => 0x45,
    };

    private static void Check(string name, Action<Assembler> host, Operation ours, bool? isDouble, ulong mask)
    {
        using HostFpu oracle = HostFpu.Sse(host);
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            uint mxcsr = operands.Mxcsr();
            ulong x;
            ulong y;
            if (isDouble is bool wide)
            {
                x = wide ? operands.Double() : operands.Single();
                y = operands.Near(x, wide);
            }
            else
            {
                x = 0;
                y = (ulong)operands.NextInteger();
            }

            HostFpu.Frame frame = new() { Mxcsr = mxcsr, Low0 = x, Low1 = y };
            oracle.Run(ref frame);
            FpEnvironment environment = FpEnvironment.FromMxcsr(mxcsr);
            ulong result = ours(x, y, ref environment);
            uint after = mxcsr | (uint)(environment.Flags & FpFlags.All);
            if (((result ^ frame.ResultLow0) & mask) != 0 || after != frame.MxcsrAfter)
            {
                Assert.Fail($"{name}, seed {Seed}, case {i}: mxcsr={mxcsr:x4} {x:x16} {y:x16}: "
                    + $"host {frame.ResultLow0 & mask:x16} mxcsr {frame.MxcsrAfter:x4}, ours {result & mask:x16} mxcsr {after:x4}");
            }
        }
    }
}
