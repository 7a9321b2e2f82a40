namespace Vitrine.X86.VmEntry;

/// <summary>One control that a hypervisor sets or clears for a mode, and why.</summary>
/// <param name="Field">The field it is a bit of.</param>
/// <param name="Bit">The bit's number.</param>
/// <param name="Name">The manual's name.</param>
/// <param name="On">Whether it is set.</param>
/// <param name="Why">One sentence.</param>
public sealed record EntryControl(EntryField Field, int Bit, string Name, bool On, string Why);
