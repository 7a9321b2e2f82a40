namespace Vitrine.Explain.Model;

/// <summary>Where the names of a story are from.</summary>
/// <param name="File">The file.</param>
/// <param name="Count">How many symbols it has.</param>
/// <param name="KernelOffset">By how much the kernel lies above where it was linked (KASLR), as far as its registers have told; null when they have not.</param>
/// <param name="Note">What that was told by, and what to do about it; empty where the symbols are not a kernel's.</param>
/// <param name="Suspect">Names are missing or may be wrong, as the note says.</param>
public sealed record SymbolStory(string File, int Count, ulong? KernelOffset, string Note, bool Suspect)
{
    /// <summary>Follows from registers and the file: derived.</summary>
    public Evidence Evidence => Evidence.Derived;
}
