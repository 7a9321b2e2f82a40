namespace Vitrine.X86.VmEntry;

/// <summary>What a field of a VMCS or VMCB is called and where it is.</summary>
/// <param name="Key">Our stable name, as in the JSON form: "guest.cs.base".</param>
/// <param name="Name">The manual's name.</param>
/// <param name="Number">VMCS: the encoding; VMCB: the byte offset from the start of the VMCB.</param>
/// <param name="Bits">Width in bits; natural-width fields count as 64.</param>
public sealed record EntryField(string Key, string Name, uint Number, int Bits)
{
    /// <summary>The largest value that fits.</summary>
    public ulong Maximum => Bits == 64 ? ulong.MaxValue : (1UL << Bits) - 1;
}
