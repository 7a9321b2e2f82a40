using Vitrine.Accelerators.Observation;

namespace Vitrine.Explain.Model;

/// <summary>The calls of a story in brief.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Duration">How long they took in all.</param>
/// <param name="Failed">Those that were answered with an error.</param>
public sealed record BriefCalls(int Count, TimeSpan Duration, IReadOnlyList<CallRecord> Failed);
