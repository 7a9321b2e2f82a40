namespace Vitrine.Explain.Text;

/// <summary>How a text is shown where there is colour.</summary>
internal enum TextStyle
{
    /// <summary>As it is.</summary>
    Plain,

    /// <summary>Bold.</summary>
    Heading,

    /// <summary>Faint: frame and heads.</summary>
    Faint,

    /// <summary>Green: passed, found.</summary>
    Good,

    /// <summary>Red: failed, a fault.</summary>
    Bad,

    /// <summary>Yellow: what this is about.</summary>
    Accent,
}
