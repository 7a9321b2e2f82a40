using Vitrine.Accelerators.Software.FloatingPoint;
using Xunit;

namespace Vitrine.Tests.Software.FloatingPoint;

/// <summary>
/// Flags left in MXCSR when an unmasked exception traps, captured in a SIGFPE handler on an AMD EPYC (Zen 4): an unmasked exception
/// found before the computation stands alone, one found after it does not hide inexactness.
/// </summary>
public sealed class SseUnmaskedTests
{
    [Theory]
    // operation, unmasked, a, b, flags
    [InlineData("mul", FpFlags.Overflow, 0x7FE0_0000_0000_0000, 0x7FE0_0000_0000_0000, FpFlags.Overflow)]
    [InlineData("mul", FpFlags.Overflow, 0x7FE0_0000_0000_0001, 0x7FE0_0000_0000_0001, FpFlags.Overflow | FpFlags.Precision)]
    [InlineData("mul", FpFlags.Underflow, 0x0010_0000_0000_0000, 0x3FE0_0000_0000_0000, FpFlags.Underflow)]
    [InlineData("mul", FpFlags.Underflow, 0x0010_0000_0000_0001, 0x3FD0_0000_0000_0001, FpFlags.Underflow | FpFlags.Precision)]
    [InlineData("mul", FpFlags.Precision, 0x7FE0_0000_0000_0000, 0x7FE0_0000_0000_0000, FpFlags.Overflow | FpFlags.Precision)]
    [InlineData("mul", FpFlags.Precision, 0x0010_0000_0000_0001, 0x3FD0_0000_0000_0001, FpFlags.Underflow | FpFlags.Precision)]
    [InlineData("add", FpFlags.Denormal, 0x0000_0000_0000_0001, 0x3FF0_0000_0000_0000, FpFlags.Denormal)]
    [InlineData("div", FpFlags.Denormal, 0x3FF0_0000_0000_0000, 0x0000_0000_0000_0001, FpFlags.Denormal)]
    [InlineData("div", FpFlags.Denormal, 0x0000_0000_0000_0001, 0x0000_0000_0000_0000, FpFlags.ZeroDivide)]
    [InlineData("div", FpFlags.ZeroDivide, 0x0000_0000_0000_0001, 0x0000_0000_0000_0000, FpFlags.ZeroDivide)]
    [InlineData("div", FpFlags.ZeroDivide, 0x3FF0_0000_0000_0000, 0x0000_0000_0000_0000, FpFlags.ZeroDivide)]
    [InlineData("min", FpFlags.Invalid, 0x7FF8_0000_0000_0000, 0x0000_0000_0000_0001, FpFlags.Invalid)]
    [InlineData("min", FpFlags.Denormal, 0x3FF8_0000_0000_0000, 0x0000_0000_0000_0001, FpFlags.Denormal)]
    [InlineData("cvt", FpFlags.Underflow, 0x3800_0000_0000_0000, 0x0000_0000_0000_0000, FpFlags.Underflow)]
    public void FlagsAreThoseOfHardware(string operation, int unmasked, ulong a, ulong b, int expected)
    {
        FpEnvironment environment = FpEnvironment.FromMxcsr(0x1F80u & ~((uint)unmasked << 7));
        _ = operation switch
        {
            "mul" => SseArithmetic.Multiply<DoubleFormat>(a, b, ref environment),
            "add" => SseArithmetic.Add<DoubleFormat>(a, b, ref environment),
            "div" => SseArithmetic.Divide<DoubleFormat>(a, b, ref environment),
            "min" => SseArithmetic.Min<DoubleFormat>(a, b, ref environment),
            _ => SseConversion.Convert<DoubleFormat, SingleFormat>(a, ref environment),
        };
        Assert.Equal(expected, environment.Flags & FpFlags.All);
    }
}
