namespace Vitrine.X86.Cpuid;

/// <summary>What a CPU model must know of the machine to be turned into CPUID leaves.</summary>
public sealed record CpuidEnvironment
{
    /// <summary>Frequency of the time-stamp counter in kHz; 0 when unknown (leaves 0x15 and 0x16 are then empty).</summary>
    public uint TscKilohertz { get; init; }

    /// <summary>
    /// Frequency of the local APIC timer before its divider in kHz, which is what leaf 0x15 calls the crystal clock;
    /// 0 when unknown (leaf 0x15 is then empty).
    /// </summary>
    public uint ApicTimerKilohertz { get; init; }

    /// <summary>How many vCPUs the machine has.</summary>
    public int CpuCount { get; init; } = 1;

    /// <summary>
    /// What the accelerator can offer on this host: features are cut down to it. It includes features that the accelerator
    /// reports by other means (KVM: TSC deadline). Null for the software CPU; see <see cref="Native"/>.
    /// </summary>
    public IReadOnlyList<CpuidEntry>? Supported { get; init; }

    /// <summary>
    /// What CPUID answers on the host, where the accelerator is the software CPU: features that need the host
    /// (<see cref="CpuModels.IsNative"/>) are cut down to it. Empty where none is to be offered; null doesn't cut down.
    /// </summary>
    public IReadOnlyList<CpuidEntry>? Native { get; init; }

    /// <summary>KVM's own leaves (0x40000000 on: signature, paravirtual clock) go through to the guest.</summary>
    public bool PassKvmLeaves { get; init; }

    /// <summary>True when a model that has the feature may announce it here.</summary>
    public bool Offers(CpuModel model, CpuFeature feature)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(feature);
        bool needsHost = CpuModels.IsNative(feature) && !model.Emulated.Contains(feature);
        return (Supported is not { } supported || feature.IsIn(supported)) && (Native is not { } native || !needsHost || feature.IsIn(native));
    }
}
