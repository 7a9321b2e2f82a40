namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// The members of a C structure as gdb prints it ("cs = {base = 0, limit = 65535, type = 11 '\v'}", on one line or on many, in any of its formats),
/// or as Rust's Debug does ("cs: kvm_segment { base: 0 }"). One pass over the text; whatever isn't a member is passed over.
/// </summary>
internal sealed class StructPrint
{
    private const int Deepest = 32;

    // A function of C++ may have a long name.
    private const int LongestSymbol = 1024;

    private readonly (string Parent, string Name) _marker;
    private readonly Dictionary<(string Parent, string Name), PrintedNumber> _members = [];
    private readonly Stack<string> _parents = new();
    private PrintNotation _notation = new();
    private string _pending = "";
    private string _word = "";
    private int _line = 1;

    private StructPrint((string Parent, string Name) marker) => _marker = marker;

    /// <summary>How often the marker was printed; of several prints of a member the last counts.</summary>
    public int Prints { get; private set; }

    /// <summary>The line of the marker in its last print.</summary>
    public int Line { get; private set; } = 1;

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="marker">The member that each print has once.</param>
    public static StructPrint Read(string text, (string Parent, string Name) marker)
    {
        StructPrint print = new(marker);

        // A log with nothing but brackets isn't worth more.
        for (int i = 0; i < text.Length && print._parents.Count < Deepest;) i = print.ReadAt(text, i);
        return print;
    }

    /// <summary>A member's value as it was printed; null where there is none.</summary>
    public PrintedNumber? Find(string parent, string name) => _members.TryGetValue((parent, name), out PrintedNumber found) ? found : null;

    /// <summary>A member of any parent that is none of some.</summary>
    public PrintedNumber? FindOutside(IReadOnlySet<string> parents, string name)
    {
        foreach (((string parent, string member), PrintedNumber found) in _members)
        {
            if (member == name && !parents.Contains(parent)) return found;
        }

        return null;
    }

    // Reads a word, a number or a mark, and gives the place after it.
    private int ReadAt(string text, int i)
    {
        char c = text[i];
        if (char.IsAsciiLetter(c) || c == '_') return ReadWord(text, i);
        if (char.IsAsciiDigit(c) || (c == '-' && IsNumber(text, i + 1))) return ReadNumber(text, i, EndOfNumber(text, i));
        switch (c)
        {
            case '\n':
                _line++;
                break;
            case '=' or ':':
                if (c == ':' && _word.Length > 0) _notation.RuleOutBinary();
                // A word of Rust's that must not be the language's own has an underscore behind it.
                (_pending, _word) = (_word.TrimEnd('_'), "");
                break;
            case '{' or '[':
                if (_parents.Count == 0) _notation = new PrintNotation();
                _parents.Push(_pending);
                _pending = "";
                break;
            case '}' or ']':
                _parents.TryPop(out _);
                if (_parents.Count == 0) _notation = new PrintNotation();
                _pending = "";
                break;
            case ',':
                _pending = "";
                break;
            case '\'':
                return EndOfCharacter(text, i);
        }

        return i + 1;
    }

    private int ReadWord(string text, int start)
    {
        int end = EndOfWord(text, start);
        _word = text[start..end];
        return _pending.Length > 0 && IsNumber(text, start) ? ReadNumber(text, start, end) : end;
    }

    // With what gdb prints after it: a character, or where an address points ("0x401136 <main+4>").
    private int ReadNumber(string text, int start, int end)
    {
        int next = end;
        while (next < text.Length && text[next] == ' ') next++;
        char after = next < text.Length ? text[next] : '\0';
        if (_pending.Length > 0) Add(text[start..end], after == '\'');
        _pending = "";
        return after switch
        {
            '\'' => EndOfCharacter(text, next),
            '<' => EndOfSymbol(text, next),
            _ => end,
        };
    }

    private void Add(string value, bool hasCharacter)
    {
        (string Parent, string Name) member = (_parents.TryPeek(out string? parent) ? parent : "", _pending);
        if (member == _marker) (Prints, Line) = (Prints + 1, _line);
        _notation.Add(value, hasCharacter);
        _members[member] = new PrintedNumber(value, _line, hasCharacter, _notation);
    }

    // The words are what gdb prints for floating-point numbers that are none.
    private static bool IsNumber(string text, int start) =>
        start < text.Length && (char.IsAsciiDigit(text[start]) || text.AsSpan(start, EndOfWord(text, start) - start) is "nan" or "inf");

    private static int EndOfWord(string text, int start)
    {
        int end = start;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_')) end++;
        return end;
    }

    // A sign, digits, and the point and the exponent of a floating-point number.
    private static int EndOfNumber(string text, int start)
    {
        int end = EndOfWord(text, text[start] == '-' ? start + 1 : start);
        if (end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1])) end = EndOfWord(text, end + 1);
        bool exponent = end + 1 < text.Length && text[end] is '+' or '-' && text[end - 1] == 'e' && char.IsAsciiDigit(text[end + 1]);
        return exponent && !text.AsSpan(start).StartsWith("0x", StringComparison.Ordinal) ? EndOfWord(text, end + 1) : end;
    }

    // '\v', '\001', and for ' it is '\''.
    private static int EndOfCharacter(string text, int start)
    {
        int inside = start + (start + 1 < text.Length && text[start + 1] == '\\' ? 3 : 2);
        int close = inside < text.Length ? text.IndexOf('\'', inside, Math.Min(4, text.Length - inside)) : -1;
        return close > 0 ? close + 1 : start + 1;
    }

    // Angle brackets of templates are in pairs.
    private static int EndOfSymbol(string text, int start)
    {
        int depth = 0;
        for (int i = start; i < Math.Min(text.Length, start + LongestSymbol) && text[i] != '\n'; i++)
        {
            if (text[i] == '<') depth++;
            else if (text[i] == '>' && --depth == 0) return i + 1;
        }

        return start + 1;
    }
}
