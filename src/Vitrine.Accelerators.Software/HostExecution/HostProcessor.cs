using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.HostCode;

using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>What the processor that this process runs on has, as far as its operating system lets programs use it.</summary>
internal static unsafe class HostProcessor
{
    // SAFETY: runs one function of our own making, which touches registers only.
    private const uint FeatureLeaf = 1;
    private const uint OsxsaveFeature = 1u << 27;
    private const ulong SseAndAvx = XsaveLayout.Sse | XsaveLayout.Avx;

    private static readonly (uint Leaf, uint Subleaf)[] s_leaves = [(FeatureLeaf, 0), (7, 0), (7, 1), (0xD, 1), (0x8000_0001, 0)];
    private static readonly Lazy<CpuidEntry[]> s_cpuid = new(Read);

    // What works on YMM registers, or raises #UD with AVX as long as the operating system doesn't keep them.
    private static readonly CpuFeature[] s_withAvx =
        [CpuFeatures.Avx, CpuFeatures.Avx2, CpuFeatures.F16c, CpuFeatures.Fma, CpuFeatures.Vaes, CpuFeatures.Vpclmulqdq, CpuFeatures.AvxVnni];

    /// <summary>The leaves that hold features of instructions, without those that the operating system hasn't enabled; empty where there is no translator.</summary>
    public static IReadOnlyList<CpuidEntry> Cpuid => s_cpuid.Value;

    /// <summary>True when programs may use AVX.</summary>
    public static bool HasAvx => CpuFeatures.Avx.IsIn(Cpuid);

    private static CpuidEntry[] Read()
    {
        if (!ExecutableMemory.IsSupported) return [];
        List<CpuidEntry> entries = [];

        // A leaf beyond the highest answers with the data of another. Each question is an exit to the hypervisor where this host is a guest itself.
        uint highest = (uint)X86Base.CpuId(0, 0).Eax;
        uint highestExtended = (uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax;
        uint subleaves = highest < 7 ? 0 : (uint)X86Base.CpuId(7, 0).Eax;
        foreach ((uint leaf, uint subleaf) in s_leaves)
        {
            if (leaf > (leaf < 0x8000_0000 ? highest : highestExtended) || (leaf == 7 && subleaf > subleaves)) continue;
            (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
            entries.Add(new CpuidEntry(leaf, subleaf, true, (uint)eax, (uint)ebx, (uint)ecx, (uint)edx));
        }

        bool osxsave = (entries[0].Ecx & OsxsaveFeature) != 0;
        bool avx = osxsave && (ReadXcr0() & SseAndAvx) == SseAndAvx;
        return avx ? [.. entries] : [.. entries.Select(Without)];
    }

    private static CpuidEntry Without(CpuidEntry entry)
    {
        foreach (CpuFeature feature in s_withAvx)
        {
            if (feature.Leaf != entry.Function || feature.Subleaf != entry.Index) continue;
            entry = feature.Register switch
            {
                CpuidRegister.Eax => entry with { Eax = entry.Eax & ~feature.Mask },
                CpuidRegister.Ebx => entry with { Ebx = entry.Ebx & ~feature.Mask },
                CpuidRegister.Ecx => entry with { Ecx = entry.Ecx & ~feature.Mask },
                _ => entry with { Edx = entry.Edx & ~feature.Mask },
            };
        }

        return entry;
    }

    private static ulong ReadXcr0()
    {
        const int MemoryBytes = 64;
        using ExecutableMemory memory = ExecutableMemory.Create(MemoryBytes);
        CodeEmitter asm = new(memory.Writable);
        asm.Xor(HostRegister.Rcx, HostRegister.Rcx, OperandSize.Dword);
        asm.Xgetbv();
        asm.Shl(HostRegister.Rdx, 32);
        asm.Or(HostRegister.Rax, HostRegister.Rdx);
        asm.Ret();
        return ((delegate* unmanaged<ulong>)memory.Executable)();
    }
}
