namespace Vitrine.Tests.Differential;

/// <summary>Makes the cases of one batch.</summary>
// SAFETY: cases are the caller's and as long as OracleCase says.
internal unsafe interface ICaseSource
{
    /// <summary>What the data pages hold before each case of a batch.</summary>
    void FillMemory(Span<byte> bytes);

    /// <summary>Makes the case of a slot.</summary>
    void Create(int slot, OracleCase* test);
}
