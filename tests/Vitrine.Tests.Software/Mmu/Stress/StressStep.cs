namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>One step of a sequence, complete in itself: other steps can be left out without changing it.</summary>
/// <param name="Operation">What is done.</param>
/// <param name="Linear">The address.</param>
/// <param name="Size">Bytes of one access; the type of INVPCID.</param>
/// <param name="Value">What is stored, added or compared with; the register's new value; the PCID.</param>
/// <param name="Other">The upper half of 16 bytes, the second of two moved elements, or what is stored after a comparison.</param>
/// <param name="Count">Elements of a REP.</param>
/// <param name="User">At level 3.</param>
/// <param name="Ac">With RFLAGS.AC set.</param>
internal readonly record struct StressStep(
    StressOperation Operation, ulong Linear = 0, int Size = 0, ulong Value = 0, ulong Other = 0, int Count = 1, bool User = false, bool Ac = false)
{
    /// <summary>It accesses memory at <see cref="Linear"/>.</summary>
    public bool IsAccess => Operation <= StressOperation.Fetch;

    /// <summary>It asks for the right to write.</summary>
    public bool Writes => Operation is >= StressOperation.Write and <= StressOperation.RepeatMove;
}
