using System.Buffers.Binary;
using System.Text;
using Vitrine.Accelerators.Software;
using Vitrine.Errors;
using Vitrine.X86.Cpuid;

namespace Vitrine.KvmServer.Capabilities;

/// <summary>What KVM_GET_SUPPORTED_CPUID says: a CPU model's leaves, cut down to this host, and KVM's own (Documentation/virt/kvm/x86/cpuid.rst).</summary>
internal sealed class SupportedCpuid
{
    private const uint HypervisorLeaf = 0x4000_0000;
    private const uint FeaturesLeaf = 0x4000_0001;
    private const uint ClockSource = 1u << 0;
    private const uint NopIoDelay = 1u << 1;
    private const uint ClockSource2 = 1u << 3;
    private const uint ClockSourceStable = 1u << 24;

    /// <summary>Builds the leaves.</summary>
    /// <exception cref="VitrineException">The model can't run on this host.</exception>
    public SupportedCpuid(KvmHostOptions options)
    {
        using SoftwareAccelerator accelerator = SoftwareAccelerator.Create(options.Cpu);
        CpuModel model = options.Model ?? CpuModels.Max;
        accelerator.CheckModel(model);
        Model = model;
        Entries = Build(model, accelerator);
    }

    /// <summary>The model.</summary>
    public CpuModel Model { get; }

    /// <summary>The leaves, ascending.</summary>
    public CpuidEntry[] Entries { get; }

    private static CpuidEntry[] Build(CpuModel model, SoftwareAccelerator accelerator)
    {
        using Accelerators.IVirtualCpu cpu = accelerator.CreateVcpu(0);
        CpuidEnvironment environment = new()
        {
            TscKilohertz = cpu.TscKilohertz,
            ApicTimerKilohertz = cpu.ApicTimerKilohertz,
            Native = cpu.SupportedCpuid,
        };
        List<CpuidEntry> entries = [.. model.Build(environment, 0).Where(static entry => entry.Function is < HypervisorLeaf or >= 0x8000_0000)];
        Span<byte> signature = stackalloc byte[12];
        Encoding.ASCII.GetBytes("KVMKVMKVM\0\0\0", signature);
        entries.Add(new CpuidEntry(HypervisorLeaf, 0, false, FeaturesLeaf, Word(signature), Word(signature[4..]), Word(signature[8..])));
        entries.Add(new CpuidEntry(FeaturesLeaf, 0, false, ClockSource | NopIoDelay | ClockSource2 | ClockSourceStable, 0, 0, 0));
        return [.. entries.OrderBy(static entry => entry.Function).ThenBy(static entry => entry.Index)];
    }

    private static uint Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
