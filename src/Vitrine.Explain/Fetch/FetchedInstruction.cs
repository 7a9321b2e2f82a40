using Iced.Intel;

namespace Vitrine.Explain.Fetch;

/// <summary>What fetching at CS:RIP comes to.</summary>
/// <param name="Bytes">The bytes: of the instruction, or those that could be fetched where there is none.</param>
/// <param name="Instruction">The instruction; null when the bytes are none, or not all of one.</param>
/// <param name="Rest">Where the instruction goes on in another page: its first linear address there; else null.</param>
/// <param name="Stop">What keeps its last bytes from being fetched; empty when nothing does.</param>
/// <param name="Fault">The exception that this raises; null for none.</param>
internal readonly record struct FetchedInstruction(byte[] Bytes, Instruction? Instruction, ulong? Rest, string Stop, byte? Fault);
