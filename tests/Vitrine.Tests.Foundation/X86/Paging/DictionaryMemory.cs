using Vitrine.X86.Paging;
using Xunit;

namespace Vitrine.Tests.X86.Paging;

/// <summary>Page-table memory of single entries; what isn't in it is no memory.</summary>
internal readonly struct DictionaryMemory(int entrySize) : IPageTableMemory
{
    public Dictionary<ulong, ulong> Entries { get; } = [];

    /// <summary>Entries that can be read but not written.</summary>
    public HashSet<ulong> ReadOnly { get; } = [];

    /// <summary>Runs once before a compare-exchange, as another processor might.</summary>
    public Queue<Action> Interference { get; } = [];

    public bool TryRead(ulong gpa, int size, out ulong value)
    {
        Assert.Equal(entrySize, size);
        Assert.Equal(0UL, gpa % (ulong)size);
        return Entries.TryGetValue(gpa, out value);
    }

    public bool TryCompareExchange(ulong gpa, int size, ulong expected, ulong desired)
    {
        Assert.Equal(entrySize, size);
        if (Interference.TryDequeue(out Action? action))
            action();
        if (ReadOnly.Contains(gpa) || !Entries.TryGetValue(gpa, out ulong now) || now != expected)
            return false;
        Entries[gpa] = desired;
        return true;
    }
}
