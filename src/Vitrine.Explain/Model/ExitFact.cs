namespace Vitrine.Explain.Model;

/// <summary>An exit.</summary>
/// <param name="Reason">What the guest wanted: "OUT, 1 byte to port 0x402: 0x53".</param>
/// <param name="Handler">Who answered: the device's name, or what became of it.</param>
public sealed record ExitFact(string Reason, string Handler);
