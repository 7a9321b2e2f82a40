namespace Vitrine.Accelerators.Software.Translator;

/// <content>What is emitted behind a block, out of the way of what usually runs.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private readonly Pending[] _pending = new Pending[MaxInstructions * 4];
    private int _pendingCount;

    /// <summary>A branch out of the block whose target is emitted later.</summary>
    private struct Pending
    {
        public PendingKind Kind;
        public byte* Jump;
        public byte* Resume;
        public HostOperand Operand;
        public bool InScratch;
        public int Size;

        // The instruction's, or the target's for Link and Far.
        public long Offset;
    }

    private ref Pending Defer(PendingKind kind, byte* jump, long offset)
    {
        ref Pending pending = ref _pending[_pendingCount++];
        pending = new Pending { Kind = kind, Jump = jump, Offset = offset };
        return ref pending;
    }

    private void DeferMiss(PendingKind kind, byte* jump, byte* again, bool direct, in Address address, int size, int offset)
    {
        ref Pending pending = ref Defer(kind, jump, offset);
        pending.Resume = again;
        pending.InScratch = !direct;
        pending.Size = size;
        if (direct) pending.Operand = address.Operand(0);
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
        if (pending.InScratch) _emitter.Load(HostRegister.First, State(_at.Scratch));
        else _emitter.Lea(HostRegister.First, pending.Operand, _is64);
        _emitter.Call(pending.Kind switch
        {
            PendingKind.Read => _stubs.Read,
            PendingKind.Write => _stubs.Write,
            PendingKind.StackRead => _stubs.StackRead,
            _ => _stubs.StackWrite,
        });
        _emitter.Word((int)pending.Offset);
        _emitter.Byte(pending.Size - 1);
        _emitter.Jump(pending.Resume);
    }

    /// <summary>A branch that was just emitted at a distance field leads to this stub until it is linked.</summary>
    private void EmitLink(byte* distance, int target)
    {
        _emitter.Land(distance);
        _emitter.Call(_stubs.Link);
        byte* site = _emitter.Position;
        _emitter.Word(target);
        _emitter.Dword((int)(distance - site));
        _emitter.Byte(target <= _start ? 1 : 0);
    }
}
