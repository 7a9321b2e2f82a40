using Vitrine.X86.Paging;

namespace Vitrine.Explain.Fetch;

/// <summary>Keeps what a page walk reads, in order.</summary>
internal readonly struct WalkRecorder(List<WalkRecorder.Entry> entries) : IPageWalkObserver
{
    /// <inheritdoc/>
    public void OnEntry(int level, ulong entryAddress, ulong rawValue) => entries.Add(new(level, entryAddress, rawValue, false, 0));

    /// <inheritdoc/>
    public void OnPointerRegister(int index, ulong rawValue) => entries.Add(new(3, 0, rawValue, true, index));

    /// <inheritdoc/>
    public void OnUpdate(int level, ulong entryAddress, ulong newValue)
    {
    }

    /// <inheritdoc/>
    public void OnRestart() => entries.Clear();

    /// <summary>One entry.</summary>
    internal readonly record struct Entry(int Level, ulong Address, ulong Value, bool IsRegister, int RegisterIndex);
}
