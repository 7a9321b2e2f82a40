namespace Vitrine.X86.VmEntry;

/// <summary>A VMCB, the virtual machine control block of AMD SVM (APM vol. 2, 15.5 and appendix B), as values by field.</summary>
public sealed class Vmcb : EntryArea
{
    /// <summary>Creates one without any value.</summary>
    public Vmcb()
        : base(VmcbFields.All)
    {
    }

    /// <summary>Reads a field.</summary>
    /// <returns>False when it is missing or chosen by the host.</returns>
    public bool TryGet(VmcbField field, out ulong value) => TryGet((int)field, out value);

    /// <summary>True where only the host's kernel knows the value.</summary>
    public bool IsChosenByHost(VmcbField field) => IsChosenByHost((int)field);

    /// <summary>Sets a field.</summary>
    /// <param name="field">Which.</param>
    /// <param name="value">The value.</param>
    /// <param name="note">Why, where it isn't simply the guest's register.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value has more bits than the field.</exception>
    public void Set(VmcbField field, ulong value, string? note = null) => Set((int)field, value, note);

    /// <summary>Marks a field as chosen by the host's kernel.</summary>
    public void LeaveToHost(VmcbField field, string note) => LeaveToHost((int)field, note);

    /// <summary>Makes a field missing.</summary>
    public void Remove(VmcbField field) => Remove((int)field);
}
