using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;

namespace Vitrine.Accelerators.Software;

/// <summary>What a software vCPU is in the middle of.</summary>
/// <param name="exit">Its last exit.</param>
/// <param name="client">What its client has left for it.</param>
internal sealed class UnfinishedVcpu(UnfinishedExit exit, ClientEvents client) : UnfinishedWork
{
    /// <summary>Its last exit.</summary>
    public UnfinishedExit Exit { get; } = exit;

    /// <summary>What its client has left for it.</summary>
    public ClientEvents Client { get; } = client;
}
