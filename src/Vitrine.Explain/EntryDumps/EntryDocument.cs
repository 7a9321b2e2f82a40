using System.Text.Json.Serialization;

namespace Vitrine.Explain.EntryDumps;

/// <summary>The JSON form of a VMCS or VMCB: schema "vitrine.entry/1".</summary>
internal sealed record EntryDocument
{
    /// <summary>Always "vitrine.entry/1".</summary>
    [JsonRequired]
    public required string Schema { get; init; }

    /// <summary>"vmx" or "svm".</summary>
    [JsonRequired]
    public required string Kind { get; init; }

    /// <summary>Width of physical addresses of the processor in bits, where known.</summary>
    public int? PhysicalAddressBits { get; init; }

    /// <summary>Fields by name, values as "0x..."; null for what the host's kernel chooses.</summary>
    [JsonRequired]
    public required Dictionary<string, string?> Fields { get; init; }
}
