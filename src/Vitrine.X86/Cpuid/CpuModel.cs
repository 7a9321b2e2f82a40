namespace Vitrine.X86.Cpuid;

/// <summary>A processor model: the features it announces and how it calls itself.</summary>
/// <param name="Name">The name users choose it by.</param>
/// <param name="Features">The features, without those that belong to every machine here (hypervisor, invariant TSC, ARAT).</param>
/// <param name="InstructionSets">
/// The instruction sets in it, by Iced's names of CPUID features: an instruction belongs to the model when all its
/// features are listed.
/// </param>
public sealed record CpuModel(string Name, IReadOnlyList<CpuFeature> Features, IReadOnlyList<string> InstructionSets)
{
    /// <summary>
    /// Family, model and stepping on real hardware: 6, 1Ah, 5 (Nehalem, the first with what level 2 asks for). Systems guard
    /// it against the known attacks on speculation, which the host's processor behind KVM may be open to.
    /// </summary>
    public const uint HardwareSignature = 0x000106A5;

    /// <summary>
    /// Family, model and stepping of the software CPU: 6, 1Ch, 10 (Bonnell, which executes in order). The software CPU doesn't
    /// speculate; systems know that this model doesn't either, and leave out defences that would cost time for nothing.
    /// </summary>
    public const uint SoftwareSignature = 0x000106CA;

    /// <summary>Of its features, those that the software CPU has whatever the host has, though level 2 has them not.</summary>
    public IReadOnlyList<CpuFeature> Emulated { get; init; } = [];

    /// <summary>Features of the machine rather than of the instruction set: every model has them.</summary>
    public static IReadOnlyList<CpuFeature> MachineFeatures { get; } =
        [CpuFeatures.Hypervisor, CpuFeatures.Arat, CpuFeatures.ConstantTsc];

    /// <summary>CPUID.1:EAX, which is also in EDX after RESET.</summary>
    public static uint Signature(CpuidEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return environment.Supported is null ? SoftwareSignature : HardwareSignature;
    }

    /// <summary>True when the model has the feature.</summary>
    public bool Has(CpuFeature feature) => Features.Contains(feature) || MachineFeatures.Contains(feature);

    /// <summary>Names of the features that are missing on this host and so are not announced.</summary>
    public IReadOnlyList<string> Missing(CpuidEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return [.. Features.Concat(MachineFeatures).Where(feature => !environment.Offers(this, feature)).Select(feature => feature.Name)];
    }

    /// <summary>
    /// The leaves for one vCPU, in ascending order. Bits that follow the processor's state (OSXSAVE, APIC enabled, the size in
    /// leaf 0xD) are given for the state after RESET; the accelerator keeps them up to date.
    /// </summary>
    /// <param name="environment">The machine.</param>
    /// <param name="apicId">The vCPU's local-APIC id.</param>
    public CpuidEntry[] Build(CpuidEnvironment environment, int apicId)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return new CpuidBuilder(this, environment, (uint)apicId).Build();
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
