namespace Vitrine.Explain.Model;

/// <summary>One call of a client that puts registers.</summary>
/// <param name="Call">Its number among the calls.</param>
/// <param name="Name">The ioctl.</param>
/// <param name="Function">The client's function that makes it; empty where it isn't known.</param>
/// <param name="Values">How many values it passes.</param>
/// <param name="Changes">Registers of the vCPU that it changed, with what they held before; empty where all was there already.</param>
public sealed record ClientPutCallFact(int Call, string Name, string Function, int Values, IReadOnlyList<RegisterChange> Changes)
{
    /// <summary>The vCPU's registers are read before and behind the call: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
