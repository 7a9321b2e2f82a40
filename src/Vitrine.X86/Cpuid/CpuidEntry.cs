namespace Vitrine.X86.Cpuid;

/// <summary>One CPUID leaf or subleaf and its answer.</summary>
/// <param name="Function">Leaf: EAX on input.</param>
/// <param name="Index">Subleaf: ECX on input, where <paramref name="IndexMatters"/>.</param>
/// <param name="IndexMatters">True when the leaf has subleaves (KVM_CPUID_FLAG_SIGNIFCANT_INDEX).</param>
/// <param name="Eax">Answer in EAX.</param>
/// <param name="Ebx">Answer in EBX.</param>
/// <param name="Ecx">Answer in ECX.</param>
/// <param name="Edx">Answer in EDX.</param>
public readonly record struct CpuidEntry(
    uint Function, uint Index, bool IndexMatters, uint Eax, uint Ebx, uint Ecx, uint Edx)
{
    /// <summary>The answer in <paramref name="register"/>.</summary>
    public uint this[CpuidRegister register] => register switch
    {
        CpuidRegister.Eax => Eax,
        CpuidRegister.Ebx => Ebx,
        CpuidRegister.Ecx => Ecx,
        _ => Edx,
    };
}
