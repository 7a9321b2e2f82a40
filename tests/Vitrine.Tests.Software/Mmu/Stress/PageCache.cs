namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>All that a processor may hold for one linear page in one address space.</summary>
internal sealed class PageCache
{
    public List<CachedPage> Pages { get; } = [];

    /// <summary>Tables by the level that they are read at, 1 to 3.</summary>
    public List<CachedTable>[] Tables { get; } = [[], [], [], []];

    public void ClearTables()
    {
        foreach (List<CachedTable> tables in Tables) tables.Clear();
    }

    public void Clear()
    {
        Pages.Clear();
        ClearTables();
    }
}
