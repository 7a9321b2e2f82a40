using Iced.Intel;
using Vitrine.Explain.Model;
using Vitrine.X86.State;

namespace Vitrine.Explain.Symbols;

/// <summary>Names of the addresses that an instruction has to do with.</summary>
internal static class InstructionSymbols
{
    /// <summary>Finds them.</summary>
    /// <param name="placement">Where the kernel lies.</param>
    /// <param name="linear">The instruction's linear address.</param>
    /// <param name="instruction">It; null where it can't be fetched.</param>
    /// <param name="before">The registers before it.</param>
    /// <param name="after">The registers behind it.</param>
    /// <param name="next">Linear address of the next one.</param>
    public static IReadOnlyList<SymbolFact> Of(KernelPlacement placement, ulong linear, Instruction? instruction, ProcessorState before, ProcessorState after, ulong next)
    {
        placement.Follow(before);
        List<SymbolFact> facts = [];
        Add("CS:RIP", linear);
        ulong codeBase = linear - before.Rip;
        bool goesOn = false;
        if (instruction is { } executed)
        {
            goesOn = next == codeBase + executed.NextIP;
            if (executed.Op0Kind is OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64)
            {
                ulong target = codeBase + executed.NearBranchTarget;
                Add(executed.FlowControl == FlowControl.Call ? "call target" : "branch target", target);
                goesOn |= next == target;
            }

            if (executed.IsIPRelativeMemoryOperand) Add("operand", executed.IPRelativeMemoryAddress);
            else if (executed is { MemoryBase: Register.None, MemoryIndex: Register.None, MemoryDisplSize: > 0 } && !HasBase(executed.MemorySegment)) Add("operand", executed.MemoryDisplacement64);
        }

        if (after.Cr2 != before.Cr2) Add("CR2", after.Cr2);
        if (!goesOn) Add("next", next);
        return facts;

        void Add(string what, ulong address)
        {
            if (placement.NameOf(address) is { } name) facts.Add(new SymbolFact(what, address, name));
        }
    }

    private static bool HasBase(Register segment) => segment is Register.FS or Register.GS;
}
