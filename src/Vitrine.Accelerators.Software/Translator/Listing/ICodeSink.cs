namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>
/// Is told where the parts of a block's host code begin while they are written. For listings; what runs is translated without one.
/// </summary>
internal unsafe interface ICodeSink
{
    /// <summary>The code of a guest instruction begins.</summary>
    /// <param name="offset">The instruction's offset in the page.</param>
    /// <param name="host">Where its code is written.</param>
    void BeginInstruction(int offset, byte* host);

    /// <summary>What leads on from the block's last instruction begins.</summary>
    /// <param name="offset">Offset of the next instruction in the page.</param>
    /// <param name="interpreted">The interpreter executes that one.</param>
    /// <param name="host">Where the code is written.</param>
    void BeginEnd(int offset, bool interpreted, byte* host);

    /// <summary>Code out of line begins.</summary>
    /// <param name="kind">What it is for.</param>
    /// <param name="offset">Offset in the page: of the instruction that leads there; of a branch's target.</param>
    /// <param name="host">Where the code is written.</param>
    void BeginPending(PendingKind kind, long offset, byte* host);
}
