namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// The members of a C structure as gdb prints it ("cs = {base = 0, limit = 65535, type = 11 '\v'}", on one line or on many, in decimal or hexadecimal), or
/// as Rust's Debug does ("cs: kvm_segment { base: 0 }"). One pass over the text; whatever isn't a member is passed over.
/// </summary>
internal sealed class StructPrint
{
    private const int Deepest = 32;

    private readonly Dictionary<(string Parent, string Name), (string Text, int Line)> _members = [];

    private StructPrint()
    {
    }

    /// <summary>How often the marker was printed; of several prints of a member the last counts.</summary>
    public int Prints { get; private set; }

    /// <summary>The line of the marker in its last print.</summary>
    public int Line { get; private set; } = 1;

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="marker">The member that each print has once.</param>
    public static StructPrint Read(string text, (string Parent, string Name) marker)
    {
        StructPrint print = new();
        Stack<string> parents = new();
        string pending = "";
        string word = "";
        int line = 1;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\n') line++;
            if (char.IsAsciiLetter(c) || c == '_')
            {
                int end = EndOfWord(text, i);
                word = text[i..end];
                i = end - 1;
            }
            else if (char.IsAsciiDigit(c))
            {
                int end = EndOfWord(text, i);
                if (pending.Length > 0) print.Add((parents.TryPeek(out string? parent) ? parent : "", pending), text[i..end], line, marker);
                (pending, i) = ("", end - 1);
            }
            else if (c is '=' or ':')
            {
                // A word of Rust's that must not be the language's own has an underscore behind it.
                (pending, word) = (word.TrimEnd('_'), "");
            }
            else if (c is '{' or '[')
            {
                // A log with nothing but brackets isn't worth more.
                if (parents.Count == Deepest) break;
                parents.Push(pending);
                pending = "";
            }
            else if (c is '}' or ']')
            {
                parents.TryPop(out _);
                pending = "";
            }
            else if (c == ',')
            {
                pending = "";
            }
            else if (c == '\'')
            {
                // gdb's character after a number: '\v', '\001', ''' is '\''.
                int close = text.IndexOf('\'', Math.Min(i + 2, text.Length), Math.Min(6, text.Length - Math.Min(i + 2, text.Length)));
                if (close > 0) i = close;
            }
        }

        return print;
    }

    /// <summary>A member's value as it was printed; null where there is none.</summary>
    public (string Text, int Line)? Find(string parent, string name) => _members.TryGetValue((parent, name), out (string, int) found) ? found : null;

    /// <summary>A member of any parent that is none of some.</summary>
    public (string Text, int Line)? FindOutside(IReadOnlySet<string> parents, string name)
    {
        foreach (((string parent, string member), (string, int) found) in _members)
        {
            if (member == name && !parents.Contains(parent)) return found;
        }

        return null;
    }

    private void Add((string Parent, string Name) member, string value, int line, (string Parent, string Name) marker)
    {
        if (member == marker) (Prints, Line) = (Prints + 1, line);
        _members[member] = (value, line);
    }

    private static int EndOfWord(string text, int start)
    {
        int end = start;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_')) end++;
        return end;
    }
}
