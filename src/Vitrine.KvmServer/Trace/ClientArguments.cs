using Vitrine.Kvm.Trace;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Trace;

/// <summary>What a client's arguments point into, which may not be there.</summary>
internal sealed class ClientArguments : IArgumentMemory
{
    private ClientArguments()
    {
    }

    /// <summary>The one instance.</summary>
    public static ClientArguments Instance { get; } = new();

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination) => ClientMemory.Read(address, destination) == 0;
}
