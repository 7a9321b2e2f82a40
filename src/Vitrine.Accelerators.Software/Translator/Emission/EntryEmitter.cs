using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>The ways into blocks: what they compare, and where they look for requests.</summary>
internal sealed unsafe class EntryEmitter(BlockContext block, TranslationCache cache, EntryStubs stubs, BlockExits exits)
{
    // SAFETY: takes addresses of code apart; guest code is read where its block was decoded from.

    /// <summary>Places the entry of a block here, at which branches from anywhere arrive.</summary>
    /// <param name="target">The block. An entry that it has is replaced.</param>
    /// <param name="isGlobal">Its page is global: the key holds in all address spaces.</param>
    public void Place(ref TranslatedBlock target, bool isGlobal)
    {
        target.Cell = cache.CellFor(in target, isGlobal);
        target.EntryIsGlobal = isGlobal;
        target.Entry = block.Asm.Position + cache.ToExecutable;
        Emit(in target);
    }

    /// <summary>Emits an entry: compares the page of the RIP in <see cref="RegisterMap.First"/> with the block's key.</summary>
    public void Emit(in TranslatedBlock target)
    {
        int key = target.EntryIsGlobal ? CpuOffsets.GlobalKey : CpuOffsets.CodeKey;
        HostOperand page = new(RegisterMap.First, -OffsetOf(in target));
        OperandSize size = (target.Mode & ExecutionMode.Code64) != 0 ? OperandSize.Qword : OperandSize.Dword;
        block.Asm.Lea(RegisterMap.Second, page, size);
        block.Asm.Xor(RegisterMap.Second, State(key));
        block.Asm.Cmp(RegisterMap.Second, Key(target.Cell));
        block.Asm.Jcc(Condition.NotEqual, stubs.Lookup);
        block.Asm.Lea(RegisterMap.First, page, size);
        block.Asm.Mov(State(CpuOffsets.PageRip), RegisterMap.First);
    }

    /// <summary>Looks for requests, and goes on in a block that exists.</summary>
    public void PollAndEnter(in TranslatedBlock target) => exits.PollAndJump(OffsetOf(in target), target.Body - cache.ToExecutable);

    /// <summary>Looks for requests at the start of the block.</summary>
    public void Poll()
    {
        block.Asm.Cmp(State(CpuOffsets.PollAt), 0);
        exits.BranchIf(Condition.Equal, PendingKind.Poll, block.Start);
    }

    /// <summary>
    /// Compares the second page of the block's only instruction with a key. One that matches says: in this address space, the page that
    /// follows the present one is the expected one.
    /// </summary>
    public void CheckSecondPage(int cell)
    {
        block.Asm.Mov(RegisterMap.First, State(CpuOffsets.PageRip));
        block.Asm.Xor(RegisterMap.First, State(CpuOffsets.CodeKey));
        block.Asm.Cmp(RegisterMap.First, Key(cell));
        exits.BranchIf(Condition.NotEqual, PendingKind.SecondPage, block.Start);
    }

    /// <summary>Compares the block's guest code with memory, and leaves where it differs.</summary>
    public void CompareCode()
    {
        byte* code = block.Source + block.Start;
        int bytes = Math.Min(block.End, BlockContext.PageSize) - block.Start;
        if (bytes <= 0) return;
        ref CodeLabel changed = ref exits.LabelOf(PendingKind.Changed, block.Start);
        block.Asm.Movabs(RegisterMap.First, (ulong)(block.Page + block.Start));
        int at = 0;
        while (at < bytes)
        {
            // The last eight bytes may be in part those before, as long as there are so many.
            if (bytes >= sizeof(ulong))
            {
                at = Math.Min(at, bytes - sizeof(ulong));
                block.Asm.Movabs(RegisterMap.Second, Unsafe.ReadUnaligned<ulong>(code + at));
                block.Asm.Cmp(RegisterMap.Second, new HostOperand(RegisterMap.First, at));
                at += sizeof(ulong);
            }
            else
            {
                block.Asm.Movzx(RegisterMap.Second, new HostOperand(RegisterMap.First, at), OperandSize.Byte);
                block.Asm.Cmp(RegisterMap.Second, code[at], OperandSize.Dword);
                at++;
            }

            block.Asm.Jcc(Condition.NotEqual, ref changed);
        }
    }

    private static int OffsetOf(in TranslatedBlock target) => (int)((ulong)target.Guest & (BlockContext.PageSize - 1));
}
