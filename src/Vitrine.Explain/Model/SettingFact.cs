namespace Vitrine.Explain.Model;

/// <summary>Something that was set on a vCPU.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">To what.</param>
/// <param name="Why">Why.</param>
/// <param name="Evidence">How it is known.</param>
public sealed record SettingFact(string Name, string Value, string Why, Evidence Evidence);
