using Vitrine.Accelerators.Observation;

namespace Vitrine.Explain.Model;

/// <summary>Step 1.</summary>
/// <param name="Calls">In the order in which they began.</param>
public sealed record CreationStory(IReadOnlyList<CallRecord> Calls)
{
    /// <summary>Calls are logged as they are made: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
