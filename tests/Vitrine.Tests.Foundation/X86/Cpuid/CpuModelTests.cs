using System.Text;
using Vitrine.Errors;
using Vitrine.X86.Cpuid;
using Xunit;

namespace Vitrine.Tests.X86.Cpuid;

public sealed class CpuModelTests
{
    private static readonly CpuidEnvironment s_software = new() { TscKilohertz = 1_000_000, ApicTimerKilohertz = 1_000_000 };

    private static CpuidTable Table(CpuModel model, CpuidEnvironment? environment = null, int apicId = 0) =>
        new(model.Build(environment ?? s_software, apicId));

    private static string Text(params uint[] words) => Encoding.ASCII.GetString([.. words.SelectMany(BitConverter.GetBytes)]);

    /// <summary>
    /// Bits of CPUID written out by hand from SDM vol. 2, tables 3-10, 3-11 and 3-8. The v1 words hold exactly what the
    /// psABI's level 1 asks for, and what every x86-64 processor has beside.
    /// </summary>
    [Theory]
    //          model       1:ECX         1:EDX         7:EBX         7:ECX 0xD.1:EAX 80000001:ECX 80000001:EDX
    [InlineData("x86-64-v1", 0x8000_0000u, 0x078B_FBFFu, 0x0000_0002u, 0u, 0u, 0u, 0x2010_0800u)]
    [InlineData("x86-64-v2", 0xC7BA_2203u, 0x078B_FBFFu, 0x0010_0683u, 4u, 1u, 1u, 0x2C10_0800u)]
    [InlineData("x86-64-v3", 0xF7FA_3203u, 0x078B_FBFFu, 0x0010_07ABu, 4u, 1u, 0x21u, 0x2C10_0800u)]
    public void FeatureWords(
        string name, uint leaf1Ecx, uint leaf1Edx, uint leaf7Ebx, uint leaf7Ecx, uint leafDEax, uint extEcx, uint extEdx)
    {
        CpuidTable table = Table(CpuModels.Get(name));
        Assert.Equal(leaf1Ecx, table.Lookup(1, 0).Ecx);
        Assert.Equal(leaf1Edx, table.Lookup(1, 0).Edx);
        Assert.Equal(leaf7Ebx, table.Lookup(7, 0).Ebx);
        Assert.Equal((leaf7Ecx, 0u), (table.Lookup(7, 0).Ecx, table.Lookup(7, 0).Edx));
        Assert.Equal(leafDEax, table.Lookup(0xD, 1).Eax);
        Assert.Equal(extEcx, table.Lookup(0x8000_0001, 0).Ecx);
        Assert.Equal(extEdx, table.Lookup(0x8000_0001, 0).Edx);
        Assert.Equal(0x100u, table.Lookup(0x8000_0007, 0).Edx);
        Assert.Equal(4u, table.Lookup(6, 0).Eax);
    }

    /// <summary>The model "host" where the host has everything: as <see cref="FeatureWords"/>, with leaf 7's other words.</summary>
    [Fact]
    public void HostHasWhatTheHostHas()
    {
        CpuidTable table = Table(CpuModels.Host);
        Assert.Equal((0xF7FA_3203u, 0x078B_FBFFu), (table.Lookup(1, 0).Ecx, table.Lookup(1, 0).Edx));
        Assert.Equal((1u, 0x219C_07ABu, 0x8040_070Cu, 0u), Registers(table.Lookup(7, 0)));
        Assert.Equal((0x0400_0010u, 0u, 0u, 0u), Registers(table.Lookup(7, 1)));
        Assert.Equal(7u, table.Lookup(0xD, 1).Eax);
        Assert.Equal((0x121u, 0x2C10_0800u), (table.Lookup(0x8000_0001, 0).Ecx, table.Lookup(0x8000_0001, 0).Edx));
    }

    /// <summary>A host with AVX and SHA only: what the software CPU has by itself stays, of the rest there are these two.</summary>
    [Fact]
    public void WhatTheHostExecutesIsCutDownToTheHost()
    {
        CpuidEntry[] native =
        [
            new(1, 0, true, 0, 0, 1u << 28, 0),
            new(7, 0, true, 0, 1u << 29, 0, 0),
        ];
        CpuidTable table = Table(CpuModels.Host, s_software with { Native = native });
        Assert.Equal(0xC7BA_2203u | (1u << 28), table.Lookup(1, 0).Ecx);
        Assert.Equal((0u, 0x0010_0683u | (1u << 29), 4u, 0u), Registers(table.Lookup(7, 0)));
        Assert.Equal((7u, 576u, 832u, 0u), Registers(table.Lookup(0xD, 0)));
        Assert.Equal(["abm", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"], CpuModels.X8664V3.Missing(s_software with { Native = native }).Order());
        Assert.Empty(CpuModels.X8664V2.Missing(s_software with { Native = [] }));

        // The interpreter's models are the same whatever the host has.
        Assert.Equal(CpuModels.X8664V2.Build(s_software, 0), CpuModels.X8664V2.Build(s_software with { Native = [] }, 0));
    }

    /// <summary>What the software CPU has by itself is in "max" on every host, and in "host" only where the host has it too.</summary>
    [Fact]
    public void MaxHasWhatThereIs()
    {
        const uint Umip = 1u << 2, Pku = 1u << 3, Pks = 1u << 31;
        CpuidEnvironment bare = s_software with { Native = [] };
        Assert.Equal(Umip, Table(CpuModels.Host, bare).Lookup(7, 0).Ecx);
        CpuidTable max = Table(CpuModels.Max, bare);
        Assert.Equal(Umip | Pku | Pks, max.Lookup(7, 0).Ecx);
        Assert.Equal(0xC7BA_2203u, max.Lookup(1, 0).Ecx);
        Assert.Equal((1u, 1u << 26), (max.Lookup(7, 0).Eax, max.Lookup(7, 1).Eax));

        // With KVM it is what KVM offers.
        CpuidEntry[] supported = [.. CpuModels.X8664V2.Build(s_software, 0)];
        Assert.Equal(Umip, Table(CpuModels.Max, s_software with { Supported = supported }).Lookup(7, 0).Ecx);
    }

    /// <summary>Component 9 is PKRU (SDM vol. 1, 13.5.7). With KVM the guest's XSAVE is the host's, which has it where its CPUID says.</summary>
    [Fact]
    public void XsaveCoversPkru()
    {
        CpuidTable max = Table(CpuModels.Max, s_software with { Native = [] });
        Assert.Equal((0x203u, 576u, 840u, 0u), Registers(max.Lookup(0xD, 0)));
        Assert.Equal((8u, 832u, 0u, 0u), Registers(max.Lookup(0xD, 9)));
        Assert.Equal((0x207u, 576u, 840u, 0u), Registers(Table(CpuModels.Max).Lookup(0xD, 0)));

        CpuidEntry[] supported = [.. CpuModels.Host.Build(s_software, 0).Where(e => e is not { Function: 0xD, Index: 9 }), new(0xD, 9, true, 8, 2688, 0, 0)];
        CpuidTable kvm = Table(CpuModels.Host, s_software with { Supported = supported });
        Assert.Equal((0x207u, 576u, 2696u, 0u), Registers(kvm.Lookup(0xD, 0)));
        Assert.Equal((8u, 2688u, 0u, 0u), Registers(kvm.Lookup(0xD, 9)));
    }

    [Fact]
    public void ItCallsItself()
    {
        CpuidTable table = Table(CpuModels.Default);
        CpuidEntry vendor = table.Lookup(0, 0);
        Assert.Equal("GenuineIntel", Text(vendor.Ebx, vendor.Edx, vendor.Ecx));
        Assert.Equal(0x16u, vendor.Eax);
        CpuidEntry hypervisor = table.Lookup(0x4000_0000, 0);
        Assert.Equal("VitrineVitri", Text(hypervisor.Ebx, hypervisor.Ecx, hypervisor.Edx));
        string brand = string.Concat(Enumerable.Range(2, 3).Select(i => table.Lookup(0x8000_0000 + (uint)i, 0))
            .Select(e => Text(e.Eax, e.Ebx, e.Ecx, e.Edx)));
        Assert.Equal("Vitrine x86-64-v2", brand.TrimEnd('\0'));
        uint signature = table.Lookup(1, 0).Eax;
        Assert.Equal(6u, (signature >> 8) & 0xF);
        Assert.Equal(CpuModel.Signature(s_software), signature);
        Assert.Equal((uint)(46 | (48 << 8)), table.Lookup(0x8000_0008, 0).Eax);
    }

    /// <summary>Crystal × EBX / EAX is the TSC's frequency, and Linux's 32-bit product of kHz and EBX doesn't overflow.</summary>
    [Theory]
    [InlineData(1_000_000u, 1_000_000u, 0)]
    [InlineData(2_596_000u, 1_000_000u, 0)]
    [InlineData(2_596_134u, 1_000_000u, 1)]
    [InlineData(3_000_001u, 1_000_000u, 1)]
    [InlineData(4_999_999u, 1_000_000u, 1)]
    [InlineData(2_596_134u, 24_000u, 1)]
    [InlineData(999_983u, 1_000_000u, 18)] // no fraction near 1 with a numerator below 4,295 is better than 1
    [InlineData(333_333u, 1_000_000u, 2)]
    public void Leaf0x15GivesTheFrequencies(uint tsc, uint crystal, int partsPerMillion)
    {
        CpuidEntry leaf = Table(CpuModels.Default, new CpuidEnvironment { TscKilohertz = tsc, ApicTimerKilohertz = crystal }).Lookup(0x15, 0);
        Assert.Equal(crystal * 1000, leaf.Ecx);
        ulong product = (ulong)crystal * leaf.Ebx;
        Assert.True(product <= uint.MaxValue);
        Assert.InRange(((double)product / leaf.Eax / tsc) - 1, -1e-6 * partsPerMillion, 1e-6 * partsPerMillion);
    }

    [Fact]
    public void UnknownFrequenciesLeaveTheirLeavesEmpty()
    {
        CpuidTable table = Table(CpuModels.Default, new CpuidEnvironment { TscKilohertz = 2_000_000 });
        Assert.Equal(new CpuidEntry(0x15, 0, false, 0, 0, 0, 0), table.Lookup(0x15, 0));
        Assert.Equal(2000u, table.Lookup(0x16, 0).Eax);
    }

    [Fact]
    public void EachVcpuHasItsIdAndTheTopology()
    {
        CpuidTable table = Table(CpuModels.Default, s_software with { CpuCount = 3 }, apicId: 2);
        Assert.Equal(2u, table.Lookup(1, 0).Ebx >> 24);
        Assert.Equal(4u, (table.Lookup(1, 0).Ebx >> 16) & 0xFF);
        Assert.Equal(1u << 28, table.Lookup(1, 0).Edx & (1u << 28));
        Assert.Equal(new CpuidEntry(0xB, 1, true, 2, 3, 0x201, 2), table.Lookup(0xB, 1));
        // SDM: ECX[7:0] repeats the subleaf and EDX the id, also where EBX is 0.
        Assert.Equal((0u, 0u, 7u, 2u), Registers(table.Lookup(0xB, 7)));
        // Caches: L3 shared by ids of two bits, four cores addressable.
        Assert.Equal(3u, (table.Lookup(4, 3).Eax >> 14) & 0xFFF);
        Assert.Equal(3u, table.Lookup(4, 0).Eax >> 26);
        Assert.Equal(0u, table.Lookup(4, 4).Eax);
    }

    /// <summary>Leaf 4: size = ways × partitions × line × sets.</summary>
    [Theory]
    [InlineData(0, 32u << 10)]
    [InlineData(1, 32u << 10)]
    [InlineData(2, 256u << 10)]
    [InlineData(3, 8u << 20)]
    public void Caches(uint index, uint size)
    {
        CpuidEntry leaf = Table(CpuModels.Default).Lookup(4, index);
        uint ways = (leaf.Ebx >> 22) + 1, partitions = ((leaf.Ebx >> 12) & 0x3FF) + 1, line = (leaf.Ebx & 0xFFF) + 1;
        Assert.Equal(size, ways * partitions * line * (leaf.Ecx + 1));
    }

    /// <summary>SDM vol. 2, CPUID: a leaf beyond the highest returns the data of the highest basic leaf.</summary>
    [Theory]
    [InlineData(0x17u)]
    [InlineData(0x3FFF_FFFFu)]
    [InlineData(0x8000_0009u)]
    [InlineData(0xFFFF_FFFFu)]
    [InlineData(0x4000_0002u)]
    public void LeavesOutOfRange(uint leaf)
    {
        CpuidTable table = Table(CpuModels.Default);
        Assert.Equal(table.Lookup(0x16, 0), table.Lookup(leaf, 0));
    }

    [Theory]
    [InlineData(3u)]
    [InlineData(5u)]
    [InlineData(9u)]
    [InlineData(0x14u)]
    public void LeavesInBetweenAreZero(uint leaf) =>
        Assert.Equal((0u, 0u, 0u, 0u), Registers(Table(CpuModels.Default).Lookup(leaf, 0)));

    [Fact]
    public void AHostThatLacksAFeatureTakesItOutAndItIsNamed()
    {
        CpuidEntry[] all = CpuModels.Default.Build(s_software, 0);
        CpuidEntry[] supported =
        [
            .. all.Where(e => e.Function is not (0xD or 0x4000_0000 or 0x8000_0008)).Select(e => e.Function switch
            {
                1 => e with { Ecx = e.Ecx & ~((1u << 26) | (1u << 13)) | (1u << 28), Edx = e.Edx | (1u << 21) }, // no XSAVE, no CX16; AVX, DS
                _ => e,
            }),
            new CpuidEntry(0x4000_0000, 0, false, 0x4000_0001, 0x4B4D564B, 0x564B4D56, 0x4D),
            new CpuidEntry(0x4000_0001, 0, false, 0x0100_7EFB, 0, 0, 0),
            new CpuidEntry(0x8000_0008, 0, false, 0x3027, 0, 0, 0),
        ];
        var environment = new CpuidEnvironment { TscKilohertz = 2_596_134, ApicTimerKilohertz = 1_000_000, Supported = supported, PassKvmLeaves = true };
        Assert.Equal(["cx16", "xsave", "xsaveopt"], CpuModels.Default.Missing(environment).Order());
        CpuidTable table = Table(CpuModels.Default, environment);
        Assert.Equal(0xC7BA_2203u & ~((1u << 26) | (1u << 13)), table.Lookup(1, 0).Ecx);
        Assert.Equal(0x078B_FBFFu, table.Lookup(1, 0).Edx);
        Assert.Equal((0u, 0u, 0u, 0u), Registers(table.Lookup(0xD, 0)));
        Assert.Equal(39, table.MaxPhyAddr);
        CpuidEntry kvm = table.Lookup(0x4000_0000, 0);
        Assert.Equal("KVMKVMKVM\0\0\0", Text(kvm.Ebx, kvm.Ecx, kvm.Edx));
        Assert.Equal(0x0100_7EFBu, table.Lookup(0x4000_0001, 0).Eax);

        CpuidEntry hidden = Table(CpuModels.Default, environment with { PassKvmLeaves = false }).Lookup(0x4000_0000, 0);
        Assert.Equal("VitrineVitri", Text(hidden.Ebx, hidden.Ecx, hidden.Edx));
    }

    [Fact]
    public void XsaveCoversX87AndSseAndAvx()
    {
        // SDM vol. 1, 13.2 and 13.4: legacy region of 512 bytes, header of 64.
        Assert.Equal((3u, 576u, 576u, 0u), Registers(Table(CpuModels.Default).Lookup(0xD, 0)));
        Assert.Equal((0u, 0u, 0u, 0u), Registers(Table(CpuModels.X8664V1).Lookup(0xD, 0)));
        Assert.Equal((0u, 0u, 0u, 0u), Registers(Table(CpuModels.Default).Lookup(0xD, 2)));

        // With AVX: XCR0 bit 2, its 256 bytes behind the header.
        Assert.Equal((7u, 576u, 832u, 0u), Registers(Table(CpuModels.X8664V3).Lookup(0xD, 0)));
        Assert.Equal((1u, 0u, 0u, 0u), Registers(Table(CpuModels.X8664V3).Lookup(0xD, 1)));
        Assert.Equal((256u, 576u, 0u, 0u), Registers(Table(CpuModels.X8664V3).Lookup(0xD, 2)));
    }

    [Fact]
    public void InstructionSetsBearNamesOfTheDecoder()
    {
        foreach (CpuModel model in CpuModels.All)
            Assert.All(model.InstructionSets, name => Assert.True(Enum.TryParse<Iced.Intel.CpuidFeature>(name, out _), name));
    }

    [Fact]
    public void AnUnknownModelIsTheUsersError()
    {
        Assert.Null(CpuModels.Find("pentium"));
        VitrineException error = Assert.Throws<VitrineException>(() => CpuModels.Get("pentium"));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains("x86-64-v2", error.Remedy, StringComparison.Ordinal);
    }

    private static (uint, uint, uint, uint) Registers(CpuidEntry e) => (e.Eax, e.Ebx, e.Ecx, e.Edx);
}
