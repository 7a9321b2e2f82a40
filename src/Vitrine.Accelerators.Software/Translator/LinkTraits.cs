namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What kind of branch an <see cref="ExitReason.Link"/> is for.</summary>
[Flags]
internal enum LinkTraits : byte
{
    /// <summary>Forwards.</summary>
    None = 0,

    /// <summary>It goes backwards: requests must be looked for on the way.</summary>
    Backwards = 1,

    /// <summary>
    /// It leads to the <see cref="Cpu.ExecutionMode.Unshared"/> translation of an instruction in the middle of the block.
    /// </summary>
    Unshared = 2,
}
