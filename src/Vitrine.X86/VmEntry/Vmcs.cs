namespace Vitrine.X86.VmEntry;

/// <summary>A VMCS, the virtual-machine control structure of Intel VMX (SDM vol. 3, chapter "Virtual Machine Control Structures"), as values by field.</summary>
public sealed class Vmcs : EntryArea
{
    /// <summary>Creates one without any value.</summary>
    public Vmcs()
        : base(VmcsFields.All)
    {
    }

    /// <summary>Reads a field.</summary>
    /// <returns>False when it is missing or chosen by the host.</returns>
    public bool TryGet(VmcsField field, out ulong value) => TryGet((int)field, out value);

    /// <summary>True where only the host's kernel knows the value.</summary>
    public bool IsChosenByHost(VmcsField field) => IsChosenByHost((int)field);

    /// <summary>Sets a field.</summary>
    /// <param name="field">Which.</param>
    /// <param name="value">The value.</param>
    /// <param name="note">Why, where it isn't simply the guest's register.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value has more bits than the field.</exception>
    public void Set(VmcsField field, ulong value, string? note = null) => Set((int)field, value, note);

    /// <summary>Marks a field as chosen by the host's kernel.</summary>
    public void LeaveToHost(VmcsField field, string note) => LeaveToHost((int)field, note);

    /// <summary>Makes a field missing.</summary>
    public void Remove(VmcsField field) => Remove((int)field);
}
