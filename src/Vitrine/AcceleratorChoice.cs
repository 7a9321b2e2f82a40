namespace Vitrine;

/// <summary>Which accelerator a machine is to run on.</summary>
public enum AcceleratorChoice
{
    /// <summary>KVM where it works at full speed, else the software CPU; the reason is told.</summary>
    Auto,

    /// <summary>/dev/kvm.</summary>
    Kvm,

    /// <summary>The software CPU.</summary>
    Soft,
}
