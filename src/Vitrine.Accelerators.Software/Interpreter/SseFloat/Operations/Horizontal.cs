using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat.Operations;

/// <summary>HADDPS, HSUBPS, ADDSUBPS, DPPS and their double forms.</summary>
internal static class Horizontal
{
    /// <summary>Combines neighbouring elements: those of the destination give the lower half, those of the source the upper.</summary>
    internal readonly struct Pairs<TElement, TFormat> : IFloatOp
        where TElement : struct, IElementOp
        where TFormat : struct, ISseFormat
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            Vector128<byte> result = default;
            int half = FloatElements.Count<TFormat>() / 2;
            for (int i = 0; i < half * 2; i++)
            {
                Vector128<byte> source = i < half ? a : b;
                int first = i % half * 2;
                ulong element = TElement.Apply<TFormat>(
                    FloatElements.Get<TFormat>(source, first), FloatElements.Get<TFormat>(source, first + 1), control, ref environment);
                result = FloatElements.With<TFormat>(result, i, element);
            }

            return result;
        }
    }

    /// <summary>Subtracts in even elements, adds in odd ones.</summary>
    internal readonly struct Alternating<TFormat> : IFloatOp
        where TFormat : struct, ISseFormat
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            Vector128<byte> result = default;
            for (int i = 0; i < FloatElements.Count<TFormat>(); i++)
            {
                ulong x = FloatElements.Get<TFormat>(a, i);
                ulong y = FloatElements.Get<TFormat>(b, i);
                ulong element = (i & 1) == 0
                    ? SseArithmetic.Subtract<TFormat>(x, y, ref environment)
                    : SseArithmetic.Add<TFormat>(x, y, ref environment);
                result = FloatElements.With<TFormat>(result, i, element);
            }

            return result;
        }
    }

    /// <summary>
    /// DPPS, DPPD: immediate bits 7:4 choose the products, bits 3:0 the elements that receive their sum, rounded after each step
    /// and added in pairs (SDM vol. 2, DPPS).
    /// </summary>
    internal readonly struct DotProduct<TFormat> : IFloatOp
        where TFormat : struct, ISseFormat
    {
        public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            Vector128<byte> products = Multiply(a, b, control, ref environment);
            if (!TryFinishStep(ref environment)) return default;
            Vector128<byte> sums = AddPairs(products, ref environment);
            if (!TryFinishStep(ref environment)) return default;
            ulong sum = AddSums(sums, ref environment);
            Vector128<byte> result = default;
            for (int i = 0; i < FloatElements.Count<TFormat>(); i++)
            {
                if ((control & (1 << i)) != 0) result = FloatElements.With<TFormat>(result, i, sum);
            }

            return result;
        }

        /// <summary>The first step: the chosen products; the others are zero.</summary>
        public static Vector128<byte> Multiply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
        {
            Vector128<byte> products = default;
            for (int i = 0; i < FloatElements.Count<TFormat>(); i++)
            {
                if ((control & (0x10 << i)) == 0) continue;
                ulong product = SseArithmetic.Multiply<TFormat>(
                    FloatElements.Get<TFormat>(a, i), FloatElements.Get<TFormat>(b, i), ref environment);
                products = FloatElements.With<TFormat>(products, i, product);
            }

            return products;
        }

        /// <summary>The second step: the sums of pairs, in the lowest elements.</summary>
        public static Vector128<byte> AddPairs(Vector128<byte> products, ref FpEnvironment environment) =>
            Pairs<Arithmetic.Add, TFormat>.Apply(products, default, 0, ref environment);

        /// <summary>The third step, of four elements: the sum of the sums.</summary>
        public static ulong AddSums(Vector128<byte> sums, ref FpEnvironment environment)
        {
            ulong lower = FloatElements.Get<TFormat>(sums, 0);
            return FloatElements.Count<TFormat>() == 2 ? lower
                : SseArithmetic.Add<TFormat>(lower, FloatElements.Get<TFormat>(sums, 1), ref environment);
        }

        /// <summary>An unmasked exception of a step is reported before the next one begins; the destination then keeps its value.</summary>
        /// <returns>False when there is one.</returns>
        public static bool TryFinishStep(ref FpEnvironment environment)
        {
            if (environment.Unmasked != 0) return false;
            environment.FinishStep();
            return true;
        }
    }
}
