namespace Vitrine.Accelerators.Parts;

/// <summary>Which accesses to model-specific registers come to user space, with KVM's values (KVM_MSR_EXIT_REASON_*).</summary>
[Flags]
public enum MsrExitReasons
{
    /// <summary>None: they raise #GP(0).</summary>
    None = 0,

    /// <summary>A register that exists refuses the value, or is read-only.</summary>
    Invalid = 1,

    /// <summary>There is no such register.</summary>
    Unknown = 2,

    /// <summary>The filter denies it.</summary>
    Filter = 4,
}
