namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>
/// Code that an engine beside the interpreter has made of guest code, as the cache of decoded blocks sees it: both are dropped together, because they
/// were made from the same bytes.
/// </summary>
internal abstract unsafe class EngineCode
{
    // SAFETY: a block's pointer is the engine's own; the cache keeps the first of each page and hands it back.

    /// <summary>Drops the engine's blocks of a page, which the engine has linked.</summary>
    /// <param name="first">The block that was committed last, see <see cref="BlockCache.Commit(void*, byte*, int, IReadOnlyList{ValueTuple{int, int}}, byte*)"/>.</param>
    public abstract void Drop(void* first);

    /// <summary>Drops everything, and hands out the memory again.</summary>
    public abstract void Flush();

    /// <summary>Gives the host the memory back. After <see cref="Flush"/>.</summary>
    public abstract void Release();

    /// <summary>RIPs may mean other code from now on: nothing may be entered without being looked up.</summary>
    public abstract void ForgetKeys();
}
