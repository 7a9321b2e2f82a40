using Iced.Intel;

namespace Vitrine.Bench.Paging;

/// <summary>One guest.</summary>
/// <param name="Name">What it does.</param>
/// <param name="Prepare">Builds the tables and memory it starts with.</param>
/// <param name="Emit">Its code, between the marks.</param>
internal sealed record Workload(string Name, Action<TableBuilder> Prepare, Action<Assembler> Emit)
{
    /// <summary>CR4 bits it needs besides those of 64-bit mode.</summary>
    public ulong Cr4 { get; init; }
}
