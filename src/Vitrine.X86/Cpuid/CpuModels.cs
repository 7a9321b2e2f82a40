using Vitrine.Errors;

namespace Vitrine.X86.Cpuid;

/// <summary>The processor models there are: levels of the x86-64 psABI, "Micro-Architecture Levels", and what the host has.</summary>
public static class CpuModels
{
    /// <summary>Width of physical addresses in bits, unless the host has fewer.</summary>
    public const int PhysicalAddressBits = 46;

    /// <summary>Width of linear addresses in bits.</summary>
    public const int LinearAddressBits = 48;

    /// <summary>Level 1: what every x86-64 processor has.</summary>
    public static CpuModel X8664V1 { get; } = new(
        "x86-64-v1",
        [
            CpuFeatures.Fpu, CpuFeatures.Vme, CpuFeatures.De, CpuFeatures.Pse, CpuFeatures.Tsc, CpuFeatures.Msr, CpuFeatures.Pae,
            CpuFeatures.Mce, CpuFeatures.Cx8, CpuFeatures.Apic, CpuFeatures.Sep, CpuFeatures.Mtrr, CpuFeatures.Pge,
            CpuFeatures.Mca, CpuFeatures.Cmov, CpuFeatures.Pat, CpuFeatures.Pse36, CpuFeatures.Clflush, CpuFeatures.Mmx,
            CpuFeatures.Fxsr, CpuFeatures.Sse, CpuFeatures.Sse2, CpuFeatures.Syscall, CpuFeatures.Nx, CpuFeatures.Lm,
            CpuFeatures.TscAdjust,
        ],
        [
            "INTEL8086", "INTEL186", "INTEL286", "INTEL386", "INTEL486", "X64", "CPUID", "FPU", "FPU287", "FPU387",
            "MULTIBYTENOP", "PAUSE", "RDPMC", "TSC", "MSR", "CX8", "SEP", "CMOV", "CLFSH", "MMX", "FXSR", "SSE", "SSE2", "SYSCALL",
        ]);

    /// <summary>Level 2, with what costs little and kernels like to have: PCID, SMEP, SMAP and UMIP, x2APIC, AES-NI and others.</summary>
    public static CpuModel X8664V2 { get; } = new(
        "x86-64-v2",
        [
            .. X8664V1.Features,
            CpuFeatures.Sse3, CpuFeatures.Ssse3, CpuFeatures.Sse41, CpuFeatures.Sse42, CpuFeatures.Cx16, CpuFeatures.Popcnt,
            CpuFeatures.LahfLm, CpuFeatures.Pclmulqdq, CpuFeatures.Aes, CpuFeatures.Xsave, CpuFeatures.Xsaveopt,
            CpuFeatures.TscDeadlineTimer, CpuFeatures.X2apic, CpuFeatures.Pcid, CpuFeatures.Pdpe1gb, CpuFeatures.Rdtscp,
            CpuFeatures.Fsgsbase, CpuFeatures.Smep, CpuFeatures.Smap, CpuFeatures.Umip, CpuFeatures.Erms, CpuFeatures.Invpcid,
            CpuFeatures.Rdrand,
        ],
        [
            .. X8664V1.InstructionSets,
            "SSE3", "SSSE3", "SSE4_1", "SSE4_2", "CMPXCHG16B", "POPCNT", "PCLMULQDQ", "AES", "XSAVE", "XSAVEOPT", "RDTSCP",
            "FSGSBASE", "SMAP", "INVPCID", "RDRAND",
        ]);

    /// <summary>Level 3: AVX2 and what came with it. Its instructions are executed by a host that has them.</summary>
    public static CpuModel X8664V3 { get; } = new(
        "x86-64-v3",
        [
            .. X8664V2.Features,
            CpuFeatures.Avx, CpuFeatures.Avx2, CpuFeatures.Bmi1, CpuFeatures.Bmi2, CpuFeatures.F16c, CpuFeatures.Fma, CpuFeatures.Abm,
            CpuFeatures.Movbe,
        ],
        [.. X8664V2.InstructionSets, "AVX", "AVX2", "BMI1", "BMI2", "F16C", "FMA", "LZCNT", "MOVBE"]);

    /// <summary>
    /// Level 2, and of what follows all that the host has: nothing in it is required. Without AVX-512 and AMX, whose state is not
    /// carried, and without what needs other model-specific registers or privileged state.
    /// </summary>
    public static CpuModel Host { get; } = new(
        "host",
        [
            .. X8664V3.Features,
            CpuFeatures.Adx, CpuFeatures.AvxVnni, CpuFeatures.Clflushopt, CpuFeatures.Clwb, CpuFeatures.Gfni, CpuFeatures.Lam,
            CpuFeatures.Pks, CpuFeatures.Pku, CpuFeatures.Prefetchw, CpuFeatures.Rdpid, CpuFeatures.Rdseed, CpuFeatures.Sha, CpuFeatures.Vaes,
            CpuFeatures.Vpclmulqdq, CpuFeatures.Xgetbv1, CpuFeatures.Xsavec,
        ],
        [
            .. X8664V3.InstructionSets,
            "ADX", "AVX_VNNI", "CLFLUSHOPT", "CLWB", "GFNI", "PKU", "PREFETCHW", "RDPID", "RDSEED", "SHA", "VAES", "VPCLMULQDQ", "XSAVEC",
        ]);

    /// <summary>All that there is: what the host has, and what the software CPU has by itself though the host may not.</summary>
    public static CpuModel Max { get; } = new("max", Host.Features, Host.InstructionSets)
    {
        Emulated = [CpuFeatures.Lam, CpuFeatures.Pks, CpuFeatures.Pku],
    };

    /// <summary>The model that is used unless another is asked for.</summary>
    public static CpuModel Default => X8664V2;

    /// <summary>All models.</summary>
    public static IReadOnlyList<CpuModel> All { get; } = [X8664V1, X8664V2, X8664V3, Host, Max];

    /// <summary>True when every accelerator offers a feature only where the host's processor has it: what level 2 doesn't have.</summary>
    public static bool IsNative(CpuFeature feature) =>
        !X8664V2.Features.Contains(feature) && !CpuModel.MachineFeatures.Contains(feature);

    /// <summary>The model of that name; null when there is none.</summary>
    public static CpuModel? Find(string name) => All.FirstOrDefault(model => model.Name == name);

    /// <summary>The model of that name.</summary>
    /// <exception cref="VitrineException">There is none.</exception>
    public static CpuModel Get(string name) => Find(name) ?? throw VitrineException.User(
        ErrorCode.CpuModelUnknown,
        $"There is no CPU model called '{name}'.",
        "The name is misspelled, or belongs to another program's list.",
        $"{Suggestion.For(name, All.Select(static model => model.Name))}Choose one of: {string.Join(", ", All)}.").With("model", name);
}
