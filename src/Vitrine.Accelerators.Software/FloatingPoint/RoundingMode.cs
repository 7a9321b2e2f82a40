namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Rounding control, numbered as in the x87 control word (bits 11:10), MXCSR (bits 14:13) and the ROUNDxx immediate.</summary>
internal enum RoundingMode
{
    /// <summary>To nearest, ties to even.</summary>
    Nearest = 0,

    /// <summary>Toward minus infinity.</summary>
    Down = 1,

    /// <summary>Toward plus infinity.</summary>
    Up = 2,

    /// <summary>Toward zero.</summary>
    Zero = 3,
}
