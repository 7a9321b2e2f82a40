using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Vitrine.X86.Cpuid;

/// <summary>Turns a model into leaves (SDM vol. 2, CPUID; the numbers of caches are a plausible set, not those of one product).</summary>
internal sealed class CpuidBuilder(CpuModel model, CpuidEnvironment environment, uint apicId)
{
    private const uint HighestBasicLeaf = 0x16;
    private const uint HighestExtendedLeaf = 0x8000_0008;
    private const uint HypervisorLeaf = 0x4000_0000;
    private const uint LastHypervisorLeaf = 0x4000_00FF;

    // One count for sharing and topology: a power of two that every vCPU's id fits in.
    private readonly uint _cores = BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, environment.CpuCount));
    private readonly List<CpuidEntry> _entries = [];

    public CpuidEntry[] Build()
    {
        (uint b, uint c, uint d) = Pack12("GenuntelineI");
        Add(0, HighestBasicLeaf, b, c, d);
        Add(
            1,
            CpuModel.Signature(environment),
            (apicId << 24) | (Math.Min(_cores, 255) << 16) | (64 / 8 << 8),
            Announced(1, 0, CpuidRegister.Ecx),
            Announced(1, 0, CpuidRegister.Edx) | (environment.CpuCount > 1 ? 1u << 28 : 0));
        Add(2, 0x0000_FF01, 0, 0, 0); // FFh: see leaf 4
        AddCaches();
        Add(6, Announced(6, 0, CpuidRegister.Eax), 0, 0, 0);
        AddExtendedFeatures();
        AddTopology();
        AddXsave();
        AddFrequencies();
        AddHypervisor();
        AddExtended();
        return [.. _entries];
    }

    private void Add(uint leaf, uint eax, uint ebx, uint ecx, uint edx) =>
        _entries.Add(new CpuidEntry(leaf, 0, false, eax, ebx, ecx, edx));

    private void AddIndexed(uint leaf, uint index, uint eax, uint ebx, uint ecx, uint edx) =>
        _entries.Add(new CpuidEntry(leaf, index, true, eax, ebx, ecx, edx));

    private uint Announced(uint leaf, uint subleaf, CpuidRegister register)
    {
        uint bits = 0;
        foreach (CpuFeature feature in model.Features.Concat(CpuModel.MachineFeatures))
        {
            if (feature.Leaf == leaf && feature.Subleaf == subleaf && feature.Register == register && environment.Offers(model, feature))
                bits |= feature.Mask;
        }

        return bits;
    }

    private bool Announces(CpuFeature feature) => model.Has(feature) && environment.Offers(model, feature);

    private void AddCaches()
    {
        const uint Data = 1, Instruction = 2, Unified = 3;
        AddCache(0, Data, level: 1, sharers: 1, ways: 8, sets: 64);        // 32 KiB
        AddCache(1, Instruction, level: 1, sharers: 1, ways: 8, sets: 64); // 32 KiB
        AddCache(2, Unified, level: 2, sharers: 1, ways: 8, sets: 512);    // 256 KiB
        AddCache(3, Unified, level: 3, sharers: _cores, ways: 16, sets: 8192); // 8 MiB
        AddIndexed(4, 4, 0, 0, 0, 0);
    }

    private void AddCache(uint index, uint type, uint level, uint sharers, uint ways, uint sets)
    {
        const uint LineSize = 64, SelfInitialising = 1u << 8;
        uint cores = Math.Min(_cores, 64);
        AddIndexed(
            4,
            index,
            type | (level << 5) | SelfInitialising | ((Math.Min(sharers, 4096) - 1) << 14) | ((cores - 1) << 26),
            (LineSize - 1) | ((ways - 1) << 22),
            sets - 1,
            0);
    }

    private void AddExtendedFeatures()
    {
        uint eax1 = Announced(7, 1, CpuidRegister.Eax);
        AddIndexed(7, 0, eax1 != 0 ? 1u : 0, Announced(7, 0, CpuidRegister.Ebx), Announced(7, 0, CpuidRegister.Ecx), 0);
        if (eax1 != 0) AddIndexed(7, 1, eax1, 0, 0, 0);
    }

    private void AddTopology()
    {
        const uint Smt = 1 << 8, Core = 2 << 8;
        AddIndexed(0xB, 0, 0, 1, Smt | 0, apicId);
        AddIndexed(0xB, 1, (uint)BitOperations.Log2(_cores), (uint)Math.Max(1, environment.CpuCount), Core | 1, apicId);
        AddIndexed(0xB, 2, 0, 0, 2, apicId);
    }

    private void AddXsave()
    {
        bool xsave = Announces(CpuFeatures.Xsave);
        bool avx = xsave && Announces(CpuFeatures.Avx);
        bool pkru = xsave && Announces(CpuFeatures.Pku);
        uint components = XsaveLayout.X87 | XsaveLayout.Sse | (avx ? XsaveLayout.Avx : 0) | (pkru ? XsaveLayout.Pkru : 0);

        // With KVM the host's processor executes XSAVE, which has the state where it is used to.
        uint pkruOffset = environment.Supported is { } supported ? XsaveLayout.PkruOffsetIn(supported) : XsaveLayout.PkruOffset;
        uint instructions = xsave ? Announced(0xD, 1, CpuidRegister.Eax) : 0;
        if (xsave)
            AddIndexed(0xD, 0, components, XsaveLayout.SizeOf(XsaveLayout.X87), XsaveLayout.SizeOf(components, pkruOffset), 0);
        else
            AddIndexed(0xD, 0, 0, 0, 0, 0);
        AddIndexed(0xD, 1, instructions, (instructions & CpuFeatures.Xsavec.Mask) != 0 ? XsaveLayout.SizeOf(XsaveLayout.X87) : 0, 0, 0);
        if (avx) AddIndexed(0xD, 2, XsaveLayout.AvxSize, XsaveLayout.AvxOffset, 0, 0);
        if (pkru) AddIndexed(0xD, 9, XsaveLayout.PkruSize, pkruOffset, 0, 0);
    }

    private void AddFrequencies()
    {
        uint tsc = environment.TscKilohertz, crystal = environment.ApicTimerKilohertz;
        if (tsc != 0 && crystal != 0)
        {
            (uint numerator, uint denominator) = Ratio(tsc, crystal);
            Add(0x15, denominator, numerator, (uint)Math.Min(crystal * 1000UL, uint.MaxValue), 0);
        }
        else
        {
            Add(0x15, 0, 0, 0, 0);
        }

        uint megahertz = (tsc + 500) / 1000;
        Add(0x16, megahertz & 0xFFFF, megahertz & 0xFFFF, tsc == 0 ? 0u : 100, 0);
    }

    /// <summary>
    /// tsc / crystal as a fraction whose numerator times the crystal's kHz fits in 32 bits, for Linux multiplies so
    /// (native_calibrate_tsc). Exact where it fits; else the last convergent of the continued fraction that does, which is
    /// wrong by a few parts per million at most for the clocks that there are.
    /// </summary>
    private static (uint Numerator, uint Denominator) Ratio(uint tsc, uint crystal)
    {
        ulong limit = uint.MaxValue / crystal;
        ulong n0 = 0, d0 = 1, n1 = 1, d1 = 0;
        ulong a = tsc, b = crystal;
        while (b != 0)
        {
            ulong quotient = a / b;
            ulong n = (quotient * n1) + n0;
            ulong d = (quotient * d1) + d0;
            if (n > limit && d1 != 0)
                break;
            (n0, d0, n1, d1) = (n1, d1, n, d);
            (a, b) = (b, a % b);
        }

        return ((uint)n1, (uint)d1);
    }

    private void AddHypervisor()
    {
        if (environment.PassKvmLeaves && environment.Supported is { } supported)
        {
            CpuidEntry[] kvm = [.. supported.Where(e => e.Function is >= HypervisorLeaf and <= LastHypervisorLeaf).OrderBy(e => e.Function)];
            if (kvm.Length != 0)
            {
                _entries.AddRange(kvm);
                return;
            }
        }

        (uint b, uint c, uint d) = Pack12("VitrineVitri");
        Add(HypervisorLeaf, HypervisorLeaf, b, c, d);
    }

    private void AddExtended()
    {
        Add(0x8000_0000, HighestExtendedLeaf, 0, 0, 0);
        Add(0x8000_0001, 0, 0, Announced(0x8000_0001, 0, CpuidRegister.Ecx), Announced(0x8000_0001, 0, CpuidRegister.Edx));
        Span<byte> brand = stackalloc byte[48];
        Encoding.ASCII.GetBytes($"Vitrine {model.Name}", brand);
        for (uint i = 0; i < 3; i++)
        {
            ReadOnlySpan<byte> part = brand[(int)(16 * i)..];
            Add(0x8000_0002 + i, Dword(part, 0), Dword(part, 1), Dword(part, 2), Dword(part, 3));
        }

        const uint EightWay = 6;
        Add(0x8000_0005, 0, 0, 0, 0);
        Add(0x8000_0006, 0, 0, (256u << 16) | (EightWay << 12) | 64, 0);
        Add(0x8000_0007, 0, 0, 0, Announced(0x8000_0007, 0, CpuidRegister.Edx));
        Add(0x8000_0008, PhysicalBits() | ((uint)CpuModels.LinearAddressBits << 8), 0, 0, 0);
    }

    private uint PhysicalBits()
    {
        uint bits = CpuModels.PhysicalAddressBits;
        foreach (CpuidEntry entry in environment.Supported ?? [])
        {
            if (entry.Function == 0x8000_0008 && (entry.Eax & 0xFF) != 0)
                bits = Math.Min(bits, entry.Eax & 0xFF);
        }

        return bits;
    }

    private static uint Dword(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 * index)..]);

    /// <summary>Twelve characters in the order EBX, ECX, EDX.</summary>
    private static (uint Ebx, uint Ecx, uint Edx) Pack12(string text)
    {
        Span<byte> bytes = stackalloc byte[12];
        Encoding.ASCII.GetBytes(text, bytes);
        return (Dword(bytes, 0), Dword(bytes, 1), Dword(bytes, 2));
    }
}
