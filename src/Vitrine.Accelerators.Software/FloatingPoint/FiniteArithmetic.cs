namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Add, multiply, divide and square root of finite operands that are not zero: exact, or exact up to a sticky bit.</summary>
internal static class FiniteArithmetic
{
    /// <summary>Adds; false when the sum is exactly zero.</summary>
    public static bool TryAdd(in Unpacked a, in Unpacked b, out ExactResult sum) => TryAdd(ExactResult.From(a), ExactResult.From(b), out sum);

    /// <summary>Adds exact results, of which at least the upper 64 bits are significant; false when the sum is exactly zero.</summary>
    public static bool TryAdd(in ExactResult a, in ExactResult b, out ExactResult sum)
    {
        bool swap = a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.Significand < b.Significand);
        ref readonly ExactResult large = ref swap ? ref b : ref a;
        ref readonly ExactResult small = ref swap ? ref a : ref b;
        int exponent = large.Exponent;
        int distance = exponent - small.Exponent;
        if (large.Negative == small.Negative)
        {
            // One bit of head-room for the carry.
            UInt128 high = ExactResult.ShiftRightSticky(large.Significand, 1);
            UInt128 low = ExactResult.ShiftRightSticky(small.Significand, distance + 1);
            sum = ExactResult.Normalize(large.Negative, exponent + 1, high + low);
            return true;
        }

        UInt128 difference = large.Significand - ExactResult.ShiftRightSticky(small.Significand, distance);
        if (difference == UInt128.Zero)
        {
            sum = default;
            return false;
        }

        sum = ExactResult.Normalize(large.Negative, exponent, difference);
        return true;
    }

    /// <summary>Multiplies.</summary>
    public static ExactResult Multiply(in Unpacked a, in Unpacked b)
    {
        ulong high = Math.BigMul(a.Significand, b.Significand, out ulong low);
        int exponent = a.Exponent + b.Exponent;
        bool negative = a.Negative != b.Negative;
        return (long)high < 0
            ? new(negative, exponent + 1, high, low)
            : new(negative, exponent, (high << 1) | (low >> 63), low << 1);
    }

    /// <summary>Divides.</summary>
    public static ExactResult Divide(in Unpacked a, in Unpacked b)
    {
        ulong divisor = b.Significand;
        bool atLeastOne = a.Significand >= divisor;
        ulong quotient = atLeastOne
            ? DivideWide(a.Significand >> 1, a.Significand << 63, divisor, out ulong remainder)
            : DivideWide(a.Significand, 0, divisor, out remainder);
        return new(
            a.Negative != b.Negative,
            a.Exponent - b.Exponent - (atLeastOne ? 0 : 1),
            quotient,
            Tail(remainder, divisor));
    }

    /// <summary>The square root of a positive operand.</summary>
    public static ExactResult SquareRoot(in Unpacked a)
    {
        UInt128 radicand = (a.Exponent & 1) == 0 ? new UInt128(a.Significand, 0) >> 1 : new UInt128(a.Significand, 0);
        ulong root = IntegerSquareRoot(radicand);
        UInt128 remainder = radicand - Square(root);
        // radicand > (root + 1/2)^2 exactly when the remainder exceeds the root; a tie can't be.
        ulong low = (remainder > root ? 1UL << 63 : 0) | (remainder == UInt128.Zero ? 0UL : 1);
        return new(false, a.Exponent >> 1, root, low);
    }

    /// <summary>(high:low) / divisor, where high is below divisor and bit 63 of divisor is set.</summary>
    public static ulong DivideWide(ulong high, ulong low, ulong divisor, out ulong remainder)
    {
        // Knuth's algorithm D with 32-bit digits.
        ulong upper = DivideStep(high, low >> 32, divisor, out ulong rest);
        ulong lower = DivideStep(rest, low & 0xFFFF_FFFF, divisor, out remainder);
        return (upper << 32) | lower;
    }

    private static ulong DivideStep(ulong high, ulong nextDigit, ulong divisor, out ulong remainder)
    {
        ulong top = divisor >> 32;
        ulong bottom = divisor & 0xFFFF_FFFF;
        ulong digit = high / top;
        ulong rest = high - (digit * top);
        while (digit > 0xFFFF_FFFF || digit * bottom > ((rest << 32) | nextDigit))
        {
            digit--;
            rest += top;
            if (rest > 0xFFFF_FFFF) break;
        }

        remainder = unchecked(((high << 32) | nextDigit) - (digit * divisor));
        return digit;
    }

    private static ulong Tail(ulong remainder, ulong divisor)
    {
        if (remainder == 0) return 0;
        ulong toNext = divisor - remainder;
        return remainder > toNext ? (1UL << 63) | 1 : remainder == toNext ? 1UL << 63 : 1;
    }

    /// <summary>The root, rounded down, of a radicand of at least 2^126.</summary>
    private static ulong IntegerSquareRoot(UInt128 radicand)
    {
        // The double's root has 52 good bits; one Newton step brings them all but for the last one or two.
        double estimate = Math.Sqrt((double)(ulong)(radicand >> 64)) * 4294967296.0;
        ulong root = estimate >= 18446744073709551615.0 ? ulong.MaxValue : (ulong)estimate;
        if (root < 1UL << 63) root = 1UL << 63;
        ulong high = (ulong)(radicand >> 64);
        if (high < root)
        {
            ulong quotient = DivideWide(high, (ulong)radicand, root, out _);
            root = (root >> 1) + (quotient >> 1) + (root & quotient & 1);
        }

        while (Square(root) > radicand) root--;
        while (root != ulong.MaxValue && Square(root + 1) <= radicand) root++;
        return root;
    }

    private static UInt128 Square(ulong value)
    {
        ulong high = Math.BigMul(value, value, out ulong low);
        return new UInt128(high, low);
    }
}
