using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
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
        _emitter.Test(State(_at.SystemFlags + 1), DirectionFlagByte);
        DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        if (instruction.HasRepPrefix)
        {
            EmitRepeated(offset, moves, size);
            return;
        }

        if (moves)
        {
            _emitter.Lea(RegisterMap.First, new HostOperand(HostRegister.Rsi, size - 1));
            EmitStringLookUp(HostRegister.Rsi, write: false, ref DeferLabel(PendingKind.Interpret, offset));
            _emitter.Mov(State(_at.Scratch), RegisterMap.Second);
        }

        _emitter.Lea(RegisterMap.First, new HostOperand(HostRegister.Rdi, size - 1));
        EmitStringLookUp(HostRegister.Rdi, write: true, ref DeferLabel(PendingKind.Interpret, offset));
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
        _emitter.Test(HostRegister.Rcx, HostRegister.Rcx);
        CodeLabel nothing = default;
        _emitter.Jcc(Condition.Equal, ref nothing);
        _emitter.Cmp(HostRegister.Rcx, _exact ? Interpreter.Integer.Strings.LongestCompared : PageSize / size);
        DeferIf(Condition.Above, PendingKind.Interpret, offset);
        CodeLabel pieces = default;
        if (moves)
        {
            _emitter.Lea(RegisterMap.First, new HostOperand(HostRegister.Rsi, HostRegister.Rcx, scale, -1));
            EmitStringLookUp(HostRegister.Rsi, write: false, ref pieces);
            _emitter.Mov(State(_at.Scratch), RegisterMap.Second);
        }

        _emitter.Lea(RegisterMap.First, new HostOperand(HostRegister.Rdi, HostRegister.Rcx, scale, -1));
        EmitStringLookUp(HostRegister.Rdi, write: true, ref pieces);
        EmitHostString(moves, size, repeats: true);
        CodeLabel done = default;
        _emitter.Jmp(ref done);

        _emitter.Bind(ref pieces);
        if (_exact) _emitter.Jmp(ref DeferLabel(PendingKind.Interpret, offset));
        else EmitPieces(offset, moves, size);
        _emitter.Bind(ref done);
        _emitter.Bind(ref nothing);
    }

    private void EmitPieces(int offset, bool moves, int size)
    {
        CodeLabel next = new(_emitter.Position);
        EmitRoom(RegisterMap.First, HostRegister.Rdi);
        if (moves)
        {
            EmitRoom(RegisterMap.Second, HostRegister.Rsi);
            _emitter.Cmp(RegisterMap.First, RegisterMap.Second);
            _emitter.Cmov(Condition.Above, RegisterMap.First, RegisterMap.Second);
        }

        if (size > 1) _emitter.Shr(RegisterMap.First, BitOperations.Log2((uint)size));
        _emitter.Cmp(RegisterMap.First, HostRegister.Rcx);
        _emitter.Cmov(Condition.Above, RegisterMap.First, HostRegister.Rcx);
        _emitter.Test(RegisterMap.First, RegisterMap.First);
        DeferIf(Condition.Equal, PendingKind.Interpret, offset);
        _emitter.Mov(State(_at.Scratch2), RegisterMap.First);
        if (moves)
        {
            _emitter.Mov(RegisterMap.First, HostRegister.Rsi);
            EmitStringLookUp(HostRegister.Rsi, write: false, ref DeferLabel(PendingKind.Interpret, offset));
            _emitter.Mov(State(_at.Scratch), RegisterMap.Second);
        }

        _emitter.Mov(RegisterMap.First, HostRegister.Rdi);
        EmitStringLookUp(HostRegister.Rdi, write: true, ref DeferLabel(PendingKind.Interpret, offset));
        _emitter.Mov(RegisterMap.First, State(_at.Scratch2));
        _emitter.Sub(HostRegister.Rcx, RegisterMap.First);
        _emitter.Xchg(HostRegister.Rcx, RegisterMap.First);
        _emitter.Mov(State(_at.Scratch2), RegisterMap.First);
        EmitHostString(moves, size, repeats: true);
        _emitter.Mov(HostRegister.Rcx, State(_at.Scratch2));
        _emitter.Test(HostRegister.Rcx, HostRegister.Rcx);
        _emitter.Jcc(Condition.NotEqual, ref next);

        // From an address to the end of its page.
        void EmitRoom(HostRegister register, HostRegister pointer)
        {
            _emitter.Mov(register, pointer);
            _emitter.Or(register, -PageSize);
            _emitter.Neg(register);
        }
    }

    /// <summary>The instruction, with the addend of the destination in <see cref="RegisterMap.Second"/> and that of the source in the first scratch field.</summary>
    private void EmitHostString(bool moves, int size, bool repeats)
    {
        if (moves)
        {
            _emitter.Mov(RegisterMap.First, State(_at.Scratch));
            _emitter.Lea(HostRegister.Rsi, new HostOperand(HostRegister.Rsi, RegisterMap.First, 0, 0));
        }

        _emitter.Lea(HostRegister.Rdi, new HostOperand(HostRegister.Rdi, RegisterMap.Second, 0, 0));
        if (moves) _emitter.Movs(SizeOf(size), repeats);
        else _emitter.Stos(SizeOf(size), repeats);
        if (moves) _emitter.Sub(HostRegister.Rsi, RegisterMap.First);
        _emitter.Sub(HostRegister.Rdi, RegisterMap.Second);
    }

    /// <summary>The addend of a page in <see cref="RegisterMap.Second"/>, if the last byte in <see cref="RegisterMap.First"/> is in it too.</summary>
    /// <param name="pointer">Points to the first byte.</param>
    /// <param name="write">The page is written to.</param>
    /// <param name="miss">Where it goes on if it isn't, or the TLB doesn't know it.</param>
    private void EmitStringLookUp(HostRegister pointer, bool write, ref CodeLabel miss)
    {
        _emitter.Mov(RegisterMap.Second, pointer);
        _emitter.Shr(RegisterMap.Second, 12 - EntryShift);
        _emitter.And(RegisterMap.Second, (GuestAccess.TlbEntries - 1) << EntryShift, OperandSize.Dword);
        _emitter.And(RegisterMap.First, -PageSize);
        _emitter.Add(RegisterMap.Second, State(_at.Tlb));
        _emitter.Or(RegisterMap.First, State(_at.TlbTag));
        _emitter.Cmp(RegisterMap.First, new HostOperand(RegisterMap.Second, write ? WriteTagOffset : ReadTagOffset));
        _emitter.Jcc(Condition.NotEqual, ref miss);
        _emitter.Mov(RegisterMap.Second, new HostOperand(RegisterMap.Second, AddendOffset));
    }
}
