using Vitrine.X86.State;

namespace Vitrine.Accelerators.Observation;

/// <summary>One put of a vCPU's state into the accelerator.</summary>
/// <param name="Call">Number of the call in the <see cref="CallLog"/>.</param>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Level">How much of the state was to be written.</param>
/// <param name="DirtyBefore">Whether our copy was the truth when the put began.</param>
/// <param name="DirtyAfter">Whether it still was when the put had ended; true after one that failed.</param>
/// <param name="Changes">The registers whose value differed from what the accelerator had by itself: before is the accelerator's, after is ours.</param>
public sealed record StatePut(
    int Call, int Vcpu, PutLevel Level, bool DirtyBefore, bool DirtyAfter, IReadOnlyList<RegisterChange> Changes);
