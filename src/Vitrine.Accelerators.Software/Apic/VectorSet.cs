using System.Numerics;
using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Apic;

/// <summary>A set of the 256 vectors.</summary>
[InlineArray(Words)]
internal struct VectorSet
{
    /// <summary>64-bit words in it.</summary>
    public const int Words = 4;

    private ulong _element0;

    /// <summary>The highest vector in it, which has the highest priority; -1 when empty.</summary>
    public readonly int Highest
    {
        get
        {
            for (int i = Words - 1; i >= 0; i--)
            {
                if (this[i] != 0)
                    return (64 * i) + BitOperations.Log2(this[i]);
            }

            return -1;
        }
    }

    /// <summary>True when the vector is in it.</summary>
    public readonly bool Contains(int vector) => (this[vector >> 6] & (1UL << (vector & 63))) != 0;

    /// <summary>Adds a vector.</summary>
    public void Add(int vector) => this[vector >> 6] |= 1UL << (vector & 63);

    /// <summary>Takes a vector out.</summary>
    public void Remove(int vector) => this[vector >> 6] &= ~(1UL << (vector & 63));

    /// <summary>Vectors 32 × <paramref name="index"/> on, as one of the APIC's eight registers holds them.</summary>
    public readonly uint GetRegister(int index) => (uint)(this[index >> 1] >> (32 * (index & 1)));

    /// <summary>Sets what <see cref="GetRegister"/> gets.</summary>
    public void SetRegister(int index, uint value)
    {
        int shift = 32 * (index & 1);
        this[index >> 1] = (this[index >> 1] & ~(0xFFFF_FFFFUL << shift)) | ((ulong)value << shift);
    }
}
