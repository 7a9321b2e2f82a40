namespace Vitrine.Kvm.Watch;

/// <summary>What is to be done with a call of the client's.</summary>
public enum CallStart
{
    /// <summary>It goes to the kernel, and nobody hears of its end.</summary>
    Unobserved,

    /// <summary>It goes to the kernel, and then to <see cref="KvmWatch.Ends"/>.</summary>
    Observed,

    /// <summary>KVM_RUN has returned already, with 0: it goes to <see cref="KvmWatch.Ends"/> only.</summary>
    Answered,
}
