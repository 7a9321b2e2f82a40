using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
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
    private const uint AsyncPageFaults = 1u << 4;
    private const uint StealTime = 1u << 5;
    private const uint ParavirtualEoi = 1u << 6;
    private const uint ClockSourceStable = 1u << 24;
    private const uint Features = ClockSource | NopIoDelay | ClockSource2 | AsyncPageFaults | StealTime | ParavirtualEoi | ClockSourceStable;

    /// <summary>Builds the leaves.</summary>
    /// <param name="chosen">The CPU model; null for all that there is.</param>
    /// <param name="cpu">The CPU that guests run on.</param>
    /// <exception cref="VitrineException">The model can't run on this host.</exception>
    public SupportedCpuid(CpuModel? chosen, SoftwareOptions cpu)
    {
        using SoftwareAccelerator accelerator = SoftwareAccelerator.Create(cpu);
        CpuModel asked = chosen ?? CpuModels.Max;
        accelerator.CheckModel(asked);
        CpuModel model = WithHostsXsave(asked);
        Model = model;
        Entries = Build(model, accelerator.CpuidEnvironment);
        WithoutTscDeadline(Entries);
    }

    /// <summary>The model.</summary>
    public CpuModel Model { get; }

    /// <summary>The leaves, ascending.</summary>
    public CpuidEntry[] Entries { get; }

    /// <summary>Components of XSAVE's area that a guest can have, as XCR0 has them.</summary>
    public ulong XsaveComponents
    {
        get
        {
            const uint StateLeaf = 0xD;
            CpuidEntry leaf = Array.Find(Entries, static entry => entry is { Function: StateLeaf, Index: 0 });
            return leaf.Function == StateLeaf ? ((ulong)leaf.Edx << 32) | leaf.Eax : XsaveLayout.X87 | XsaveLayout.Sse;
        }
    }

    // Clients ask their own processor where XSAVE has PKRU: QEMU does. Where that is not the software CPU's place, guests do without.
    private static CpuModel WithHostsXsave(CpuModel model)
    {
        const int StateLeaf = 0xD;
        const int PkruComponent = 9;
        bool same = X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= StateLeaf && X86Base.CpuId(StateLeaf, PkruComponent).Ebx == (int)XsaveLayout.PkruOffset;
        return same ? model : model with { Features = [.. model.Features.Where(static feature => feature != CpuFeatures.Pku)] };
    }

    // It needs a local APIC in KVM, which a client has only where it asks for one: clients learn of it by KVM_CAP_TSC_DEADLINE_TIMER, and QEMU takes what it
    // finds here for what there is in either case.
    private static void WithoutTscDeadline(CpuidEntry[] entries)
    {
        const uint TscDeadline = 1u << 24;
        int features = Array.FindIndex(entries, static entry => entry.Function == 1);
        entries[features] = entries[features] with { Ecx = entries[features].Ecx & ~TscDeadline };
    }

    private static CpuidEntry[] Build(CpuModel model, CpuidEnvironment environment)
    {
        List<CpuidEntry> entries = [.. model.Build(environment, 0).Where(static entry => entry.Function is < HypervisorLeaf or >= 0x8000_0000)];
        Span<byte> signature = stackalloc byte[12];
        Encoding.ASCII.GetBytes("KVMKVMKVM\0\0\0", signature);
        entries.Add(new CpuidEntry(HypervisorLeaf, 0, false, FeaturesLeaf, Word(signature), Word(signature[4..]), Word(signature[8..])));
        entries.Add(new CpuidEntry(FeaturesLeaf, 0, false, Features, 0, 0, 0));
        return [.. entries.OrderBy(static entry => entry.Function).ThenBy(static entry => entry.Index)];
    }

    private static uint Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
