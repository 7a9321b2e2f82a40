namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>A memory operand of emitted code: <c>[Base + Index * 2^Scale + Displacement]</c>.</summary>
/// <param name="Base">A register, or <see cref="HostRegister.None"/>.</param>
/// <param name="Index">A register other than RSP, or <see cref="HostRegister.None"/>.</param>
/// <param name="Scale">0 to 3.</param>
/// <param name="Displacement">Sign-extended by the processor.</param>
internal readonly record struct HostOperand(HostRegister Base, HostRegister Index, int Scale, int Displacement)
{
    /// <summary>An operand at a base and a displacement.</summary>
    public HostOperand(HostRegister @base, int displacement)
        : this(@base, HostRegister.None, 0, displacement)
    {
    }
}
