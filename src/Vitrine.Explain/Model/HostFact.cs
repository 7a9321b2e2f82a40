namespace Vitrine.Explain.Model;

/// <summary>Where a guest-physical address lies in the host.</summary>
/// <param name="HostVirtual">Host-virtual address, in this process.</param>
/// <param name="HostPhysical">Host-physical address; null when the kernel doesn't tell it (it needs CAP_SYS_ADMIN).</param>
/// <param name="PhysicalNote">Why there is none, or what it means.</param>
public sealed record HostFact(ulong HostVirtual, ulong? HostPhysical, string PhysicalNote)
{
    /// <summary>Observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
