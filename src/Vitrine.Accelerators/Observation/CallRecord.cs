namespace Vitrine.Accelerators.Observation;

/// <summary>One call that was made to an accelerator, or by it to the kernel.</summary>
/// <param name="Number">Position among all calls, from 1.</param>
/// <param name="Parent">The call that it was made in; 0 for none. A KVM ioctl's parent is the call of the contract.</param>
/// <param name="Target">What it was made on: "accelerator", "vcpu 0" (calls of the contract); "/dev/kvm", "vm fd", "vcpu fd 0" (system calls);
/// <see cref="ObserverTarget"/> for what the observer itself asks.</param>
/// <param name="Name">Member of the contract, or the ioctl as in linux/kvm.h: "KVM_SET_SREGS2".</param>
/// <param name="Arguments">Names and values, decoded, in order.</param>
/// <param name="Result">What it returned, decoded: "0", "fd 12", "-E2BIG".</param>
/// <param name="Duration">How long it took, with the calls made in it.</param>
/// <param name="Thread">Name of the thread that made it.</param>
public sealed record CallRecord(
    int Number,
    int Parent,
    string Target,
    string Name,
    IReadOnlyList<KeyValuePair<string, string>> Arguments,
    string Result,
    TimeSpan Duration,
    string Thread)
{
    /// <summary>When it began, counted from the first call; null where only the order is known.</summary>
    public TimeSpan? Begun { get; init; }

    /// <summary>The <see cref="Target"/> of a call that the observer makes for its own sake; no machine would have made it, nor what it causes.</summary>
    public const string ObserverTarget = "observer";
}
