using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>One translated block: guest code from one host address in one mode. What finding and entering one looks at comes first, in one line of the cache.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TranslatedBlock
{
    /// <summary>Host address of the first guest byte.</summary>
    public byte* Guest;

    /// <summary>The mode it was translated for.</summary>
    public ExecutionMode Mode;

    /// <summary>Cell of the key that <see cref="Entry"/> compares with; meaningful when there is an entry.</summary>
    public int Cell;

    /// <summary>Next in the same bucket of the hash table.</summary>
    public TranslatedBlock* NextInBucket;

    /// <summary>
    /// Where branches from anywhere enter, with the target's RIP in <see cref="RegisterMap.First"/>; null until one does.
    /// </summary>
    public byte* Entry;

    /// <summary>The code, for branches in the same page.</summary>
    public byte* Body;

    /// <summary>Where branches from behind in the same page enter, which look for requests; null until one does.</summary>
    public byte* LoopEntry;

    /// <summary>The lowest place in another page that it leads to directly, as its distance from the start of its own; 0 where none lies before it.</summary>
    public int LowestTarget;

    /// <summary>The highest one; 0 where none lies behind its page.</summary>
    public int HighestTarget;

    /// <summary><see cref="Body"/> itself looks for requests, because the block branches to its own start.</summary>
    public bool Polls;

    /// <summary><see cref="Entry"/> is for a global page: its key holds in every address space.</summary>
    public bool EntryIsGlobal;

    /// <summary>No longer to be found.</summary>
    public bool Dropped;

    /// <summary>Bytes of guest code.</summary>
    public ushort GuestBytes;

    /// <summary>Guest instructions.</summary>
    public ushort Instructions;

    /// <summary>
    /// For a block whose only instruction reaches into the next page: host address of that page. It is part of what the block is made of,
    /// and may be mapped elsewhere by itself.
    /// </summary>
    public byte* SecondPage;

    /// <summary>For an entry in the list of a second page: the block that must be dropped with it.</summary>
    public TranslatedBlock* Owner;

    /// <summary>Next in the same guest page.</summary>
    public TranslatedBlock* NextInPage;

    /// <summary>Bytes of host code.</summary>
    public int HostBytes;

    /// <summary>Cell of the key that says where <see cref="SecondPage"/> was last found to be mapped.</summary>
    public int SecondCell;
}
