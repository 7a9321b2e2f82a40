using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.Errors;

namespace Vitrine;

/// <summary>Chooses and creates what runs a machine's vCPUs.</summary>
internal static class AcceleratorSelection
{
    /// <summary>Creates the accelerator that a configuration asks for.</summary>
    /// <exception cref="VitrineException">It does not work here.</exception>
    internal static IAccelerator Create(MachineConfig config) => config.Accelerator switch
    {
        AcceleratorChoice.Soft => throw VitrineException.Host(
            "The software CPU is not part of this build.",
            "This is an early version.",
            "Give --accel kvm."),
        _ => KvmAccelerator.Create(),
    };
}
