using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Vitrine;

/// <summary>What the host's CPU says about itself.</summary>
/// <param name="Name">Its brand string, or its architecture where it has none.</param>
/// <param name="Level">Its level of the x86-64 psABI, 1 to 4; 0 for another architecture.</param>
/// <param name="Features">Names of the features that matter for guests.</param>
public sealed record HostCpu(string Name, int Level, IReadOnlyList<string> Features)
{
    private const int Ebx = 1;
    private const int Ecx = 2;
    private const int Edx = 3;
    private const int HighestExtendedLeaf = unchecked((int)0x8000_0000);
    private const int ExtendedFeatures = unchecked((int)0x8000_0001);
    private const int BrandString = unchecked((int)0x8000_0002);

    // Name, leaf, register, bit (SDM vol. 2, CPUID), and the psABI level that asks for it; 0 for none.
    private static readonly (string Name, int Leaf, int Register, int Bit, int Level)[] Known =
    [
        ("sse3", 1, Ecx, 0, 2), ("ssse3", 1, Ecx, 9, 2), ("cx16", 1, Ecx, 13, 2), ("sse4_1", 1, Ecx, 19, 2), ("sse4_2", 1, Ecx, 20, 2),
        ("popcnt", 1, Ecx, 23, 2), ("lahf_lm", ExtendedFeatures, Ecx, 0, 2),
        ("fma", 1, Ecx, 12, 3), ("movbe", 1, Ecx, 22, 3), ("osxsave", 1, Ecx, 27, 3), ("avx", 1, Ecx, 28, 3), ("f16c", 1, Ecx, 29, 3),
        ("bmi1", 7, Ebx, 3, 3), ("avx2", 7, Ebx, 5, 3), ("bmi2", 7, Ebx, 8, 3), ("lzcnt", ExtendedFeatures, Ecx, 5, 3),
        ("avx512f", 7, Ebx, 16, 4), ("avx512dq", 7, Ebx, 17, 4), ("avx512cd", 7, Ebx, 28, 4), ("avx512bw", 7, Ebx, 30, 4), ("avx512vl", 7, Ebx, 31, 4),
        ("vmx", 1, Ecx, 5, 0), ("svm", ExtendedFeatures, Ecx, 2, 0), ("hypervisor", 1, Ecx, 31, 0), ("aes", 1, Ecx, 25, 0), ("pclmulqdq", 1, Ecx, 1, 0),
        ("rdrand", 1, Ecx, 30, 0), ("rdtscp", ExtendedFeatures, Edx, 27, 0), ("x2apic", 1, Ecx, 21, 0), ("pcid", 1, Ecx, 17, 0),
        ("tsc_deadline", 1, Ecx, 24, 0), ("fsgsbase", 7, Ebx, 0, 0), ("smep", 7, Ebx, 7, 0), ("smap", 7, Ebx, 20, 0),
    ];

    /// <summary>Asks the CPU this process runs on.</summary>
    public static HostCpu Read()
    {
        if (!X86Base.IsSupported) return new HostCpu(RuntimeInformation.ProcessArchitecture.ToString(), 0, []);
        int highest = X86Base.CpuId(0, 0).Eax;
        uint highestExtended = (uint)X86Base.CpuId(HighestExtendedLeaf, 0).Eax;
        bool Has(int leaf, int register, int bit)
        {
            bool exists = leaf < 0 ? (uint)leaf <= highestExtended : leaf <= highest;
            return exists && (Register(leaf, register) >> bit & 1) != 0;
        }

        string[] features = [.. Known.Where(feature => Has(feature.Leaf, feature.Register, feature.Bit)).Select(feature => feature.Name)];
        return new HostCpu(ReadName(highestExtended), LevelOf(features), features);
    }

    /// <summary>The psABI level that a set of features reaches; each level includes the ones before.</summary>
    internal static int LevelOf(IReadOnlyCollection<string> features)
    {
        int level = 1;
        while (level < 4 && Known.Where(feature => feature.Level == level + 1).All(feature => features.Contains(feature.Name))) level++;
        return level;
    }

    private static int Register(int leaf, int register)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(leaf, 0);
        return register switch { Ebx => ebx, Ecx => ecx, Edx => edx, _ => eax };
    }

    private static string ReadName(uint highestExtended)
    {
        if (highestExtended < 0x8000_0004) return "x86-64";
        byte[] text = new byte[48];
        for (int part = 0; part < 3; part++)
        {
            (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(BrandString + part, 0);
            ReadOnlySpan<int> registers = [eax, ebx, ecx, edx];
            MemoryMarshal.AsBytes(registers).CopyTo(text.AsSpan(part * 16));
        }

        string name = Encoding.ASCII.GetString(text).TrimEnd('\0').Trim();
        return name.Length == 0 ? "x86-64" : name;
    }
}
