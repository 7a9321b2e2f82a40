using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Counting;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Leaves a block for code that is found through the branch table.</summary>
internal sealed class JumpEmitter(BlockContext block, BlockCounters counters)
{
    /// <summary>Goes to a place in another page, by its distance from the start of this one.</summary>
    public void ToOtherPage(long target)
    {
        block.NoteTarget(target);
        block.Asm.Mov(RegisterMap.First, State(CpuOffsets.PageRip));
        block.Asm.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, (int)target), block.AddressSize);
        ToFirst();
    }

    /// <summary>Goes to the RIP in <see cref="RegisterMap.First"/>.</summary>
    public void ToFirst()
    {
        counters.Count(TranslationCounter.TableBranches);
        block.Asm.Mov(RegisterMap.Second, RegisterMap.First, OperandSize.Dword);
        block.Asm.And(RegisterMap.Second, State(CpuOffsets.BranchMask), OperandSize.Dword);
        block.Asm.Jmp(new HostOperand(RegisterMap.State, RegisterMap.Second, 3, StateMemory.BranchTable));
    }
}
