namespace Vitrine.X86;

/// <summary>A guest-physical address: what paging yields and memory slots take.</summary>
/// <param name="Value">The address in bytes.</param>
public readonly record struct Gpa(ulong Value)
{
    /// <summary>The address <paramref name="bytes"/> above this one.</summary>
    public static Gpa operator +(Gpa address, ulong bytes) => new(address.Value + bytes);

    /// <summary>See the operator.</summary>
    public static Gpa Add(Gpa address, ulong bytes) => address + bytes;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
