namespace Vitrine.Kvm.Abi.Codec;

/// <summary>Model-specific registers (KVM_GET_MSRS, KVM_SET_MSRS): a list of entries, in the order in which KVM takes them.</summary>
public static class MsrsCodec
{
    /// <summary>Registers that KVM takes in one call.</summary>
    public const int MaximumEntries = 256;

    /// <summary>Bytes of a <see cref="kvm_msrs"/> with so many registers.</summary>
    public static int BytesFor(int count) => CountedEntries.BytesFor<kvm_msrs, kvm_msr_entry>(count);

    /// <summary>Takes registers into a list, later entries over earlier ones.</summary>
    /// <param name="buffer">A <see cref="kvm_msrs"/>.</param>
    /// <param name="limit">How many entries hold a value: what KVM returned, or all.</param>
    /// <param name="msrs">Registers by index.</param>
    /// <returns>False, with the list as it was, when the structure announces more than the buffer holds.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> buffer, int limit, IDictionary<uint, ulong> msrs)
    {
        ArgumentNullException.ThrowIfNull(msrs);
        if (!CountedEntries.TryRead<kvm_msrs, kvm_msr_entry>(buffer, out ReadOnlySpan<kvm_msr_entry> entries)) return false;
        foreach (ref readonly kvm_msr_entry entry in entries[..Math.Min(limit, entries.Length)]) msrs[entry.index] = entry.data;
        return true;
    }

    /// <summary>Writes a <see cref="kvm_msrs"/> into a buffer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The buffer is too short.</exception>
    public static void Encode(ReadOnlySpan<KeyValuePair<uint, ulong>> msrs, Span<byte> buffer)
    {
        Span<kvm_msr_entry> entries = CountedEntries.Write<kvm_msrs, kvm_msr_entry>(buffer, msrs.Length);
        for (int i = 0; i < msrs.Length; i++) entries[i] = new kvm_msr_entry { index = msrs[i].Key, data = msrs[i].Value };
    }
}
