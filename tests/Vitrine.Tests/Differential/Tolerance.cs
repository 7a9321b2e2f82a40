using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>Instructions whose results the manual only bounds.</summary>
internal static class Tolerance
{
    // RCP and RSQRT: a relative error of 1.5 * 2^-12 on either side (SDM vol. 2, RCPPS).
    private const float Reciprocal = 3f / 4096;

    // The least normal number, and as much above it as the error may hide.
    private const float LargestTiny = 1.1754944e-38f * (1 + (2 * Reciprocal));

    // Transcendentals: less than one unit in the last place on either side (SDM vol. 1, 8.3.10), of a result that is rounded.
    private const ulong Ulps = 2;

    public static bool IsApproximation(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Rcpps or Mnemonic.Rcpss or Mnemonic.Rsqrtps or Mnemonic.Rsqrtss;

    public static bool IsTranscendental(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan or Mnemonic.Fpatan
            or Mnemonic.F2xm1 or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1;

    /// <summary>
    /// Where a translated instruction faults, flags are not what they were if this instruction and those behind it overwrite them before anybody
    /// reads them: they were never saved. Whoever goes on with the instruction can't tell.
    /// </summary>
    public static ulong FreeFlagsAtFault(List<Instruction> instructions, ulong rip) =>
        instructions.Count == 1 ? 0 : FlagFlow.OverwrittenUnseen(instructions, FlagFlow.IndexOf(instructions, rip));

    /// <summary>True when the four single-precision lanes are near enough.</summary>
    public static bool AreNear(UInt128 a, UInt128 b)
    {
        for (int lane = 0; lane < 4; lane++)
        {
            uint x = (uint)(a >> (32 * lane));
            uint y = (uint)(b >> (32 * lane));
            if (x == y) continue;
            float f = BitConverter.UInt32BitsToSingle(x);
            float g = BitConverter.UInt32BitsToSingle(y);

            // Tiny results are flushed to zero, and a result may be tiny on one side only.
            if (float.Abs(f) <= LargestTiny && float.Abs(g) <= LargestTiny && float.IsNegative(f) == float.IsNegative(g)) continue;
            if (!(float.Abs(f - g) <= Reciprocal * float.Abs(f))) return false;
        }

        return true;
    }

    /// <summary>True when two extended-precision numbers are a few units in the last place apart.</summary>
    public static bool AreNear(ulong significand1, ushort signExponent1, ulong significand2, ushort signExponent2)
    {
        UInt128 a = new((ulong)signExponent1 & 0x7FFF, significand1 << 1);
        UInt128 b = new((ulong)signExponent2 & 0x7FFF, significand2 << 1);
        UInt128 distance = a > b ? a - b : b - a;
        return ((signExponent1 ^ signExponent2) & 0x8000) == 0 && distance <= 2 * Ulps;
    }
}
