using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Trace;

/// <summary>Reads structures out of the memory that arguments point into.</summary>
internal static class ArgumentReader
{
    /// <summary>Reads one structure.</summary>
    /// <returns>False when it isn't wholly there.</returns>
    public static bool TryRead<T>(this IArgumentMemory memory, ulong address, out T value)
        where T : unmanaged
    {
        value = default;
        return memory.TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }

    /// <summary>Reads what follows a list's header.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="address">Address of the first entry.</param>
    /// <param name="count">How many there are to be, and at most <paramref name="most"/>.</param>
    /// <param name="most">What the kernel takes at most.</param>
    /// <returns>The entries; none when they aren't all there.</returns>
    public static T[] ReadList<T>(this IArgumentMemory memory, ulong address, uint count, int most)
        where T : unmanaged
    {
        T[] entries = new T[Math.Min(count, (uint)most)];
        return memory.TryRead(address, MemoryMarshal.AsBytes(entries.AsSpan())) ? entries : [];
    }
}
