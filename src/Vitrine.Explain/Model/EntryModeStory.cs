namespace Vitrine.Explain.Model;

/// <summary>VM entry in one mode.</summary>
/// <param name="Name">The mode: "VMX, EPT with unrestricted guest".</param>
/// <param name="Guest">Whose address the guest's CR3 is there, in a sentence.</param>
/// <param name="Controls">Execution controls chosen, and why.</param>
/// <param name="Fields">The guest-state area.</param>
/// <param name="Checks">The entry checks.</param>
public sealed record EntryModeStory(
    string Name, string Guest, IReadOnlyList<SettingFact> Controls, IReadOnlyList<EntryFieldFact> Fields, IReadOnlyList<EntryCheckFact> Checks)
{
    /// <summary>User space can't read a VMCS or VMCB: derived.</summary>
    public Evidence Evidence => Evidence.Derived;
}
