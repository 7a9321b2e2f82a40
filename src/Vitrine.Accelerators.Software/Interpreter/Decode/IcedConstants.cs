using Iced.Intel;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>Sizes that follow from the version of Iced in use.</summary>
internal static class IcedConstants
{
    /// <summary>Number of values of <see cref="Code"/>. A test compares it with the enumeration.</summary>
    public const int CodeCount = 4936;

    /// <summary>Number of values of <see cref="Register"/>. A test compares it with the enumeration.</summary>
    public const int RegisterCount = 256;
}
