using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Listing;

namespace Vitrine.Tests.Software.Lockstep;

/// <summary>A translator with a fault: it changes bytes in the host code of one guest instruction, each time that it is translated.</summary>
/// <param name="instruction">Offset of the instruction in its page.</param>
/// <param name="from">The bytes, once in its host code.</param>
/// <param name="to">What they become, as many.</param>
internal sealed unsafe class CodeCorruption(int instruction, byte[] from, byte[] to) : ICodeSink
{
    private byte* _begin;

    /// <summary>How often the bytes were found.</summary>
    public int Found { get; private set; }

    public void BeginInstruction(int offset, byte* host)
    {
        End(host);
        _begin = offset == instruction ? host : null;
    }

    public void BeginEnd(int offset, bool interpreted, byte* host)
    {
        End(host);
        _begin = null;
    }

    public void BeginPending(PendingKind kind, long offset, byte* host)
    {
    }

    private void End(byte* host)
    {
        if (_begin == null) return;
        Span<byte> code = new(_begin, (int)(host - _begin));
        int at = code.IndexOf(from);
        if (at < 0) return;
        to.CopyTo(code[at..]);
        Found++;
    }
}
