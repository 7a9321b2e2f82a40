namespace Vitrine.Explain.Model;

/// <summary>A function of the client that stands behind calls which follow each other.</summary>
/// <param name="FirstCall">Number of the first.</param>
/// <param name="LastCall">Number of the last.</param>
/// <param name="Calls">How many there are.</param>
/// <param name="Function">The function, with those that it is called from before it: "kvm_init > kvm_arch_init".</param>
/// <param name="Purpose">What it is there for.</param>
public sealed record ClientFunctionFact(int FirstCall, int LastCall, int Calls, string Function, string Purpose)
{
    /// <summary>Only the calls can be seen; what makes them is known from the client's source: derived.</summary>
    public Evidence Evidence => Evidence.Derived;
}
