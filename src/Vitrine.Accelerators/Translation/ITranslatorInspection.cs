using Vitrine.Errors;

namespace Vitrine.Accelerators.Translation;

/// <summary>
/// An accelerator's own translator, as tools see it. The vCPU must not be running. Looking changes nothing that runs: what is translated for a
/// look is thrown away again.
/// </summary>
public interface ITranslatorInspection
{
    /// <summary>Translates the block at an address, as the vCPU would if it came there in its present mode.</summary>
    /// <param name="linear">Linear address of its first instruction: CS.base + RIP.</param>
    /// <returns>Guest code and host code.</returns>
    /// <exception cref="VitrineException">The address isn't mapped or has no memory, or code of the present mode is not translated.</exception>
    BlockListing ListBlock(ulong linear);
}
