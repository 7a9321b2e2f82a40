namespace Vitrine.Explain.Model;

/// <summary>KVM's own answer for an address.</summary>
/// <param name="Valid">It is mapped.</param>
/// <param name="Gpa">The guest-physical address.</param>
/// <param name="Agrees">It is what the walk found.</param>
public sealed record KvmTranslation(bool Valid, ulong Gpa, bool Agrees)
{
    /// <summary>Observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
