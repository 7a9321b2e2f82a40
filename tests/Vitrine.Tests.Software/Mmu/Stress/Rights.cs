namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>What all entries of a walk so far grant together (SDM vol. 3, 4.6), and the protection key of the last.</summary>
internal readonly record struct Rights(bool Writable, bool User, bool NoExecute, int Key = 0)
{
    /// <summary>Before the first entry.</summary>
    public static Rights All => new(true, true, false);

    /// <summary>With one more entry.</summary>
    public Rights And(ulong entry, bool executeDisable) => new(
        Writable && (entry & 2) != 0, User && (entry & 4) != 0, NoExecute || (executeDisable && entry >> 63 != 0));
}
