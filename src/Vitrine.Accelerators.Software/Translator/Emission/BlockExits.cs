using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Listing;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>What is emitted after a block, out of the way of what usually runs; and links, which lead to the dispatcher at first.</summary>
internal sealed unsafe class BlockExits(BlockContext block, EntryStubs stubs, AddressEmitter addresses, JumpEmitter jumps)
{
    // SAFETY: a link's site is written where the code is.
    private readonly PendingExit[] _pending = new PendingExit[(BlockContext.MaxInstructions * 6) + 4];
    private int _count;

    /// <summary>Begins a block.</summary>
    public void Begin() => _count = 0;

    /// <summary>Emits a branch to code that comes after the block.</summary>
    /// <param name="condition">When it is taken.</param>
    /// <param name="kind">What the code does.</param>
    /// <param name="offset">The instruction's offset in the page; or the target's.</param>
    public ref PendingExit BranchIf(Condition condition, PendingKind kind, long offset)
    {
        ref PendingExit exit = ref _pending[_count++];
        exit = new PendingExit { Kind = kind, Offset = offset };
        block.Asm.Jcc(condition, ref exit.Begin);
        return ref exit;
    }

    /// <summary>The label of code that comes after the block.</summary>
    public ref CodeLabel LabelOf(PendingKind kind, long offset)
    {
        ref PendingExit exit = ref _pending[_count++];
        exit = new PendingExit { Kind = kind, Offset = offset };
        return ref exit.Begin;
    }

    /// <summary>A jump to an offset in the page, which is linked when it is first taken.</summary>
    public void Link(int target, LinkTraits traits = LinkTraits.None)
    {
        CodeLabel branch = default;
        block.Asm.Jmp(ref branch);
        Link(ref branch, target, traits);
    }

    /// <summary>Leaves for the interpreter, which executes the instruction at an offset in the page.</summary>
    public void Interpret(int offset) => Leave(stubs.Interpret, offset);

    /// <summary>Looks for requests, and goes on to code that is known.</summary>
    /// <param name="offset">The code's offset in the page.</param>
    /// <param name="body">The code, as it is written.</param>
    public void PollAndJump(int offset, byte* body)
    {
        block.Asm.Cmp(State(CpuOffsets.PollAt), 0);
        block.Asm.Jcc(Condition.NotEqual, body);
        Leave(stubs.Poll, offset);
    }

    /// <summary>Emits all that comes after the block.</summary>
    /// <param name="sink">Is told of it; null as a rule.</param>
    public void EmitPending(ICodeSink? sink)
    {
        for (int i = 0; i < _count; i++)
        {
            ref PendingExit exit = ref _pending[i];
            sink?.BeginPending(exit.Kind, exit.Offset, block.Asm.Position);
            if (exit.Kind == PendingKind.Link)
            {
                Link(ref exit.Begin, (int)exit.Offset, LinkTraits.None);
                continue;
            }

            block.Asm.Bind(ref exit.Begin);
            switch (exit.Kind)
            {
                case PendingKind.Poll:
                    Leave(stubs.Poll, (int)exit.Offset);
                    break;
                case PendingKind.SecondPage:
                    Leave(stubs.SecondPage, (int)exit.Offset);
                    break;
                case PendingKind.Changed:
                    Leave(stubs.Changed, (int)exit.Offset);
                    break;
                case PendingKind.Interpret:
                    Interpret((int)exit.Offset);
                    break;
                case PendingKind.Vectors:
                    block.Asm.Call(stubs.LoadVectors);
                    block.Asm.Jmp(ref exit.Resume);
                    break;
                case PendingKind.X87:
                    Leave(stubs.X87, (int)exit.Offset);
                    block.Asm.Call(stubs.LoadX87);
                    block.Asm.Jmp(ref exit.Resume);
                    break;
                case PendingKind.Far:
                    jumps.ToOtherPage(exit.Offset);
                    break;
                default:
                    EmitMiss(ref exit);
                    break;
            }
        }
    }

    // The stub finds the offset after the call.
    private void Leave(byte* stub, int offset)
    {
        block.Asm.Call(stub);
        block.Asm.Word(offset);
    }

    private void EmitMiss(ref PendingExit exit)
    {
        ref CodeEmitter asm = ref block.Asm;
        bool shared = exit.Span > exit.Size && exit.Span <= PageSlots.Window;
        if (exit.End != MissEnd.Distance)
        {
            // The operand itself; or, while others are checked with it, the first of them.
            addresses.Linear(in exit.Address, shared ? -exit.Own : 0, RegisterMap.First);
        }
        else
        {
            asm.Mov(RegisterMap.First, Slot(exit.Slot, PageSlot.Offsets.Page));
            asm.Add(RegisterMap.First, RegisterMap.Second);
        }

        if (shared)
        {
            // Not all of it is in one page, or below the slot's limit: go on where each access is checked alone.
            int room = exit.End == MissEnd.Distance && exit.Span > PageSlots.Single ? PageSlots.Window : exit.Span;
            CodeLabel within = default;
            asm.Mov(RegisterMap.Second, RegisterMap.First, OperandSize.Dword);
            asm.And(RegisterMap.Second, BlockContext.PageSize - 1, OperandSize.Dword);
            asm.Cmp(RegisterMap.Second, BlockContext.PageSize - room, OperandSize.Dword);
            asm.Jcc(Condition.BelowOrEqual, ref within);
            Link((int)exit.Offset, LinkTraits.Unshared);
            asm.Bind(ref within);
        }

        bool checksOther = exit.Own != 0 && (shared || exit.End == MissEnd.Distance);
        if (checksOther) asm.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, exit.Own));
        asm.Call(exit.Kind == PendingKind.Read ? stubs.Read : stubs.Write);
        MissSite.Emit(ref asm, (int)exit.Offset, exit.Size, exit.Slot);
        if (exit.End == MissEnd.Addend) asm.Mov(RegisterMap.Second, Slot(exit.Slot, PageSlot.Offsets.Addend));
        if (exit.End == MissEnd.Host) asm.Add(RegisterMap.Second, Slot(exit.Slot, PageSlot.Offsets.Host));
        if (exit.Own != 0 && exit.End != MissEnd.Nothing) asm.Lea(RegisterMap.Second, new HostOperand(RegisterMap.Second, -exit.Own));
        asm.Jmp(ref exit.Resume);
    }

    /// <summary>The one branch to a label leads to this stub until it is linked.</summary>
    private void Link(ref CodeLabel branch, int target, LinkTraits traits)
    {
        ref CodeEmitter asm = ref block.Asm;
        byte* distance = branch.LastBranch;
        asm.Bind(ref branch);
        asm.Call(stubs.Link);
        byte* site = asm.Position;
        asm.Word(target);
        asm.Dword((int)(distance - site));
        asm.Byte((int)(traits == LinkTraits.None && target <= block.Start ? LinkTraits.Backwards : traits));
    }
}
