namespace Vitrine.Explain.Model;

/// <summary>Calls of a client that follow each other and put the state of a vCPU.</summary>
/// <param name="Level">How much of the state is put, in the client's own words as far as they can be told: "KVM_PUT_FULL_STATE"; else empty.</param>
/// <param name="Why">What the level is told by, and which function makes the calls.</param>
/// <param name="Calls">The calls.</param>
public sealed record ClientPutFact(string Level, string Why, IReadOnlyList<ClientPutCallFact> Calls)
{
    /// <summary>The level is nowhere in a call: derived.</summary>
    public Evidence Evidence => Evidence.Derived;
}
