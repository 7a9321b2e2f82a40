using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Explain.Fetch;

/// <summary>A guest's memory as explanations read it: of a machine of this library, or of a client's that is served.</summary>
internal interface IExplainedMemory
{
    /// <summary>Copies guest memory out; the range may span adjacent slots.</summary>
    /// <returns>False when part of the range has no slot, or can't be read; the destination is then undefined.</returns>
    bool TryRead(Gpa address, Span<byte> destination);

    /// <summary>The slot that holds an address; null when none does.</summary>
    MemorySlot? Find(Gpa address);
}
