using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Explain.Fetch;

/// <summary>The memory of a machine of this library.</summary>
/// <param name="memory">It.</param>
internal sealed class MachineMemory(GuestMemory memory) : IExplainedMemory
{
    /// <inheritdoc/>
    public bool TryRead(Gpa address, Span<byte> destination) => memory.TryRead(address, destination);

    /// <inheritdoc/>
    public MemorySlot? Find(Gpa address) => memory.Find(address);
}
