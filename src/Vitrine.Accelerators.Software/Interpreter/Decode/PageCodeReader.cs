using Iced.Intel;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>Feeds Iced's decoder from memory at an address, up to an end.</summary>
internal sealed unsafe class PageCodeReader : CodeReader
{
    // SAFETY: Start is given a pointer with at least as many readable bytes as it says.
    private byte* _next;
    private byte* _end;

    /// <summary>Reads from here next.</summary>
    public void Start(byte* bytes, int length)
    {
        _next = bytes;
        _end = bytes + length;
    }

    /// <inheritdoc/>
    public override int ReadByte() => _next < _end ? *_next++ : -1;
}
