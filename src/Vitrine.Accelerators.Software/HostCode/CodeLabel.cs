namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>
/// A place in emitted code that branches lead to: known already, or bound later with <see cref="CodeEmitter.Bind"/>. A new label is
/// unbound. Branches to it that are emitted before it is bound are chained through their own distance fields, so that any number of them
/// costs no memory.
/// </summary>
internal unsafe struct CodeLabel
{
    // SAFETY: addresses of code that the emitter has written; only the emitter reads and writes there.

    /// <summary>A label at a known place.</summary>
    /// <param name="target">Where branches to it lead.</param>
    public CodeLabel(byte* target) => Target = target;

    /// <summary>Where the label is bound; null until then.</summary>
    public byte* Target { get; }

    /// <summary>The distance field of the last branch to the label while it is unbound; null when there is none.</summary>
    public byte* LastBranch { get; set; }
}
