namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>What the translator knows of an instruction code of Iced, found out once.</summary>
/// <param name="Kind">What to do with it.</param>
/// <param name="ImmediateBytes">Bytes of the opcode's immediates.</param>
/// <param name="Traits">The rest.</param>
internal readonly record struct InstructionShape(InstructionKind Kind, byte ImmediateBytes, InstructionTraits Traits)
{
    /// <summary>A shape of which nothing but the kind counts.</summary>
    public InstructionShape(InstructionKind kind)
        : this(kind, 0, InstructionTraits.None)
    {
    }

    /// <inheritdoc cref="InstructionTraits.HasModRm"/>
    public bool HasModRm => Has(InstructionTraits.HasModRm);

    /// <inheritdoc cref="InstructionTraits.HasOpcodeRegister"/>
    public bool HasOpcodeRegister => Has(InstructionTraits.HasOpcodeRegister);

    /// <inheritdoc cref="InstructionTraits.RegIsGeneral"/>
    public bool RegIsGeneral => Has(InstructionTraits.RegIsGeneral);

    /// <inheritdoc cref="InstructionTraits.RmIsGeneral"/>
    public bool RmIsGeneral => Has(InstructionTraits.RmIsGeneral);

    /// <inheritdoc cref="InstructionTraits.VvvvIsGeneral"/>
    public bool VvvvIsGeneral => Has(InstructionTraits.VvvvIsGeneral);

    /// <inheritdoc cref="InstructionTraits.RegIsByte"/>
    public bool RegIsByte => Has(InstructionTraits.RegIsByte);

    /// <inheritdoc cref="InstructionTraits.RmIsByte"/>
    public bool RmIsByte => Has(InstructionTraits.RmIsByte);

    /// <inheritdoc cref="InstructionTraits.WritesReg"/>
    public bool WritesReg => Has(InstructionTraits.WritesReg);

    /// <inheritdoc cref="InstructionTraits.WritesVvvv"/>
    public bool WritesVvvv => Has(InstructionTraits.WritesVvvv);

    /// <inheritdoc cref="InstructionTraits.WritesRm"/>
    public bool WritesRm => Has(InstructionTraits.WritesRm);

    /// <inheritdoc cref="InstructionTraits.OnlyWrites"/>
    public bool OnlyWrites => Has(InstructionTraits.OnlyWrites);

    /// <inheritdoc cref="InstructionTraits.NeedsAlignment"/>
    public bool NeedsAlignment => Has(InstructionTraits.NeedsAlignment);

    /// <inheritdoc cref="InstructionTraits.IsVector"/>
    public bool IsVector => Has(InstructionTraits.IsVector);

    /// <inheritdoc cref="InstructionTraits.IsX87"/>
    public bool IsX87 => Has(InstructionTraits.IsX87);

    /// <inheritdoc cref="InstructionTraits.IsX87Control"/>
    public bool IsX87Control => Has(InstructionTraits.IsX87Control);

    /// <inheritdoc cref="InstructionTraits.DropsRepeat"/>
    public bool DropsRepeat => Has(InstructionTraits.DropsRepeat);

    /// <inheritdoc cref="InstructionTraits.ImmediateIsRegister"/>
    public bool ImmediateIsRegister => Has(InstructionTraits.ImmediateIsRegister);

    /// <inheritdoc cref="InstructionTraits.AddressesBits"/>
    public bool AddressesBits => Has(InstructionTraits.AddressesBits);

    /// <inheritdoc cref="InstructionTraits.MayKeepFlags"/>
    public bool MayKeepFlags => Has(InstructionTraits.MayKeepFlags);

    private bool Has(InstructionTraits traits) => (Traits & traits) != 0;
}
