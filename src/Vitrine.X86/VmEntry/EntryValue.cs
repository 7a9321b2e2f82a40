namespace Vitrine.X86.VmEntry;

/// <summary>A field with its value.</summary>
/// <param name="Field">Which.</param>
/// <param name="Value">The value; null where only the host's kernel knows it.</param>
/// <param name="Note">Why it has this value, where that isn't simply the guest's register; else null.</param>
public sealed record EntryValue(EntryField Field, ulong? Value, string? Note)
{
    /// <summary>True where the host's kernel chooses the value: an address of its own, its own state.</summary>
    public bool ChosenByHost => Value is null;
}
