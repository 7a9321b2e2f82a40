using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Tests.Software.Mmu;
using Vitrine.X86.Paging;

namespace Vitrine.Tests.Software.Translator;

/// <summary>What guests that change their code run on: an engine, an MMU, and room for what is made of their code.</summary>
/// <param name="Engine">The engine.</param>
/// <param name="Mmu">How it translates addresses.</param>
/// <param name="TranslationBytes">Room for host code in bytes; 0 for the usual.</param>
/// <param name="ArenaBytes">Room for decoded blocks in bytes; 0 for the usual.</param>
public sealed record CodeSetting(SoftwareEngine Engine, MmuMode Mmu = MmuMode.Shadow, nuint TranslationBytes = 0, nuint ArenaBytes = 0)
{
    public static CodeSetting Interpreter { get; } = new(SoftwareEngine.Interpreter);

    public static CodeSetting Translator { get; } = new(SoftwareEngine.Translator);

    public static CodeSetting TranslatorTwoDimensional { get; } = new(SoftwareEngine.Translator, MmuMode.TwoDimensional);

    /// <summary>Room for a few blocks: what is written to is thrown away for want of room as well.</summary>
    public static CodeSetting TranslatorInSmallCaches { get; } = new(SoftwareEngine.Translator, TranslationBytes: 40 << 10, ArenaBytes: 16 << 10);

    internal PagedMachine Machine(PagingMode paging = PagingMode.FourLevel) =>
        new(paging, mmu: Mmu, engine: Engine, translationBytes: TranslationBytes, arenaBytes: ArenaBytes);
}
