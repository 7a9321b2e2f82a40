namespace Vitrine.Explain.Model;

/// <summary>One instruction of a story in brief.</summary>
/// <param name="Number">Its number since the start, from 1.</param>
/// <param name="Place">CS:RIP, "f000:fff0".</param>
/// <param name="Mode">The processor's mode in words.</param>
/// <param name="Linear">Its linear address.</param>
/// <param name="PagingMode">How that is translated; empty when segmentation already stops the fetch.</param>
/// <param name="Gpa">Its guest-physical address; null where the fetch doesn't come so far.</param>
/// <param name="Slot">Name of the memory slot that holds it; empty when none does.</param>
/// <param name="HostVirtual">Its host-virtual address; null when there is none.</param>
/// <param name="Symbol">The symbol that it is in, with the distance from it; empty where none is known.</param>
/// <param name="Bytes">Its bytes in hexadecimal; empty when they can't be fetched.</param>
/// <param name="Instruction">It, decoded; empty when it can't be fetched.</param>
/// <param name="Stop">What stops the fetch; else empty.</param>
/// <param name="Outcome">What came of it; empty where it was fetched only.</param>
public sealed record BriefInstruction(
    ulong Number,
    string Place,
    string Mode,
    ulong Linear,
    string PagingMode,
    ulong? Gpa,
    string Slot,
    ulong? HostVirtual,
    string Symbol,
    string Bytes,
    string Instruction,
    string Stop,
    string Outcome);
