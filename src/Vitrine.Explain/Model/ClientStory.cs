namespace Vitrine.Explain.Model;

/// <summary>The program that KVM was served to.</summary>
/// <param name="Program">Its file.</param>
/// <param name="Process">Its process.</param>
/// <param name="Monitor">"QEMU", where it is one whose functions are known; else empty.</param>
/// <param name="Functions">Which of its functions stand behind the calls, in order; empty where they aren't known.</param>
public sealed record ClientStory(string Program, int Process, string Monitor, IReadOnlyList<ClientFunctionFact> Functions)
{
    /// <summary>The process tells its name itself: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
