using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Software;

/// <summary>The ways in which the software CPU executes instructions.</summary>
internal static class Engines
{
    /// <summary>Theory data: each engine.</summary>
    public static TheoryData<SoftwareEngine> All => [SoftwareEngine.Interpreter, SoftwareEngine.Translator];

    /// <summary>Skips the running test where the host can't have the engine.</summary>
    public static void SkipUnlessPresent(SoftwareEngine engine) => Assert.SkipUnless(
        engine == SoftwareEngine.Interpreter || SoftwareAccelerator.HostHasTranslator, "the translator makes code for Linux on x86-64, and this host is another");
}
