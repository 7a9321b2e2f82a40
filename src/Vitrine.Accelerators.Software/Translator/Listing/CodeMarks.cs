using System.Globalization;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>Takes down where the parts of one block begin.</summary>
/// <param name="body">Where the block's code is written.</param>
/// <param name="pageRip">RIP of the guest page's first byte.</param>
/// <param name="ripMask">What RIP is cut to: 32 bits outside 64-bit code.</param>
internal sealed unsafe class CodeMarks(byte* body, ulong pageRip, ulong ripMask) : ICodeSink
{
    // SAFETY: subtracts addresses; nothing is read.
    private readonly List<CodeMark> _marks = [];

    /// <summary>The marks, in order.</summary>
    public IReadOnlyList<CodeMark> All => _marks;

    /// <inheritdoc/>
    public void BeginInstruction(int offset, byte* host) => _marks.Add(new CodeMark(At(host), "", offset));

    /// <inheritdoc/>
    public void BeginEnd(int offset, bool interpreted, byte* host)
    {
        if (interpreted) BeginInstruction(offset, host);
        else Add(host, $"goes on at {Rip(offset)}");
    }

    /// <inheritdoc/>
    public void BeginPending(PendingKind kind, long offset, byte* host) => Add(host, kind switch
    {
        PendingKind.Poll => "a request waits",
        PendingKind.Interpret => $"{Rip(offset)} is for the interpreter",
        PendingKind.Link => $"branch to {Rip(offset)}, not linked yet",
        PendingKind.Far => $"branch to {Rip(offset)}, in another page",
        PendingKind.Vectors => "vector registers are not loaded",
        PendingKind.X87 => "x87 registers are not loaded",
        PendingKind.Read => $"read of {Rip(offset)}: another page, or its end",
        PendingKind.Write => $"write of {Rip(offset)}: another page, or its end",
        PendingKind.Changed => "the guest's code has changed",
        PendingKind.SecondPage => "the second page may be mapped elsewhere",
        _ => $"{kind}, {Rip(offset)}",
    });

    /// <summary>A part that doesn't come from a guest instruction begins.</summary>
    public void Add(byte* host, string title) => _marks.Add(new CodeMark(At(host), title, -1));

    /// <summary>An offset in the page as a RIP.</summary>
    public string Rip(long offset) => string.Create(CultureInfo.InvariantCulture, $"0x{(pageRip + (ulong)offset) & ripMask:x}");

    private int At(byte* host) => (int)(host - body);
}
