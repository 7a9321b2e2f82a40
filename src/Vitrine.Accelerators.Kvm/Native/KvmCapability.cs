namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>One capability of KVM, as this host answers for it.</summary>
/// <param name="Name">Its name in &lt;linux/kvm.h&gt;.</param>
/// <param name="Number">Its number there.</param>
/// <param name="Required">True when Vitrine can't do without.</param>
/// <param name="Value">What KVM_CHECK_EXTENSION says: 0 absent, 1 present, or a number with a meaning of its own.</param>
public readonly record struct KvmCapability(string Name, uint Number, bool Required, int Value)
{
    /// <summary>True when the host has it.</summary>
    public bool Present => Value > 0;
}
