using Vitrine.Accelerators.Software.Cpu;

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
        public byte* Jump;
        public byte* Resume;
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

    private ref Pending Defer(PendingKind kind, byte* jump, long offset)
    {
        ref Pending pending = ref _pending[_pendingCount++];
        pending = new Pending { Kind = kind, Jump = jump, Offset = offset };
        return ref pending;
    }

    /// <summary>What code behind a miss has in <see cref="HostRegister.Second"/> where it goes on.</summary>
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
                EmitLink(pending.Jump, (int)pending.Offset);
                continue;
            }

            _emitter.Land(pending.Jump);
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
                    _emitter.Jump(pending.Resume);
                    break;
                case PendingKind.X87:
                    _emitter.Call(_stubs.X87);
                    _emitter.Word((int)pending.Offset);
                    _emitter.Call(_stubs.LoadX87);
                    _emitter.Jump(pending.Resume);
                    break;
                case PendingKind.Far:
                    EmitFar(pending.Offset);
                    break;
                default:
                    EmitMiss(in pending);
                    break;
            }
        }
    }

    private void EmitMiss(in Pending pending)
    {
        int slot = SlotOffset(pending.Slot);
        bool shared = pending.Span > pending.Size && pending.Span <= PageSlots.Window;
        if (pending.End != MissEnd.Distance)
        {
            // The operand itself; or, while others are checked with it, the first of them.
            EmitLinear(in pending.Address, shared ? -pending.Own : 0, HostRegister.First);
        }
        else
        {
            _emitter.Load(HostRegister.First, State(slot + SlotPage));
            _emitter.Registers(0x03, true, HostRegister.First, HostRegister.Second);
        }

        if (shared)
        {
            // Not all of it is in one page, or below the slot's limit: go on where each access is checked alone.
            int room = pending.End == MissEnd.Distance && pending.Span > PageSlots.Single ? PageSlots.Window : pending.Span;
            _emitter.Move(HostRegister.Second, HostRegister.First, wide: false);
            _emitter.Immediate(AndExtension, false, HostRegister.Second, PageSize - 1);
            _emitter.Immediate(CompareExtension, false, HostRegister.Second, PageSize - room);
            byte* within = _emitter.JumpIf(Condition.BelowOrEqual);
            EmitLink(_emitter.Jump(), (int)pending.Offset, LinkTraits.Unshared);
            _emitter.Land(within);
        }

        if (pending.Own != 0 && (shared || pending.End == MissEnd.Distance)) _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.First, pending.Own));

        _emitter.Call(pending.Kind == PendingKind.Read ? _stubs.Read : _stubs.Write);
        MissSite.Emit(ref _emitter, (int)pending.Offset, pending.Size, pending.Slot);
        if (pending.End == MissEnd.Addend) _emitter.Load(HostRegister.Second, State(slot + SlotAddend));
        if (pending.End == MissEnd.Host) _emitter.Memory(0x03, true, HostRegister.Second, State(slot + SlotHost));
        if (pending.Own != 0 && pending.End != MissEnd.Nothing) _emitter.Lea(HostRegister.Second, new HostOperand(HostRegister.Second, -pending.Own));
        _emitter.Jump(pending.Resume);
    }

    /// <summary>A branch that was just emitted at a distance field leads to this stub until it is linked.</summary>
    private void EmitLink(byte* distance, int target, LinkTraits traits = LinkTraits.None)
    {
        _emitter.Land(distance);
        _emitter.Call(_stubs.Link);
        byte* site = _emitter.Position;
        _emitter.Word(target);
        _emitter.Dword((int)(distance - site));
        _emitter.Byte((int)(traits == LinkTraits.None && target <= _start ? LinkTraits.Backwards : traits));
    }
}
