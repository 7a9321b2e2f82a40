using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>From the end of one block to the start of the next.</summary>
internal static unsafe class ControlFlow
{
    // SAFETY: links and jump-cache entries point into the block cache's arena, which outlives the run of operations.

    /// <summary>
    /// Goes to the target of a direct branch. One in the same page is remembered in the operation: the page can't have been
    /// mapped elsewhere meanwhile, since this block is running from it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* GoLinked(CpuState* cpu, Op* op, ulong target)
    {
        ulong executed = cpu->Instructions + op->Position;
        cpu->Instructions = executed;
        Op* next = op->Link;
        if (next == null || executed >= cpu->PollAt) return GoSlow(cpu, op, target);
        cpu->BlockRip = target;
        return next;
    }

    /// <summary>Goes to any target.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* Go(CpuState* cpu, Op* op, ulong target)
    {
        ulong executed = cpu->Instructions + op->Position;
        cpu->Instructions = executed;
        JumpCacheEntry* entry = JumpCache.EntryFor(cpu, target);
        if (entry->Rip != target || entry->Tag != cpu->CodeTag || executed >= cpu->PollAt) return Leave(cpu, target);
        cpu->BlockRip = target;
        return entry->First;
    }

    /// <summary>The operation behind the last instruction of a block that ends without a branch.</summary>
    public static Op* EndOfBlock(CpuState* cpu, Op* op)
    {
        ulong target = cpu->BlockRip + op->RipOffset;
        if ((cpu->Mode & ExecutionMode.Code64) == 0) target = (uint)target;
        return GoLinked(cpu, op, target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* GoSlow(CpuState* cpu, Op* op, ulong target)
    {
        if (cpu->Instructions >= cpu->PollAt) return Leave(cpu, target);
        JumpCacheEntry* entry = JumpCache.EntryFor(cpu, target);
        Op* next;
        if (entry->Rip == target && entry->Tag == cpu->CodeTag)
        {
            next = entry->First;
        }
        else
        {
            CodeFinder finder = CodeFinder.Of(cpu);
            ulong flushes = finder.Flushes;
            next = finder.Find(target);
            if (next == null) return null;
            cpu->BlockRip = target;

            // When the arena was full, this operation's memory has been handed out again.
            if (finder.Flushes != flushes) return next;
        }

        if (op->StaysInPage && !Block.Of(next)->Dropped) op->Link = next;
        cpu->BlockRip = target;
        return next;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* Leave(CpuState* cpu, ulong target)
    {
        cpu->Rip = target;
        cpu->Leave = LeaveReason.NextBlock;
        return null;
    }
}
