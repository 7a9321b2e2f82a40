using System.Text.Json.Serialization;

namespace Vitrine.Explain.Model;

/// <summary>How a fact is known.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Evidence>))]
public enum Evidence
{
    /// <summary>Read from the machine: a call that was made, a register that was got, a byte of guest memory, a counter of ours.</summary>
    Observed,

    /// <summary>
    /// Follows from what was observed by the rules of the architecture. A user-space program can't read the VMCS, the VMCB or the page tables
    /// that KVM builds.
    /// </summary>
    Derived,
}
