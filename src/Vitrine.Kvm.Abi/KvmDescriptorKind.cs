namespace Vitrine.Kvm.Abi;

/// <summary>The three kinds of descriptor that KVM hands out. An ioctl number means something only together with one of them.</summary>
public enum KvmDescriptorKind
{
    /// <summary>/dev/kvm.</summary>
    System,

    /// <summary>A virtual machine.</summary>
    Vm,

    /// <summary>A vCPU.</summary>
    Vcpu,
}
