namespace Vitrine.Explain.Model;

/// <summary>A field of the VMCS or VMCB.</summary>
/// <param name="Location">VMCS: the field's encoding; VMCB: its offset; four hexadecimal digits.</param>
/// <param name="Name">Its name in the manual.</param>
/// <param name="Value">Its value; "host's choice" where only the kernel knows it.</param>
/// <param name="Note">What is remarkable about it; empty when nothing is.</param>
public sealed record EntryFieldFact(string Location, string Name, string Value, string Note);
