namespace Vitrine.X86;

/// <summary>A guest-virtual (linear) address: what segmentation yields and paging takes.</summary>
/// <param name="Value">The address; bits above 31 are zero outside 64-bit mode.</param>
public readonly record struct Gva(ulong Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
