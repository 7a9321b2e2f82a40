namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// What the numbers of one print have in common. gdb puts 0x before hexadecimal ones and 0 before octal ones, but nothing before
/// binary ones (print/t), which look like decimal ones.
/// </summary>
internal sealed class PrintNotation
{
    // 2 to the power of 64 has 20 decimal digits.
    private const int MostDecimalDigits = 20;

    private bool _hasOther;
    private bool _hasOctal;
    private bool _hasUnmarked;
    private bool _hasTooLong;
    private bool _hasAmbiguous;

    /// <summary>True where numbers with a leading 0 are octal: all but 0 have one.</summary>
    public bool IsOctal => _hasOctal && !_hasUnmarked;

    /// <summary>Whether numbers of 0s and 1s are binary; null when it can't be told.</summary>
    public bool? IsBinary => _hasOther ? false : _hasTooLong ? true : _hasAmbiguous ? null : false;

    /// <summary>True for a number that a 0 marks as octal, if it is one.</summary>
    public static bool HasLeadingZero(string text) => text is ['0', >= '0' and <= '9', ..];

    /// <summary>Takes a number into account.</summary>
    /// <param name="text">The number as it was printed.</param>
    /// <param name="hasCharacter">True where a character follows it, as print and print/c do for a byte.</param>
    public void Add(string text, bool hasCharacter)
    {
        bool leadingZero = HasLeadingZero(text);
        _hasOctal |= leadingZero;
        _hasUnmarked |= !leadingZero && text != "0";
        bool binary = !hasCharacter && !leadingZero && text.All(static c => c is '0' or '1');
        _hasOther |= !binary;
        _hasTooLong |= binary && text.Length > MostDecimalDigits;
        _hasAmbiguous |= binary && text.Length > 1;
    }

    /// <summary>Rules out binary numbers, which Rust's Debug doesn't print.</summary>
    public void RuleOutBinary() => _hasOther = true;
}
