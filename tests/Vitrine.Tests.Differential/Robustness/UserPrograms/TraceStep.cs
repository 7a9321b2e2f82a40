using Iced.Intel;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>One instruction of a run.</summary>
/// <param name="Instruction">The instruction.</param>
/// <param name="Exposed">
/// Flags that count again because it has written to the code behind it: what was there would have overwritten them, what is there now doesn't.
/// </param>
internal readonly record struct TraceStep(Instruction Instruction, ulong Exposed = 0);
