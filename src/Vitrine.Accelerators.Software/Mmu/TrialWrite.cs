using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>One write of a trial run.</summary>
internal readonly struct TrialWrite
{
    /// <summary>The most bytes that one holds.</summary>
    public const int Capacity = 32;

    private readonly Storage _bytes;

    /// <summary>Notes a write.</summary>
    /// <param name="instruction">The number of its instruction.</param>
    /// <param name="gpa">Its guest-physical address.</param>
    /// <param name="host">Its host address.</param>
    /// <param name="bytes">What is written, up to <see cref="Capacity"/> bytes.</param>
    public TrialWrite(int instruction, ulong gpa, nint host, ReadOnlySpan<byte> bytes)
    {
        Instruction = instruction;
        Gpa = gpa;
        Host = host;
        Size = bytes.Length;
        bytes.CopyTo(_bytes);
    }

    /// <summary>The number of its instruction.</summary>
    public int Instruction { get; }

    /// <summary>How many bytes.</summary>
    public int Size { get; }

    /// <summary>Its guest-physical address.</summary>
    public ulong Gpa { get; }

    /// <summary>Its host address.</summary>
    public nint Host { get; }

    /// <summary>What is written.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes => ((ReadOnlySpan<byte>)_bytes)[..Size];

    [InlineArray(Capacity)]
    private struct Storage
    {
        [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
        private byte _first;
    }
}
