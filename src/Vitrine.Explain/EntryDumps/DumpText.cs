namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// The lines of one dump as one text, so that a value which a mail has folded to the next line still follows its name; white space is all that may
/// come between. An offset leads back to the line.
/// </summary>
internal sealed class DumpText
{
    private readonly int[] _offsets;
    private readonly int[] _numbers;

    public DumpText(ReadOnlySpan<DumpLine> lines)
    {
        _offsets = new int[lines.Length];
        _numbers = new int[lines.Length];
        string[] texts = new string[lines.Length];
        int offset = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            (_offsets[i], _numbers[i], texts[i]) = (offset, lines[i].Number, lines[i].Text);
            offset += texts[i].Length + 1;
        }

        Text = string.Join('\n', texts);
    }

    /// <summary>The lines, with line feeds between them.</summary>
    public string Text { get; }

    /// <summary>The number of the line that an offset lies in.</summary>
    public int LineAt(int offset)
    {
        int index = Array.BinarySearch(_offsets, offset);
        return _numbers[index >= 0 ? index : ~index - 1];
    }
}
