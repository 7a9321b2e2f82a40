using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>What is emitted behind a block, out of the way of what usually runs.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private readonly Pending[] _pending = new Pending[(MaxInstructions * 6) + 4];
    private int _pendingCount;

    /// <summary>A branch out of the block whose target is emitted later.</summary>
    private struct Pending
    {
        public PendingKind Kind;
        public CodeLabel Begin;
        public CodeLabel Resume;
        public Address Address;
        public int Slot;
        public int Size;

        // From the address that was checked to the instruction's own, and how much is checked in one.
        public int Own;
        public int Span;
        public MissEnd End;

        // The instruction's, or the target's for Link and Far.
        public long Offset;
    }

    /// <summary>A label of code that comes behind the block.</summary>
    private ref CodeLabel DeferLabel(PendingKind kind, long offset)
    {
        ref Pending pending = ref _pending[_pendingCount++];
        pending = new Pending { Kind = kind, Offset = offset };
        return ref pending.Begin;
    }

    /// <summary>Emits a branch to code that comes behind the block.</summary>
    private ref Pending DeferIf(Condition condition, PendingKind kind, long offset)
    {
        ref Pending pending = ref _pending[_pendingCount++];
        pending = new Pending { Kind = kind, Offset = offset };
        _emitter.Jcc(condition, ref pending.Begin);
        return ref pending;
    }

    /// <summary>What code behind a miss has in <see cref="RegisterMap.Second"/> where it goes on.</summary>
    private enum MissEnd
    {
        /// <summary>The distance of the address that was checked from the page's start.</summary>
        Distance,

        /// <summary>Nothing: it is loaded again.</summary>
        Nothing,

        /// <summary>The slot's addend.</summary>
        Addend,

        /// <summary>A host address, <see cref="Pending.Own"/> before the instruction's own.</summary>
        Host,
    }

    private void EmitPending()
    {
        for (int i = 0; i < _pendingCount; i++)
        {
            ref Pending pending = ref _pending[i];
            _sink?.BeginPending(pending.Kind, pending.Offset, _emitter.Position);
            if (pending.Kind == PendingKind.Link)
            {
                EmitLink(ref pending.Begin, (int)pending.Offset);
                continue;
            }

            _emitter.Bind(ref pending.Begin);
            switch (pending.Kind)
            {
                case PendingKind.Poll:
                    _emitter.Call(_stubs.Poll);
                    _emitter.Word((int)pending.Offset);
                    break;
                case PendingKind.SecondPage:
                    _emitter.Call(_stubs.SecondPage);
                    _emitter.Word((int)pending.Offset);
                    break;
                case PendingKind.Interpret:
                    _emitter.Call(_stubs.Interpret);
                    _emitter.Word((int)pending.Offset);
                    break;
                case PendingKind.Vectors:
                    _emitter.Call(_stubs.LoadVectors);
                    _emitter.Jmp(ref pending.Resume);
                    break;
                case PendingKind.X87:
                    _emitter.Call(_stubs.X87);
                    _emitter.Word((int)pending.Offset);
                    _emitter.Call(_stubs.LoadX87);
                    _emitter.Jmp(ref pending.Resume);
                    break;
                case PendingKind.Far:
                    EmitFar(pending.Offset);
                    break;
                default:
                    EmitMiss(ref pending);
                    break;
            }
        }
    }

    private void EmitMiss(ref Pending pending)
    {
        int slot = SlotOffset(pending.Slot);
        bool shared = pending.Span > pending.Size && pending.Span <= PageSlots.Window;
        if (pending.End != MissEnd.Distance)
        {
            // The operand itself; or, while others are checked with it, the first of them.
            EmitLinear(in pending.Address, shared ? -pending.Own : 0, RegisterMap.First);
        }
        else
        {
            _emitter.Mov(RegisterMap.First, State(slot + SlotPage));
            _emitter.Add(RegisterMap.First, RegisterMap.Second);
        }

        if (shared)
        {
            // Not all of it is in one page, or below the slot's limit: go on where each access is checked alone.
            int room = pending.End == MissEnd.Distance && pending.Span > PageSlots.Single ? PageSlots.Window : pending.Span;
            _emitter.Mov(RegisterMap.Second, RegisterMap.First, OperandSize.Dword);
            _emitter.And(RegisterMap.Second, PageSize - 1, OperandSize.Dword);
            _emitter.Cmp(RegisterMap.Second, PageSize - room, OperandSize.Dword);
            CodeLabel within = default;
            _emitter.Jcc(Condition.BelowOrEqual, ref within);
            EmitJumpToLink((int)pending.Offset, LinkTraits.Unshared);
            _emitter.Bind(ref within);
        }

        if (pending.Own != 0 && (shared || pending.End == MissEnd.Distance)) _emitter.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, pending.Own));

        _emitter.Call(pending.Kind == PendingKind.Read ? _stubs.Read : _stubs.Write);
        MissSite.Emit(ref _emitter, (int)pending.Offset, pending.Size, pending.Slot);
        if (pending.End == MissEnd.Addend) _emitter.Mov(RegisterMap.Second, State(slot + SlotAddend));
        if (pending.End == MissEnd.Host) _emitter.Add(RegisterMap.Second, State(slot + SlotHost));
        if (pending.Own != 0 && pending.End != MissEnd.Nothing) _emitter.Lea(RegisterMap.Second, new HostOperand(RegisterMap.Second, -pending.Own));
        _emitter.Jmp(ref pending.Resume);
    }

    /// <summary>A jump within the page.</summary>
    private void EmitJumpToLink(int target, LinkTraits traits = LinkTraits.None)
    {
        CodeLabel link = default;
        _emitter.Jmp(ref link);
        EmitLink(ref link, target, traits);
    }

    /// <summary>The one branch to a label leads to this stub until it is linked.</summary>
    private void EmitLink(ref CodeLabel branch, int target, LinkTraits traits = LinkTraits.None)
    {
        byte* distance = branch.LastBranch;
        _emitter.Bind(ref branch);
        _emitter.Call(_stubs.Link);
        byte* site = _emitter.Position;
        _emitter.Word(target);
        _emitter.Dword((int)(distance - site));
        _emitter.Byte((int)(traits == LinkTraits.None && target <= _start ? LinkTraits.Backwards : traits));
    }
}
