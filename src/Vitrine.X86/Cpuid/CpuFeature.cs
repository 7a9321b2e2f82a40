namespace Vitrine.X86.Cpuid;

/// <summary>A feature that one bit of CPUID announces.</summary>
/// <param name="Name">Its name as Linux shows it in /proc/cpuinfo.</param>
/// <param name="Leaf">Leaf.</param>
/// <param name="Subleaf">Subleaf.</param>
/// <param name="Register">Register.</param>
/// <param name="Bit">Bit number.</param>
public sealed record CpuFeature(string Name, uint Leaf, uint Subleaf, CpuidRegister Register, int Bit)
{
    /// <summary>The bit as a mask.</summary>
    public uint Mask => 1u << Bit;

    /// <summary>True when <paramref name="entries"/> announce the feature.</summary>
    public bool IsIn(IEnumerable<CpuidEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        foreach (CpuidEntry entry in entries)
        {
            if (entry.Function == Leaf && entry.Index == Subleaf)
                return (entry[Register] & Mask) != 0;
        }

        return false;
    }
}
