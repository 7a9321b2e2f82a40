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

    /// <summary>
    /// The host's instruction, with its registers moved to host addresses for as long as it takes. All of an operand must be in one page that the
    /// TLB knows; the rest is the interpreter's, which goes from page to page.
    /// </summary>
    private void EmitString(int i, int offset, bool moves)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        int size = instruction.MemorySize.GetSize();
        bool repeats = instruction.HasRepPrefix;
        LoseFlags(_wanted[i]);
        _second = SecondHolds.Nothing;
        _emitter.Memory(0xF6, false, 0, State(_at.SystemFlags + 1)); // TEST
        _emitter.Byte(DirectionFlagByte);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        byte* nothing = null;
        if (repeats)
        {
            _emitter.Registers(0x85, true, HostRegister.Rcx, HostRegister.Rcx); // TEST
            nothing = _emitter.JumpIf(Condition.Equal);
            _emitter.Immediate(CompareExtension, true, HostRegister.Rcx, PageSize / size);
            Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.Above), offset);
        }

        if (moves)
        {
            EmitStringLookUp(HostRegister.Rsi, size, repeats, write: false, offset);
            _emitter.Store(State(_at.Scratch), HostRegister.Second);
        }

        EmitStringLookUp(HostRegister.Rdi, size, repeats, write: true, offset);
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
        if (repeats) _emitter.Land(nothing);
    }

    /// <summary>The addend of the page that holds all of an operand in <see cref="HostRegister.Second"/>.</summary>
    private void EmitStringLookUp(int pointer, int size, bool repeats, bool write, int offset)
    {
        int scale = System.Numerics.BitOperations.Log2((uint)size);
        _emitter.Lea(HostRegister.First, repeats ? new HostOperand(pointer, HostRegister.Rcx, scale, -1) : new HostOperand(pointer, size - 1));
        _emitter.Move(HostRegister.Second, pointer);
        _emitter.ShiftRight(HostRegister.Second, 12 - EntryShift);
        _emitter.Immediate(AndExtension, false, HostRegister.Second, (GuestAccess.TlbEntries - 1) << EntryShift);
        _emitter.Immediate(AndExtension, true, HostRegister.First, -PageSize);
        _emitter.Memory(0x03, true, HostRegister.Second, State(_at.Tlb));
        _emitter.Memory(0x0B, true, HostRegister.First, State(_at.TlbTag));
        _emitter.Memory(0x3B, true, HostRegister.First, new HostOperand(HostRegister.Second, write ? WriteTagOffset : ReadTagOffset));
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        _emitter.Load(HostRegister.Second, new HostOperand(HostRegister.Second, AddendOffset));
    }
}
