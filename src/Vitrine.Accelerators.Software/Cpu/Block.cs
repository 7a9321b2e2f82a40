using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Header of a decoded block; its operations follow it in memory.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct Block
{
    /// <summary>Host address of the first instruction's bytes: slots that show the same memory share its blocks.</summary>
    public byte* Host;

    /// <summary>The mode it was decoded for.</summary>
    public ExecutionMode Mode;

    /// <summary>Bytes of guest code.</summary>
    public ushort Bytes;

    /// <summary>Operations, with the one that ends the block.</summary>
    public ushort Count;

    /// <summary>Next block in the same bucket of the hash table.</summary>
    public Block* NextInBucket;

    /// <summary>Next block that begins in the same guest page.</summary>
    public Block* NextInPage;

    /// <summary>
    /// Nothing may lead here: the code has changed (every operation then only leads back to the dispatcher), or the block is
    /// the one that each single instruction is decoded into.
    /// </summary>
    public bool Dropped;

    /// <summary>The bytes that it was decoded from; null unless memory is written by others.</summary>
    public byte* Source;

    /// <summary>Memory holds what a block was decoded from. For one with <see cref="Source"/>.</summary>
    // SAFETY: both are as long as Bytes says, and the source lives as long as the block is not dropped.
    public static bool IsUnchanged(Block* block) => new ReadOnlySpan<byte>(block->Host, block->Bytes).SequenceEqual(new(block->Source, block->Bytes));

    /// <summary>The block whose first operation this is.</summary>
    // SAFETY: BlockCache lays the operations directly behind the header.
    public static Block* Of(Op* first) => (Block*)first - 1;

    /// <summary>The operations of a block.</summary>
    // SAFETY: BlockCache lays the operations directly behind the header.
    public static Op* Ops(Block* block) => (Op*)(block + 1);
}
