using Iced.Intel;
using Vitrine.Accelerators.Software.FloatingPoint;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.FloatingPoint;

/// <summary>x87 operations against the host's, result and flags bit for bit, in all rounding and precision modes.</summary>
public sealed class X87OracleTests
{
    private const int Seed = 20260117;
    private const int Cases = 30_000;
    private const int ConditionMask = 0x4700;

    internal delegate Float80 Operation(Float80 st0, Float80 st1, ref FpEnvironment environment);

    internal delegate Float80 Arithmetic(in Unpacked a, in Unpacked b, ref FpEnvironment environment);

    private static readonly Dictionary<string, (Action<Assembler> Host, Operation Ours)> Operations = new()
    {
        ["fadd"] = (a => a.fadd(st0, st1), Binary(X87Arithmetic.Add)),
        ["fsub"] = (a => a.fsub(st0, st1), Binary(X87Arithmetic.Subtract)),
        ["fsubr"] = (a => a.fsubr(st0, st1), Reversed(X87Arithmetic.Subtract)),
        ["fmul"] = (a => a.fmul(st0, st1), Binary(X87Arithmetic.Multiply)),
        ["fdiv"] = (a => a.fdiv(st0, st1), Binary(X87Arithmetic.Divide)),
        ["fdivr"] = (a => a.fdivr(st0, st1), Reversed(X87Arithmetic.Divide)),
        ["fsqrt"] = (a => a.fsqrt(), (Float80 x, Float80 y, ref FpEnvironment e) => X87Arithmetic.SquareRoot(Unpacked.From(x), ref e)),
        ["frndint"] = (a => a.frndint(), (Float80 x, Float80 y, ref FpEnvironment e) => X87Conversion.RoundToIntegral(x, ref e)),
        ["fscale"] = (a => a.fscale(), X87Remainder.Scale),
    };

    public static TheoryData<string, bool> Names()
    {
        TheoryData<string, bool> data = [];
        foreach (string name in Operations.Keys)
        {
            data.Add(name, true);
            data.Add(name, false);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ArithmeticMatchesTheHost(string name, bool masked)
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        (Action<Assembler> host, Operation ours) = Operations[name];
        using HostFpu oracle = HostFpu.X87(host);
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ushort control = operands.ControlWord(masked);
            Float80 x = operands.Extended();
            Float80 y = operands.Near(x);
            HostFpu.Frame frame = HostFpu.Frame.X87(control, x, y);
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(control);
            Float80 result = ours(x, y, ref environment);
            if (environment.HasNoResult) result = x;
            if (result != frame.Result0 || environment.Flags != (frame.StatusWord & (FpFlags.All | FpFlags.RoundedUp)))
                Assert.Fail(Describe(name, i, control, x, y, frame, result, environment.Flags));
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void AdditionOfAMemoryOperandMatchesTheHost(int bits)
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a => { if (bits == 32) a.fadd(__dword_ptr[rdi + 0x60]); else a.fadd(__qword_ptr[rdi + 0x60]); });
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ushort control = operands.ControlWord(masked: i % 2 == 0);
            Float80 x = operands.Extended();
            ulong operand = bits == 32 ? operands.Single() : operands.Double();
            HostFpu.Frame frame = HostFpu.Frame.X87(control, x, x) with { OperandLow = operand };
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(control);
            Unpacked addend = bits == 32 ? Unpacked.From<SingleFormat>(operand, false) : Unpacked.From<DoubleFormat>(operand, false);
            Float80 result = X87Arithmetic.Add(Unpacked.From(x), addend, ref environment);
            if (environment.HasNoResult) result = x;
            if (result != frame.Result0 || environment.Flags != (frame.StatusWord & (FpFlags.All | FpFlags.RoundedUp)))
                Assert.Fail(Describe($"fadd m{bits}", i, control, x, new(operand, 0), frame, result, environment.Flags));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RemainderMatchesTheHost(bool nearest)
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a => { if (nearest) a.fprem1(); else a.fprem(); });
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ushort control = operands.ControlWord(masked: i % 2 == 0);
            Float80 x = operands.Extended();
            Float80 y = operands.Near(x);
            HostFpu.Frame frame = HostFpu.Frame.X87(control, x, y);
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(control);
            X87Remainder.Result remainder = X87Remainder.Remainder(x, y, nearest, ref environment);
            Float80 result = environment.HasNoResult ? x : remainder.Value;
            int status = (environment.Flags & FpFlags.All) | Conditions(remainder);
            if (result != frame.Result0 || status != (frame.StatusWord & (FpFlags.All | ConditionMask)))
                Assert.Fail(Describe(nearest ? "fprem1" : "fprem", i, control, x, y, frame, result, status));
        }
    }

    [Fact]
    public void ExtractMatchesTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a => { a.ffree(st7); a.fxtract(); });
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ushort control = operands.ControlWord(masked: i % 2 == 0);
            Float80 x = operands.Extended();
            HostFpu.Frame frame = HostFpu.Frame.X87(control, x, x);
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(control);
            Float80 significand = X87Remainder.Extract(x, ref environment, out Float80 exponent);
            if (environment.HasNoResult) significand = exponent = x;
            if (significand != frame.Result0 || exponent != frame.Result1 || environment.Flags != (frame.StatusWord & FpFlags.All))
                Assert.Fail(Describe("fxtract", i, control, x, exponent, frame, significand, environment.Flags));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ComparisonMatchesTheHost(bool quietIsInvalid)
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a => { if (quietIsInvalid) a.fcom(st0, st1); else a.fucom(st0, st1); });
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            Float80 x = operands.Extended();
            Float80 y = operands.Near(x);
            HostFpu.Frame frame = HostFpu.Frame.X87(0x37F, x, y);
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(0x37F);
            int status = X87Arithmetic.Compare(Unpacked.From(x), Unpacked.From(y), quietIsInvalid, ref environment) switch
            {
                FpRelation.Less => 0x100,
                FpRelation.Equal => 0x4000,
                FpRelation.Greater => 0,
                _ => 0x4500,
            };
            status |= environment.Flags;
            if (status != (frame.StatusWord & (FpFlags.All | ConditionMask)))
                Assert.Fail(Describe("fcom", i, 0x37F, x, y, frame, x, status));
        }
    }

    /// <summary>
    /// All masked: with an unmasked denormal AMD processors load all the same, while the manual leaves the stack alone
    /// (SDM vol. 1, 8.5.2), and so do we.
    /// </summary>
    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void LoadsMatchTheHost(int bits)
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a => { if (bits == 32) a.fld(__dword_ptr[rdi + 0x60]); else a.fld(__qword_ptr[rdi + 0x60]); });
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ushort control = operands.ControlWord();
            ulong operand = bits == 32 ? operands.Single() : operands.Double();
            HostFpu.Frame frame = HostFpu.Frame.X87(control, Float80.One, Float80.Zero) with { OperandLow = operand };
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(control);
            Float80 result = bits == 32
                ? X87Conversion.FromBinary<SingleFormat>(operand, ref environment)
                : X87Conversion.FromBinary<DoubleFormat>(operand, ref environment);
            if (result != frame.Result0 || environment.Flags != (frame.StatusWord & FpFlags.All))
                Assert.Fail(Describe($"fld m{bits}", i, control, new(operand, 0), default, frame, result, environment.Flags));
        }
    }

    /// <summary>Stores: what is written to memory, and the flags; nothing is written when an exception with a result is unmasked.</summary>
    [Theory]
    [InlineData("fst m32")]
    [InlineData("fst m64")]
    [InlineData("fist m16")]
    [InlineData("fist m32")]
    [InlineData("fistp m64")]
    [InlineData("fisttp m16")]
    [InlineData("fisttp m64")]
    [InlineData("fbstp")]
    public void StoresMatchTheHost(string name)
    {
        const ulong untouched = 0x5A5A_5A5A_5A5A_5A5A;
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a =>
        {
            switch (name)
            {
                case "fst m32": a.fst(__dword_ptr[rdi + 0x60]); break;
                case "fst m64": a.fst(__qword_ptr[rdi + 0x60]); break;
                case "fist m16": a.fist(__word_ptr[rdi + 0x60]); break;
                case "fist m32": a.fist(__dword_ptr[rdi + 0x60]); break;
                case "fistp m64": a.fistp(__qword_ptr[rdi + 0x60]); break;
                case "fisttp m16": a.fisttp(__word_ptr[rdi + 0x60]); break;
                case "fisttp m64": a.fisttp(__qword_ptr[rdi + 0x60]); break;
                default: a.fbstp(__tbyte_ptr[rdi + 0x60]); break;
            }
        });
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ushort control = operands.ControlWord(masked: i % 2 == 0);
            Float80 x = operands.Extended();
            HostFpu.Frame frame = HostFpu.Frame.X87(control, x, x) with { OperandLow = untouched, OperandHigh = untouched };
            oracle.Run(ref frame);

            FpEnvironment environment = FpEnvironment.FromControlWord(control);
            ulong high = untouched;
            (ulong low, ulong mask) = name switch
            {
                "fst m32" => (X87Conversion.ToBinary<SingleFormat>(x, ref environment), uint.MaxValue),
                "fst m64" => (X87Conversion.ToBinary<DoubleFormat>(x, ref environment), ulong.MaxValue),
                "fist m16" => ((ulong)X87Conversion.ToInteger(x, environment.Rounding, 16, ref environment), ushort.MaxValue),
                "fist m32" => ((ulong)X87Conversion.ToInteger(x, environment.Rounding, 32, ref environment), uint.MaxValue),
                "fistp m64" => ((ulong)X87Conversion.ToInteger(x, environment.Rounding, 64, ref environment), ulong.MaxValue),
                "fisttp m16" => ((ulong)X87Conversion.ToInteger(x, RoundingMode.Zero, 16, ref environment), ushort.MaxValue),
                "fisttp m64" => ((ulong)X87Conversion.ToInteger(x, RoundingMode.Zero, 64, ref environment), ulong.MaxValue),
                _ => (Decimal(x, ref environment, out high), ulong.MaxValue),
            };
            low = (low & mask) | (untouched & ~mask);
            if ((environment.Unmasked & ~FpFlags.Precision) != 0) low = high = untouched;
            int flags = frame.StatusWord & (FpFlags.All | FpFlags.RoundedUp);
            if (low != frame.OperandLow || high != frame.OperandHigh || environment.Flags != flags)
            {
                Assert.Fail($"{name}, seed {Seed}, case {i}: cw={control:x3} {Text(x)}: host {frame.OperandHigh:x}:{frame.OperandLow:x16} "
                    + $"flags {flags:x}, ours {high:x}:{low:x16} flags {environment.Flags:x}");
            }
        }
    }

    [Fact]
    public void DecimalLoadMatchesTheHost()
    {
        Assert.SkipUnless(HostFpu.IsAvailable, HostFpu.Missing);
        using HostFpu oracle = HostFpu.X87(a => a.fbld(__tbyte_ptr[rdi + 0x60]));
        RandomOperands operands = new(Seed);
        for (int i = 0; i < Cases; i++)
        {
            ulong low = 0;
            for (int digit = 0; digit < 16; digit++) low = (low << 4) | (uint)operands.Next(i % 3 == 0 ? 2 : 10);
            ushort high = (ushort)((operands.Next(10) << 4) | operands.Next(10) | (operands.Next(2) << 15));
            if (i % 16 == 0) (low, high) = (0, (ushort)(high & 0x8000));
            HostFpu.Frame frame = HostFpu.Frame.X87(0x37F, Float80.One, Float80.One) with { OperandLow = low, OperandHigh = high };
            oracle.Run(ref frame);
            Assert.Equal(frame.Result0, X87Decimal.Load(low, high));
        }
    }

    private static Operation Binary(Arithmetic operation) =>
        (Float80 x, Float80 y, ref FpEnvironment e) => operation(Unpacked.From(x), Unpacked.From(y), ref e);

    private static Operation Reversed(Arithmetic operation) =>
        (Float80 x, Float80 y, ref FpEnvironment e) => operation(Unpacked.From(y), Unpacked.From(x), ref e);

    private static ulong Decimal(Float80 value, ref FpEnvironment environment, out ulong high)
    {
        ulong low = X87Decimal.Store(value, ref environment, out ushort top);
        high = 0x5A5A_5A5A_5A5A_0000UL | top;
        return low;
    }

    /// <summary>C0, C3 and C1 hold bits 2, 1 and 0 of the quotient, C2 that the reduction is partial.</summary>
    private static int Conditions(in X87Remainder.Result remainder) =>
        ((remainder.Quotient & 4) << 6) | ((remainder.Quotient & 2) << 13) | ((remainder.Quotient & 1) << 9)
        | (remainder.IsPartial ? 0x400 : 0);

    private static string Describe(
        string name, int i, ushort control, Float80 x, Float80 y, in HostFpu.Frame frame, Float80 result, int flags) =>
        $"{name}, seed {Seed}, case {i}: cw={control:x3} st0={Text(x)} st1={Text(y)}: "
        + $"host {Text(frame.Result0)} flags {frame.StatusWord & (ConditionMask | FpFlags.All):x}, ours {Text(result)} flags {flags:x}";

    private static string Text(Float80 value) => $"{value.SignExponent:x4}.{value.Significand:x16}";
}
