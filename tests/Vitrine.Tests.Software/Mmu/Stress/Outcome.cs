namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>One thing that an access to a page may come to.</summary>
/// <param name="Fault">It faults, with <paramref name="ErrorCode"/>.</param>
/// <param name="ErrorCode">The page fault's error code.</param>
/// <param name="Gpa">The guest-physical page.</param>
/// <param name="Marks">Accessed and dirty bits that it sets: addresses of entries and bits.</param>
/// <param name="Unsafe">It depends on an entry that isn't the guest's to play with.</param>
/// <param name="Source">Where the translation is from, for reports.</param>
internal readonly record struct Outcome(
    bool Fault, uint ErrorCode, ulong Gpa, (ulong Address, byte Bits)[] Marks, bool Unsafe, string Source)
{
    /// <summary>Nothing tells them apart.</summary>
    public bool Same(in Outcome other) =>
        Fault == other.Fault && ErrorCode == other.ErrorCode && Gpa == other.Gpa && Unsafe == other.Unsafe && Marks.AsSpan().SequenceEqual(other.Marks);
}
