namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>What the guest does in one step.</summary>
internal enum StressOperation
{
    Read,
    Write,
    ExchangeAdd,
    CompareExchange,
    RepeatStore,
    RepeatMove,
    Fetch,
    InvalidatePage,
    InvalidateContext,
    LoadCr0,
    LoadCr3,
    LoadCr4,

    /// <summary>A bit that the processor may have cached the meaning of: CR4.PSE, and a flush.</summary>
    LoadCr4AndFlush,

    /// <summary>The same for EFER.NXE.</summary>
    LoadEferAndFlush,

    /// <summary>WRPKRU, at any level.</summary>
    LoadPkru,

    /// <summary>WRMSR of IA32_PKRS.</summary>
    LoadPkrs,

    /// <summary>From 64-bit mode to 32-bit code, CR0.PG off and on, and back.</summary>
    LeaveLongMode,
}
