using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>Which linear pages instructions were fetched from: a Bloom filter with one hash, never a false no.</summary>
internal struct CodeFilter
{
    // So many that a program with thousands of pages of code leaves most of them zero: each false yes makes all code be looked up again.
    private const int Bits = 1 << 16;
    private const int BitsPerElement = 64;

    private Buffer _bits;

    /// <summary>Adds the page of an address.</summary>
    public void Add(ulong linear)
    {
        uint hash = Hash(linear);
        _bits[(int)(hash >> 6)] |= 1UL << (int)hash;
    }

    /// <summary>False when nothing was fetched from the page.</summary>
    public readonly bool MayContain(ulong linear)
    {
        uint hash = Hash(linear);
        return (_bits[(int)(hash >> 6)] & (1UL << (int)hash)) != 0;
    }

    /// <summary>Empties it.</summary>
    public void Clear() => _bits = default;

    private static uint Hash(ulong linear) => (uint)(((linear >> 12) * 0x9E37_79B9_7F4A_7C15) >> 48);

    [InlineArray(Bits / BitsPerElement)]
    private struct Buffer
    {
        [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
        private ulong _first;
    }
}
