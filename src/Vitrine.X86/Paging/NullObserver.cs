namespace Vitrine.X86.Paging;

/// <summary>Watches nothing.</summary>
public readonly struct NullObserver : IPageWalkObserver
{
    /// <inheritdoc/>
    public void OnEntry(int level, ulong entryAddress, ulong rawValue)
    {
    }

    /// <inheritdoc/>
    public void OnPointerRegister(int index, ulong rawValue)
    {
    }

    /// <inheritdoc/>
    public void OnUpdate(int level, ulong entryAddress, ulong newValue)
    {
    }

    /// <inheritdoc/>
    public void OnRestart()
    {
    }
}
