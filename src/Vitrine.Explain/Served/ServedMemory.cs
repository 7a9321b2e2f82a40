using Vitrine.Explain.Fetch;
using Vitrine.KvmServer.Watch;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Explain.Served;

/// <summary>The memory of a served machine, which is its client's.</summary>
/// <param name="vcpu">Through whom it is read.</param>
internal sealed class ServedMemory(WatchedVcpu vcpu) : IExplainedMemory
{
    /// <inheritdoc/>
    public bool TryRead(Gpa address, Span<byte> destination) => vcpu.TryRead(address, destination);

    /// <inheritdoc/>
    public MemorySlot? Find(Gpa address) => vcpu.Find(address);
}
