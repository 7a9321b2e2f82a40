using Vitrine.X86.Cpuid;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>CPUID leaves (KVM_GET_SUPPORTED_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2). Of the flags only that of a significant index counts.</summary>
public static class CpuidCodec
{
    /// <summary>Entries that KVM takes in one call (KVM_MAX_CPUID_ENTRIES).</summary>
    public const int MaximumEntries = 256;

    /// <summary>The leaves of a <see cref="kvm_cpuid2"/>.</summary>
    /// <returns>False when it announces more than the buffer holds, or than KVM takes.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> buffer, out CpuidEntry[] entries)
    {
        entries = [];
        if (!CountedEntries.TryRead<kvm_cpuid2, kvm_cpuid_entry2>(buffer, out ReadOnlySpan<kvm_cpuid_entry2> kvm)) return false;
        if (kvm.Length > MaximumEntries) return false;
        entries = new CpuidEntry[kvm.Length];
        for (int i = 0; i < entries.Length; i++) entries[i] = Decode(kvm[i]);
        return true;
    }

    /// <summary>A <see cref="kvm_cpuid2"/> with its entries.</summary>
    public static byte[] Encode(ReadOnlySpan<CpuidEntry> entries)
    {
        byte[] buffer = new byte[CountedEntries.BytesFor<kvm_cpuid2, kvm_cpuid_entry2>(entries.Length)];
        Span<kvm_cpuid_entry2> kvm = CountedEntries.Write<kvm_cpuid2, kvm_cpuid_entry2>(buffer, entries.Length);
        for (int i = 0; i < entries.Length; i++) kvm[i] = Encode(entries[i]);
        return buffer;
    }

    /// <summary>A leaf from KVM's.</summary>
    public static CpuidEntry Decode(in kvm_cpuid_entry2 kvm) => new(
        kvm.function, kvm.index, (kvm.flags & KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0, kvm.eax, kvm.ebx, kvm.ecx, kvm.edx);

    /// <summary>KVM's leaf.</summary>
    public static kvm_cpuid_entry2 Encode(CpuidEntry entry) => new()
    {
        function = entry.Function,
        index = entry.Index,
        flags = entry.IndexMatters ? KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        eax = entry.Eax,
        ebx = entry.Ebx,
        ecx = entry.Ecx,
        edx = entry.Edx,
    };
}
