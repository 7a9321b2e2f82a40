namespace Vitrine.X86.Cpuid;

/// <summary>The features that processor models here can have (SDM vol. 2, CPUID).</summary>
public static class CpuFeatures
{
    /// <summary>x87.</summary>
    public static readonly CpuFeature Fpu = new("fpu", 1, 0, CpuidRegister.Edx, 0);

    /// <summary>Virtual-8086 mode extensions.</summary>
    public static readonly CpuFeature Vme = new("vme", 1, 0, CpuidRegister.Edx, 1);

    /// <summary>Debugging extensions.</summary>
    public static readonly CpuFeature De = new("de", 1, 0, CpuidRegister.Edx, 2);

    /// <summary>4-MiB pages.</summary>
    public static readonly CpuFeature Pse = new("pse", 1, 0, CpuidRegister.Edx, 3);

    /// <summary>Time-stamp counter.</summary>
    public static readonly CpuFeature Tsc = new("tsc", 1, 0, CpuidRegister.Edx, 4);

    /// <summary>RDMSR, WRMSR.</summary>
    public static readonly CpuFeature Msr = new("msr", 1, 0, CpuidRegister.Edx, 5);

    /// <summary>PAE paging.</summary>
    public static readonly CpuFeature Pae = new("pae", 1, 0, CpuidRegister.Edx, 6);

    /// <summary>Machine-check exception.</summary>
    public static readonly CpuFeature Mce = new("mce", 1, 0, CpuidRegister.Edx, 7);

    /// <summary>CMPXCHG8B.</summary>
    public static readonly CpuFeature Cx8 = new("cx8", 1, 0, CpuidRegister.Edx, 8);

    /// <summary>Local APIC.</summary>
    public static readonly CpuFeature Apic = new("apic", 1, 0, CpuidRegister.Edx, 9);

    /// <summary>SYSENTER, SYSEXIT.</summary>
    public static readonly CpuFeature Sep = new("sep", 1, 0, CpuidRegister.Edx, 11);

    /// <summary>Memory type range registers.</summary>
    public static readonly CpuFeature Mtrr = new("mtrr", 1, 0, CpuidRegister.Edx, 12);

    /// <summary>Global pages.</summary>
    public static readonly CpuFeature Pge = new("pge", 1, 0, CpuidRegister.Edx, 13);

    /// <summary>Machine-check architecture.</summary>
    public static readonly CpuFeature Mca = new("mca", 1, 0, CpuidRegister.Edx, 14);

    /// <summary>CMOVcc.</summary>
    public static readonly CpuFeature Cmov = new("cmov", 1, 0, CpuidRegister.Edx, 15);

    /// <summary>Page attribute table.</summary>
    public static readonly CpuFeature Pat = new("pat", 1, 0, CpuidRegister.Edx, 16);

    /// <summary>4-MiB pages beyond 4 GiB.</summary>
    public static readonly CpuFeature Pse36 = new("pse36", 1, 0, CpuidRegister.Edx, 17);

    /// <summary>CLFLUSH.</summary>
    public static readonly CpuFeature Clflush = new("clflush", 1, 0, CpuidRegister.Edx, 19);

    /// <summary>MMX.</summary>
    public static readonly CpuFeature Mmx = new("mmx", 1, 0, CpuidRegister.Edx, 23);

    /// <summary>FXSAVE, FXRSTOR.</summary>
    public static readonly CpuFeature Fxsr = new("fxsr", 1, 0, CpuidRegister.Edx, 24);

    /// <summary>SSE.</summary>
    public static readonly CpuFeature Sse = new("sse", 1, 0, CpuidRegister.Edx, 25);

    /// <summary>SSE2.</summary>
    public static readonly CpuFeature Sse2 = new("sse2", 1, 0, CpuidRegister.Edx, 26);

    /// <summary>SYSCALL, SYSRET.</summary>
    public static readonly CpuFeature Syscall = new("syscall", 0x80000001, 0, CpuidRegister.Edx, 11);

    /// <summary>Execute-disable bit.</summary>
    public static readonly CpuFeature Nx = new("nx", 0x80000001, 0, CpuidRegister.Edx, 20);

    /// <summary>64-bit mode.</summary>
    public static readonly CpuFeature Lm = new("lm", 0x80000001, 0, CpuidRegister.Edx, 29);

    /// <summary>SSE3.</summary>
    public static readonly CpuFeature Sse3 = new("sse3", 1, 0, CpuidRegister.Ecx, 0);

    /// <summary>PCLMULQDQ.</summary>
    public static readonly CpuFeature Pclmulqdq = new("pclmulqdq", 1, 0, CpuidRegister.Ecx, 1);

    /// <summary>SSSE3.</summary>
    public static readonly CpuFeature Ssse3 = new("ssse3", 1, 0, CpuidRegister.Ecx, 9);

    /// <summary>FMA3: VFMADD and the like.</summary>
    public static readonly CpuFeature Fma = new("fma", 1, 0, CpuidRegister.Ecx, 12);

    /// <summary>CMPXCHG16B.</summary>
    public static readonly CpuFeature Cx16 = new("cx16", 1, 0, CpuidRegister.Ecx, 13);

    /// <summary>Process-context identifiers.</summary>
    public static readonly CpuFeature Pcid = new("pcid", 1, 0, CpuidRegister.Ecx, 17);

    /// <summary>SSE4.1.</summary>
    public static readonly CpuFeature Sse41 = new("sse4_1", 1, 0, CpuidRegister.Ecx, 19);

    /// <summary>SSE4.2.</summary>
    public static readonly CpuFeature Sse42 = new("sse4_2", 1, 0, CpuidRegister.Ecx, 20);

    /// <summary>x2APIC mode.</summary>
    public static readonly CpuFeature X2apic = new("x2apic", 1, 0, CpuidRegister.Ecx, 21);

    /// <summary>MOVBE.</summary>
    public static readonly CpuFeature Movbe = new("movbe", 1, 0, CpuidRegister.Ecx, 22);

    /// <summary>POPCNT.</summary>
    public static readonly CpuFeature Popcnt = new("popcnt", 1, 0, CpuidRegister.Ecx, 23);

    /// <summary>TSC-deadline mode of the local APIC timer.</summary>
    public static readonly CpuFeature TscDeadlineTimer = new("tsc_deadline_timer", 1, 0, CpuidRegister.Ecx, 24);

    /// <summary>AES-NI.</summary>
    public static readonly CpuFeature Aes = new("aes", 1, 0, CpuidRegister.Ecx, 25);

    /// <summary>XSAVE, XRSTOR, XSETBV, XGETBV.</summary>
    public static readonly CpuFeature Xsave = new("xsave", 1, 0, CpuidRegister.Ecx, 26);

    /// <summary>AVX.</summary>
    public static readonly CpuFeature Avx = new("avx", 1, 0, CpuidRegister.Ecx, 28);

    /// <summary>Conversion to and from half precision.</summary>
    public static readonly CpuFeature F16c = new("f16c", 1, 0, CpuidRegister.Ecx, 29);

    /// <summary>RDRAND.</summary>
    public static readonly CpuFeature Rdrand = new("rdrand", 1, 0, CpuidRegister.Ecx, 30);

    /// <summary>LAHF and SAHF in 64-bit mode.</summary>
    public static readonly CpuFeature LahfLm = new("lahf_lm", 0x80000001, 0, CpuidRegister.Ecx, 0);

    /// <summary>LZCNT (AMD's ABM, with POPCNT).</summary>
    public static readonly CpuFeature Abm = new("abm", 0x80000001, 0, CpuidRegister.Ecx, 5);

    /// <summary>PREFETCHW.</summary>
    public static readonly CpuFeature Prefetchw = new("3dnowprefetch", 0x80000001, 0, CpuidRegister.Ecx, 8);

    /// <summary>1-GiB pages.</summary>
    public static readonly CpuFeature Pdpe1gb = new("pdpe1gb", 0x80000001, 0, CpuidRegister.Edx, 26);

    /// <summary>RDTSCP.</summary>
    public static readonly CpuFeature Rdtscp = new("rdtscp", 0x80000001, 0, CpuidRegister.Edx, 27);

    /// <summary>RDFSBASE and the like.</summary>
    public static readonly CpuFeature Fsgsbase = new("fsgsbase", 7, 0, CpuidRegister.Ebx, 0);

    /// <summary>IA32_TSC_ADJUST. With it, Linux trusts the time-stamp counter without a second clock to check it against.</summary>
    public static readonly CpuFeature TscAdjust = new("tsc_adjust", 7, 0, CpuidRegister.Ebx, 1);

    /// <summary>ANDN, BEXTR, BLSI, BLSMSK, BLSR, TZCNT.</summary>
    public static readonly CpuFeature Bmi1 = new("bmi1", 7, 0, CpuidRegister.Ebx, 3);

    /// <summary>AVX2.</summary>
    public static readonly CpuFeature Avx2 = new("avx2", 7, 0, CpuidRegister.Ebx, 5);

    /// <summary>Supervisor-mode execution prevention.</summary>
    public static readonly CpuFeature Smep = new("smep", 7, 0, CpuidRegister.Ebx, 7);

    /// <summary>BZHI, MULX, PDEP, PEXT, RORX, SARX, SHLX, SHRX.</summary>
    public static readonly CpuFeature Bmi2 = new("bmi2", 7, 0, CpuidRegister.Ebx, 8);

    /// <summary>Fast REP MOVSB and STOSB.</summary>
    public static readonly CpuFeature Erms = new("erms", 7, 0, CpuidRegister.Ebx, 9);

    /// <summary>INVPCID.</summary>
    public static readonly CpuFeature Invpcid = new("invpcid", 7, 0, CpuidRegister.Ebx, 10);

    /// <summary>RDSEED.</summary>
    public static readonly CpuFeature Rdseed = new("rdseed", 7, 0, CpuidRegister.Ebx, 18);

    /// <summary>ADCX, ADOX.</summary>
    public static readonly CpuFeature Adx = new("adx", 7, 0, CpuidRegister.Ebx, 19);

    /// <summary>Supervisor-mode access prevention.</summary>
    public static readonly CpuFeature Smap = new("smap", 7, 0, CpuidRegister.Ebx, 20);

    /// <summary>CLFLUSHOPT.</summary>
    public static readonly CpuFeature Clflushopt = new("clflushopt", 7, 0, CpuidRegister.Ebx, 23);

    /// <summary>CLWB.</summary>
    public static readonly CpuFeature Clwb = new("clwb", 7, 0, CpuidRegister.Ebx, 24);

    /// <summary>SHA-1 and SHA-256.</summary>
    public static readonly CpuFeature Sha = new("sha_ni", 7, 0, CpuidRegister.Ebx, 29);

    /// <summary>User-mode instruction prevention.</summary>
    public static readonly CpuFeature Umip = new("umip", 7, 0, CpuidRegister.Ecx, 2);

    /// <summary>Protection keys for user pages.</summary>
    public static readonly CpuFeature Pku = new("pku", 7, 0, CpuidRegister.Ecx, 3);

    /// <summary>Protection keys for supervisor pages.</summary>
    public static readonly CpuFeature Pks = new("pks", 7, 0, CpuidRegister.Ecx, 31);

    /// <summary>Arithmetic in Galois fields.</summary>
    public static readonly CpuFeature Gfni = new("gfni", 7, 0, CpuidRegister.Ecx, 8);

    /// <summary>AES on YMM registers.</summary>
    public static readonly CpuFeature Vaes = new("vaes", 7, 0, CpuidRegister.Ecx, 9);

    /// <summary>PCLMULQDQ on YMM registers.</summary>
    public static readonly CpuFeature Vpclmulqdq = new("vpclmulqdq", 7, 0, CpuidRegister.Ecx, 10);

    /// <summary>RDPID.</summary>
    public static readonly CpuFeature Rdpid = new("rdpid", 7, 0, CpuidRegister.Ecx, 22);

    /// <summary>VPDPBUSD and the like, encoded with VEX.</summary>
    public static readonly CpuFeature AvxVnni = new("avx_vnni", 7, 1, CpuidRegister.Eax, 4);

    /// <summary>Linear-address masking.</summary>
    public static readonly CpuFeature Lam = new("lam", 7, 1, CpuidRegister.Eax, 26);

    /// <summary>XSAVEOPT.</summary>
    public static readonly CpuFeature Xsaveopt = new("xsaveopt", 0xD, 1, CpuidRegister.Eax, 0);

    /// <summary>XSAVEC, and the compacted format for XRSTOR.</summary>
    public static readonly CpuFeature Xsavec = new("xsavec", 0xD, 1, CpuidRegister.Eax, 1);

    /// <summary>XGETBV with ECX = 1.</summary>
    public static readonly CpuFeature Xgetbv1 = new("xgetbv1", 0xD, 1, CpuidRegister.Eax, 2);

    /// <summary>Runs under a hypervisor.</summary>
    public static readonly CpuFeature Hypervisor = new("hypervisor", 1, 0, CpuidRegister.Ecx, 31);

    /// <summary>The local APIC timer never stops.</summary>
    public static readonly CpuFeature Arat = new("arat", 6, 0, CpuidRegister.Eax, 2);

    /// <summary>Invariant time-stamp counter.</summary>
    public static readonly CpuFeature ConstantTsc = new("constant_tsc", 0x80000007, 0, CpuidRegister.Edx, 8);
}
