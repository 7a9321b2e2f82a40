using Iced.Intel;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>What an instruction does to the flags.</summary>
/// <param name="Modified">The flags that it changes.</param>
/// <param name="Undefined">Those of them that the manual leaves undefined.</param>
internal readonly record struct FlagEffect(RflagsBits Modified, RflagsBits Undefined);
