using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>MOVS and STOS of 64-bit code, alone and repeated.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private const int DirectionFlagByte = (int)(Rflags.DF >> 8);

    /// <summary>Addresses of 64 bits, upwards in flat segments: what the host does with the same registers.</summary>
    private bool CanRepeat(in Instruction instruction)
    {
        if (!_is64 || instruction.HasRepnePrefix || instruction.Op0Kind is not OpKind.MemoryESRDI) return false;
        return instruction.Op1Kind == OpKind.Register || (instruction.Op1Kind == OpKind.MemorySegRSI && SegmentOf(in instruction) < 0);
    }

    /// <summary>The host's instruction, with its registers moved to host addresses for as long as it takes.</summary>
    private void EmitString(int i, int offset, bool moves)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        int size = instruction.MemorySize.GetSize();
        LoseFlags(_wanted[i]);
        _second = SecondHolds.Nothing;
        _emitter.Memory(0xF6, false, 0, State(_at.SystemFlags + 1)); // TEST
        _emitter.Byte(DirectionFlagByte);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        if (instruction.HasRepPrefix)
        {
            EmitRepeated(offset, moves, size);
            return;
        }

        if (moves)
        {
            _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.Rsi, size - 1));
            Defer(PendingKind.Interpret, EmitStringLookUp(HostRegister.Rsi, write: false), offset);
            _emitter.Store(State(_at.Scratch), HostRegister.Second);
        }

        _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.Rdi, size - 1));
        Defer(PendingKind.Interpret, EmitStringLookUp(HostRegister.Rdi, write: true), offset);
        EmitHostString(moves, size, repeats: false);
    }

    /// <summary>
    /// Most strings lie in one page each. Short ones that don't are done piece by piece, where no piece reaches into a next page; what a piece leaves are the registers
    /// of an instruction that was interrupted, so the interpreter can go on from there if the TLB doesn't know a page or an element lies in two. Strings of more than
    /// a page are the interpreter's: it takes no longer for them.
    /// </summary>
    private void EmitRepeated(int offset, bool moves, int size)
    {
        int scale = BitOperations.Log2((uint)size);
        _emitter.Registers(0x85, true, HostRegister.Rcx, HostRegister.Rcx); // TEST
        byte* nothing = _emitter.JumpIf(Condition.Equal);
        _emitter.Immediate(CompareExtension, true, HostRegister.Rcx, _exact ? Interpreter.Integer.Strings.LongestCompared : PageSize / size);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.Above), offset);
        byte* source = null;
        if (moves)
        {
            _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.Rsi, HostRegister.Rcx, scale, -1));
            source = EmitStringLookUp(HostRegister.Rsi, write: false);
            _emitter.Store(State(_at.Scratch), HostRegister.Second);
        }

        _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.Rdi, HostRegister.Rcx, scale, -1));
        byte* destination = EmitStringLookUp(HostRegister.Rdi, write: true);
        EmitHostString(moves, size, repeats: true);
        byte* done = _emitter.Jump();

        if (moves) _emitter.Land(source);
        _emitter.Land(destination);
        if (_exact) Defer(PendingKind.Interpret, _emitter.Jump(), offset);
        else EmitPieces(offset, moves, size);
        _emitter.Land(done);
        _emitter.Land(nothing);
    }

    private void EmitPieces(int offset, bool moves, int size)
    {
        const int Negate = 3;
        const int ExchangeOpcode = 0x87;
        const int MoveIfAbove = 0x47;
        byte* next = _emitter.Position;
        EmitRoom(HostRegister.First, HostRegister.Rdi);
        if (moves)
        {
            EmitRoom(HostRegister.Second, HostRegister.Rsi);
            _emitter.Registers(0x3B, true, HostRegister.First, HostRegister.Second);
            _emitter.Registers0F(MoveIfAbove, true, HostRegister.First, HostRegister.Second);
        }

        if (size > 1) _emitter.ShiftRight(HostRegister.First, BitOperations.Log2((uint)size));
        _emitter.Registers(0x3B, true, HostRegister.First, HostRegister.Rcx);
        _emitter.Registers0F(MoveIfAbove, true, HostRegister.First, HostRegister.Rcx);
        _emitter.Registers(0x85, true, HostRegister.First, HostRegister.First); // TEST
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.Equal), offset);
        _emitter.Store(State(_at.Scratch2), HostRegister.First);
        if (moves)
        {
            _emitter.Move(HostRegister.First, HostRegister.Rsi);
            Defer(PendingKind.Interpret, EmitStringLookUp(HostRegister.Rsi, write: false), offset);
            _emitter.Store(State(_at.Scratch), HostRegister.Second);
        }

        _emitter.Move(HostRegister.First, HostRegister.Rdi);
        Defer(PendingKind.Interpret, EmitStringLookUp(HostRegister.Rdi, write: true), offset);
        _emitter.Load(HostRegister.First, State(_at.Scratch2));
        _emitter.Registers(0x2B, true, HostRegister.Rcx, HostRegister.First);
        _emitter.Registers(ExchangeOpcode, true, HostRegister.Rcx, HostRegister.First);
        _emitter.Store(State(_at.Scratch2), HostRegister.First);
        EmitHostString(moves, size, repeats: true);
        _emitter.Load(HostRegister.Rcx, State(_at.Scratch2));
        _emitter.Registers(0x85, true, HostRegister.Rcx, HostRegister.Rcx); // TEST
        _emitter.JumpIf(Condition.NotEqual, next);

        // From an address to the end of its page.
        void EmitRoom(int register, int pointer)
        {
            const int OrExtension = 1;
            _emitter.Move(register, pointer);
            _emitter.Immediate(OrExtension, true, register, -PageSize);
            _emitter.Registers(0xF7, true, Negate, register);
        }
    }

    /// <summary>The instruction, with the addend of the destination in <see cref="HostRegister.Second"/> and that of the source in the first scratch field.</summary>
    private void EmitHostString(bool moves, int size, bool repeats)
    {
        if (moves)
        {
            _emitter.Load(HostRegister.First, State(_at.Scratch));
            _emitter.Lea(HostRegister.Rsi, new HostOperand(HostRegister.Rsi, HostRegister.First, 0, 0));
        }

        _emitter.Lea(HostRegister.Rdi, new HostOperand(HostRegister.Rdi, HostRegister.Second, 0, 0));
        if (repeats) _emitter.Byte(0xF3);
        if (size == 2) _emitter.Byte(0x66);
        if (size == 8) _emitter.Byte(0x48);
        _emitter.Byte((moves ? 0xA4 : 0xAA) | (size > 1 ? 1 : 0));
        if (moves) _emitter.Registers(0x2B, true, HostRegister.Rsi, HostRegister.First);
        _emitter.Registers(0x2B, true, HostRegister.Rdi, HostRegister.Second);
    }

    /// <summary>The addend of a page in <see cref="HostRegister.Second"/>, if the last byte in <see cref="HostRegister.First"/> is in it too.</summary>
    /// <returns>The branch that is taken if it isn't, or the TLB doesn't know it.</returns>
    private byte* EmitStringLookUp(int pointer, bool write)
    {
        _emitter.Move(HostRegister.Second, pointer);
        _emitter.ShiftRight(HostRegister.Second, 12 - EntryShift);
        _emitter.Immediate(AndExtension, false, HostRegister.Second, (GuestAccess.TlbEntries - 1) << EntryShift);
        _emitter.Immediate(AndExtension, true, HostRegister.First, -PageSize);
        _emitter.Memory(0x03, true, HostRegister.Second, State(_at.Tlb));
        _emitter.Memory(0x0B, true, HostRegister.First, State(_at.TlbTag));
        _emitter.Memory(0x3B, true, HostRegister.First, new HostOperand(HostRegister.Second, write ? WriteTagOffset : ReadTagOffset));
        byte* miss = _emitter.JumpIf(Condition.NotEqual);
        _emitter.Load(HostRegister.Second, new HostOperand(HostRegister.Second, AddendOffset));
        return miss;
    }
}
