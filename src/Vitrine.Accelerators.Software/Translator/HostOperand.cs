namespace Vitrine.Accelerators.Software.Translator;

/// <summary>A memory operand of emitted code: <c>[Base + Index * 2^Scale + Displacement]</c>.</summary>
/// <param name="Base">A host register, or <see cref="HostRegister.None"/>.</param>
/// <param name="Index">A host register other than RSP, or <see cref="HostRegister.None"/>.</param>
/// <param name="Scale">0 to 3.</param>
/// <param name="Displacement">Sign-extended by the processor.</param>
internal readonly record struct HostOperand(int Base, int Index, int Scale, int Displacement)
{
    /// <summary>An operand at a base and a displacement.</summary>
    public HostOperand(int @base, int displacement)
        : this(@base, HostRegister.None, 0, displacement)
    {
    }
}
