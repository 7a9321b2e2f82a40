namespace Vitrine.X86.VmEntry.Rules;

/// <summary>IA32_PAT (SDM vol. 3, 11.12.2).</summary>
internal static class PatValue
{
    /// <summary>True when each of the eight entries is a memory type: UC, WC, WT, WP, WB or UC−.</summary>
    public static bool IsValid(ulong pat)
    {
        for (int entry = 0; entry < 8; entry++, pat >>= 8)
        {
            if ((pat & 0xFF) is not (0 or 1 or 4 or 5 or 6 or 7)) return false;
        }

        return true;
    }
}
