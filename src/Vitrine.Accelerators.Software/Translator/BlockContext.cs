using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// What is known of the block that is being translated, and the emitter of its host code. One object serves block after block, so that
/// translating allocates nothing: the decoder fills it anew for each.
/// </summary>
/// <param name="exact">
/// For lockstep: flags are kept that only another block overwrites, and strings are no longer than the interpreter's trial.
/// </param>
internal sealed unsafe class BlockContext(bool exact)
{
    // SAFETY: Source is only read from the block's first byte to the page's end, or to the end of the instruction that lies in two pages.

    /// <summary>Most instructions in a block.</summary>
    public const int MaxInstructions = 64;

    /// <summary>Bytes of a page.</summary>
    public const int PageSize = X86.Paging.Page.Size;

    /// <summary>Bytes of the longest instruction.</summary>
    public const int MaxLength = 15;

    /// <summary>Where the block's code is written.</summary>
    public CodeEmitter Asm;

    /// <summary>The block is compared with the interpreter.</summary>
    public bool IsExact { get; } = exact;

    /// <summary>The offset in a page before which blocks end, see <see cref="StopPoint"/>.</summary>
    public int StopOffset { get; set; } = StopPoint.None;

    /// <summary>The instructions; IP is their distance from the block's start.</summary>
    public Instruction[] Instructions { get; } = new Instruction[MaxInstructions];

    /// <summary>How many there are.</summary>
    public int Count { get; set; }

    /// <summary>Host address of the guest page's first byte, by which places in it are told apart. Nothing is read there.</summary>
    public byte* Page { get; private set; }

    /// <summary>
    /// Where the page's bytes are read: the page itself, a copy of it, or what stands for it where the only instruction lies in two pages.
    /// </summary>
    public byte* Source { get; private set; }

    /// <summary>Offset of the block in its page.</summary>
    public int Start { get; private set; }

    /// <summary>What it is translated for.</summary>
    public ExecutionMode Mode { get; private set; }

    /// <summary>64-bit code, not 32-bit code.</summary>
    public bool Is64 { get; private set; }

    /// <summary>The interpreter executes the instruction that follows the block's last one.</summary>
    public bool EndsInterpreted { get; set; }

    /// <summary>The only instruction lies in two pages.</summary>
    public bool IsCrossing { get; private set; }

    /// <summary>The lowest target of a direct branch to another page, as its distance from the start of the page; 0 where none lies before it.</summary>
    public int LowestTarget { get; private set; }

    /// <summary>The highest one, or what follows the page where the block runs into it; 0 where there is none.</summary>
    public int HighestTarget { get; private set; }

    /// <summary>Size of addresses, and of what PUSH and POP move.</summary>
    public OperandSize AddressSize => Is64 ? OperandSize.Qword : OperandSize.Dword;

    /// <summary>The same in bytes.</summary>
    public int AddressBytes => Is64 ? sizeof(ulong) : sizeof(uint);

    /// <summary>Offset in the page of what follows the last instruction.</summary>
    public int End => Start + (Count == 0 ? 0 : (int)Instructions[Count - 1].IP + Instructions[Count - 1].Length);

    /// <summary>Begins a block without instructions.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="code">Where its bytes are read.</param>
    /// <param name="start">Its offset in the guest page.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="isCrossing">Its only instruction lies in two pages.</param>
    public void Begin(byte* guest, byte* code, int start, ExecutionMode mode, bool isCrossing)
    {
        Page = guest - start;
        Source = code - start;
        Start = start;
        Mode = mode;
        Is64 = (mode & ExecutionMode.Code64) != 0;
        IsCrossing = isCrossing;
        Count = 0;
        EndsInterpreted = false;
        LowestTarget = 0;
        HighestTarget = 0;
    }

    /// <summary>Notes a place in another page that the block leads to.</summary>
    public void NoteTarget(long target)
    {
        LowestTarget = Math.Min(LowestTarget, (int)target);
        HighestTarget = Math.Max(HighestTarget, (int)target);
    }

    /// <summary>A direct branch's target, as its distance from the start of the page.</summary>
    public long TargetOffset(in Instruction instruction) => instruction.Op0Kind switch
    {
        OpKind.NearBranch64 => Start + (long)instruction.NearBranch64,
        OpKind.NearBranch32 => Start + (int)instruction.NearBranch32,
        _ => long.MinValue,
    };

    /// <summary>A branch of the block leads to its own start.</summary>
    public bool IsOwnLoop()
    {
        for (int i = 0; i < Count; i++)
        {
            if (Instructions[i].FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch &&
                TargetOffset(in Instructions[i]) == Start) return true;
        }

        return false;
    }

    /// <summary>The address of an instruction's memory operand.</summary>
    public OperandAddress AddressOf(in Instruction instruction) => OperandAddress.Of(in instruction, Start, Is64);

    /// <summary>An address relative to RSP.</summary>
    public OperandAddress StackAddress(int displacement) => OperandAddress.OnStack(displacement, Is64);
}
