using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat.Operations;

/// <summary>CVT*: between the formats, and between them and integers.</summary>
internal static class Conversions
{
    /// <summary>How a conversion to an integer rounds.</summary>
    internal interface IRounding
    {
        /// <summary>The mode, given that of MXCSR.</summary>
        static abstract RoundingMode Mode(RoundingMode current);
    }

    /// <summary>As MXCSR says.</summary>
    internal readonly struct Current : IRounding
    {
        public static RoundingMode Mode(RoundingMode current) => current;
    }

    /// <summary>Toward zero, as the instruction says (CVTT*).</summary>
    internal readonly struct Truncate : IRounding
    {
        public static RoundingMode Mode(RoundingMode current) => RoundingMode.Zero;
    }

    /// <summary>CVTSS2SD, CVTSD2SS.</summary>
    internal readonly struct ScalarFormat<TFrom, TTo> : IFloatOp
        where TFrom : struct, ISseFormat
        where TTo : struct, ISseFormat
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment) =>
            FloatElements.With<TTo>(a, 0, SseConversion.Convert<TFrom, TTo>(FloatElements.Get<TFrom>(b, 0), ref environment));
    }

    /// <summary>CVTPS2PD, CVTPD2PS: two elements; what they don't fill is zero.</summary>
    internal readonly struct PackedFormat<TFrom, TTo> : IFloatOp
        where TFrom : struct, ISseFormat
        where TTo : struct, ISseFormat
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            ulong first = SseConversion.Convert<TFrom, TTo>(FloatElements.Get<TFrom>(b, 0), ref environment);
            ulong second = SseConversion.Convert<TFrom, TTo>(FloatElements.Get<TFrom>(b, 1), ref environment);
            return FloatElements.With<TTo>(FloatElements.With<TTo>(default, 0, first), 1, second);
        }
    }

    /// <summary>CVTSS2SI, CVTSD2SI, CVTTSS2SI, CVTTSD2SI; TInteger is int or long.</summary>
    internal readonly struct ScalarToInteger<TFormat, TInteger, TRounding> : IFloatOp
        where TFormat : struct, ISseFormat
        where TInteger : unmanaged
        where TRounding : struct, IRounding
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            int bits = typeof(TInteger) == typeof(int) ? 32 : 64;
            long value = SseConversion.ToInteger<TFormat>(
                FloatElements.Get<TFormat>(b, 0), TRounding.Mode(environment.Rounding), bits, ref environment);
            return Vector128.CreateScalar(value).AsByte();
        }
    }

    /// <summary>CVTPS2DQ, CVTTPS2DQ; CVTPD2DQ, CVTTPD2DQ, whose upper half is zero; CVTPS2PI and its kin use the lower half.</summary>
    internal readonly struct PackedToInteger<TFormat, TRounding> : IFloatOp
        where TFormat : struct, ISseFormat
        where TRounding : struct, IRounding
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment) =>
            ToIntegers<TFormat, TRounding>(b, FloatElements.Count<TFormat>(), ref environment);
    }

    /// <summary>CVTPS2PI, CVTTPS2PI: the lower two elements only, the others must not raise anything.</summary>
    internal readonly struct PairToInteger<TRounding> : IFloatOp
        where TRounding : struct, IRounding
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment) =>
            ToIntegers<SingleFormat, TRounding>(b, 2, ref environment);
    }

    /// <summary>CVTSI2SS, CVTSI2SD; TInteger is int or long.</summary>
    internal readonly struct IntegerToScalar<TFormat, TInteger> : IFloatOp
        where TFormat : struct, ISseFormat
        where TInteger : unmanaged
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            long value = typeof(TInteger) == typeof(int) ? b.AsInt32().ToScalar() : b.AsInt64().ToScalar();
            return FloatElements.With<TFormat>(a, 0, SseConversion.FromInteger<TFormat>(value, ref environment));
        }
    }

    /// <summary>CVTDQ2PS, CVTDQ2PD, CVTPI2PD: as many 32-bit integers as the format has elements.</summary>
    internal readonly struct IntegerToPacked<TFormat> : IFloatOp
        where TFormat : struct, ISseFormat
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment) =>
            FromIntegers<TFormat>(default, b, FloatElements.Count<TFormat>(), ref environment);
    }

    /// <summary>CVTPI2PS: the upper half keeps the destination's value.</summary>
    internal readonly struct IntegerToPair : IFloatOp
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment) =>
            FromIntegers<SingleFormat>(a, b, 2, ref environment);
    }

    private static Vector128<byte> ToIntegers<TFormat, TRounding>(Vector128<byte> source, int count, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
        where TRounding : struct, IRounding
    {
        Vector128<int> result = default;
        for (int i = 0; i < count; i++)
        {
            long value = SseConversion.ToInteger<TFormat>(
                FloatElements.Get<TFormat>(source, i), TRounding.Mode(environment.Rounding), 32, ref environment);
            result = result.WithElement(i, (int)value);
        }

        return result.AsByte();
    }

    private static Vector128<byte> FromIntegers<TFormat>(
        Vector128<byte> result, Vector128<byte> source, int count, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        for (int i = 0; i < count; i++)
        {
            ulong element = SseConversion.FromInteger<TFormat>(source.AsInt32().GetElement(i), ref environment);
            result = FloatElements.With<TFormat>(result, i, element);
        }

        return result;
    }
}
