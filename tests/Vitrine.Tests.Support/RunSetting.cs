using System.Globalization;

namespace Vitrine.Tests;

/// <summary>What the environment says about a run of random or repeated cases: how many, and which.</summary>
internal static class RunSetting
{
    /// <summary>The number in an environment variable.</summary>
    /// <param name="variable">Name of the variable.</param>
    /// <param name="otherwise">What holds where the variable is no number.</param>
    public static ulong Read(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out ulong value) ? value : otherwise;
}
