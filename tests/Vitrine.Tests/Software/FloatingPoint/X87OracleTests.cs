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

    private static readonly Dictionary<string, (Action<Assembler> Host, Operation Ours)> Operations = new()
    {
        ["fadd"] = (a => a.fadd(st0, st1), X87Arithmetic.Add),
        ["fsub"] = (a => a.fsub(st0, st1), X87Arithmetic.Subtract),
        ["fsubr"] = (a => a.fsubr(st0, st1), (Float80 x, Float80 y, ref FpEnvironment e) => X87Arithmetic.Subtract(y, x, ref e)),
        ["fmul"] = (a => a.fmul(st0, st1), X87Arithmetic.Multiply),
        ["fdiv"] = (a => a.fdiv(st0, st1), X87Arithmetic.Divide),
        ["fdivr"] = (a => a.fdivr(st0, st1), (Float80 x, Float80 y, ref FpEnvironment e) => X87Arithmetic.Divide(y, x, ref e)),
        ["fsqrt"] = (a => a.fsqrt(), (Float80 x, Float80 y, ref FpEnvironment e) => X87Arithmetic.SquareRoot(x, ref e)),
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
        Operands operands = new(Seed);
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

    private static string Describe(
        string name, int i, ushort control, Float80 x, Float80 y, in HostFpu.Frame frame, Float80 result, int flags) =>
        $"{name}, seed {Seed}, case {i}: cw={control:x3} st0={Text(x)} st1={Text(y)}: "
        + $"host {Text(frame.Result0)} flags {frame.StatusWord & (ConditionMask | FpFlags.All):x}, ours {Text(result)} flags {flags:x}";

    private static string Text(Float80 value) => $"{value.SignExponent:x4}.{value.Significand:x16}";
}
