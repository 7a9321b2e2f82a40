using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>From a guest's memory operand to the host's.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private const int ReadTagOffset = 0;
    private const int WriteTagOffset = 8;
    private const int AddendOffset = 16;
    private const int EntryShift = 5;

    /// <summary>What the address of a memory operand is made of.</summary>
    private struct Address
    {
        public int Base;
        public int Index;
        public int Scale;
        public long Displacement;
        public bool IsRelative;
        public bool Is32;
        public int Segment;

        /// <summary>One LEA forms it.</summary>
        public readonly bool IsDirect => !IsRelative && !Is32 && Segment < 0 && IsHeld(Base) is false && IsHeld(Index) is false;

        /// <summary>It lies in a known page, as far from its start as in any other that this code may be mapped at.</summary>
        public readonly bool IsInPage => IsRelative && Segment < 0;

        public readonly HostOperand Operand(int more) => new(
            Base < 0 ? HostRegister.None : RegisterMap.Of(Base),
            Index < 0 ? HostRegister.None : RegisterMap.Of(Index),
            Scale,
            (int)Displacement + more);
    }

    private static bool IsHeld(int guest) => RegisterMap.IsHeld(guest);

    private static int GeneralNumber(Register register) =>
        register == Register.None ? -1 : register >= Register.RAX ? register - Register.RAX : register - Register.EAX;

    /// <summary>Takes the address of an operand apart.</summary>
    private Address AddressOf(in Instruction instruction)
    {
        Register @base = instruction.MemoryBase;
        Address address = new()
        {
            Base = -1,
            Index = GeneralNumber(instruction.MemoryIndex),
            Scale = BitOperations.Log2((uint)instruction.MemoryIndexScale),
            Displacement = (long)instruction.MemoryDisplacement64,
            Segment = SegmentOf(in instruction),
        };
        if (@base == Register.RIP)
        {
            address.IsRelative = true;
            address.Displacement = _start + (long)instruction.IPRelativeMemoryAddress;
        }
        else
        {
            address.Base = GeneralNumber(@base);
            address.Is32 = !_is64 || Is32BitAddress(in instruction);
            if (address.Is32) address.Displacement = (int)address.Displacement;
        }

        return address;
    }

    private static bool Is32BitAddress(in Instruction instruction)
    {
        Register sized = instruction.MemoryBase != Register.None ? instruction.MemoryBase : instruction.MemoryIndex;
        return sized != Register.None ? sized.IsGPR32() : instruction.MemoryDisplSize == 4;
    }

    /// <summary>FS or GS when the operand is in one of them, else -1.</summary>
    private static int SegmentOf(in Instruction instruction) => instruction.MemorySegment switch
    {
        Register.FS => Seg.Fs,
        Register.GS => Seg.Gs,
        _ => -1,
    };

    /// <summary>False for operands whose addresses the interpreter forms.</summary>
    private bool CanForm(in Instruction instruction)
    {
        Register @base = instruction.MemoryBase;
        if (@base == Register.EIP || instruction.IsVsib) return false;
        if (@base == Register.RIP)
        {
            long distance = _start + (long)instruction.IPRelativeMemoryAddress;
            return distance == (int)distance;
        }

        Register sized = @base != Register.None ? @base : instruction.MemoryIndex;
        if (sized != Register.None && !sized.IsGPR32() && !sized.IsGPR64()) return false;
        if (sized == Register.None && instruction.MemoryDisplSize == 2) return false;
        if (_is64)
        {
            long displacement = (long)instruction.MemoryDisplacement64;
            return displacement == (int)displacement || (Is32BitAddress(in instruction) && SegmentOf(in instruction) < 0);
        }

        // The data segments are flat, that is part of the mode; FS and GS need not be, and CS can't be written.
        return instruction.MemorySegment is Register.DS or Register.ES or Register.SS;
    }

    /// <summary>The offset of an address in a register.</summary>
    private void EmitOffset(in Address address, HostRegister register)
    {
        HostRegister other = register == RegisterMap.First ? RegisterMap.Second : RegisterMap.First;
        if (register == RegisterMap.Second || IsHeld(address.Index)) _second = SecondHolds.Nothing;
        if (address.IsRelative)
        {
            _emitter.Mov(register, State(_at.PageRip));
            _emitter.Lea(register, new HostOperand(register, (int)address.Displacement));
            return;
        }

        HostRegister @base = address.Base < 0 ? HostRegister.None : RegisterMap.Of(address.Base);
        HostRegister index = address.Index < 0 ? HostRegister.None : RegisterMap.Of(address.Index);
        if (IsHeld(address.Base)) _emitter.Mov(@base = register, State(_at.Held(address.Base)));
        if (IsHeld(address.Index)) _emitter.Mov(index = other, State(_at.Held(address.Index)));
        if (@base == register && index == HostRegister.None && address.Displacement == 0 && !address.Is32) return;
        _emitter.Lea(register, new HostOperand(@base, index, address.Scale, (int)address.Displacement), address.Is32 ? OperandSize.Dword : OperandSize.Qword);
    }

    /// <summary>The linear address of a place near an operand in a register.</summary>
    private void EmitLinear(in Address address, long more, HostRegister register)
    {
        EmitOffset(address with { Displacement = address.Displacement + more }, register);
        if (address.Segment >= 0) _emitter.Add(register, State(_at.SegmentBase(address.Segment)));
    }

    /// <summary>
    /// Checks an access and forms the host address, without <see cref="RegisterMap.First"/>. Loses the flags. What is emitted changes nothing of the guest before the access is sure
    /// to succeed.
    /// </summary>
    /// <param name="i">The instruction, whose flags are wanted before it.</param>
    /// <param name="address">The guest address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="write">It is written (and perhaps read).</param>
    /// <param name="aligned">It must be aligned to its size.</param>
    /// <param name="offset">The instruction's offset in the page.</param>
    private HostOperand EmitAccess(int i, in Address address, int size, bool write, bool aligned, int offset)
    {
        LoseFlags(_wanted[i]);
        HostOperand operand = EmitChecked(i, in address, size, write, aligned, offset);
        Count(address.Base == Gpr.Rsp ? TranslationCounter.StackAccesses : TranslationCounter.TlbAccesses);
        return operand;
    }

    private HostOperand EmitChecked(int i, in Address address, int size, bool write, bool aligned, int offset)
    {
        // The x87 data pointer is taken from there, see NoteX87.
        bool noted = !address.IsDirect && InstructionShapes.Of(_instructions[i].Code).IsX87;
        bool alone = _isUnshared || noted;
        long at = PlaceOf(in address);
        if (!alone && FindFact(in address, at, size, aligned) is var known and >= 0)
        {
            bool knowsWrites = !write || _facts[known].Writes;
            if (knowsWrites || _facts[known].Slot < PageSlots.Own)
            {
                if (!knowsWrites) EmitWriteCheck(known, in address, at, size, offset);
                return EmitKnown(known, in address, at);
            }

            _facts[known].Holds = false;
        }

        long low = at;
        long high = at + size;
        bool shared = !alone && FindExtent(i, in address, size, aligned, ref low, ref high);
        bool remembers = noted || address.Base == Gpr.Rsp || (_isOwnLoop && !_scattered.Contains((ulong)(_page + offset)));
        if (!remembers) return EmitLookUp(in address, at, low, high, size, write, aligned, shared, offset);
        int slot = ChooseSlot(in address);
        int state = SlotOffset(slot);
        EmitLinear(in address, low - at, RegisterMap.Second);
        if (noted) _emitter.Mov(State(_at.Scratch), RegisterMap.Second);
        _emitter.Sub(RegisterMap.Second, State(state + SlotPage));
        int limit = high - low <= PageSlots.Single ? (write ? SlotSingleWriteLimit : SlotSingleReadLimit) : write ? SlotWriteLimit : SlotReadLimit;
        _emitter.Cmp(RegisterMap.Second, State(state + limit));
        ref Pending pending = ref DeferIf(Condition.AboveOrEqual, write ? PendingKind.Write : PendingKind.Read, offset);
        pending.Resume = new CodeLabel(_emitter.Position);
        pending.Slot = slot;
        pending.Size = size;
        pending.Own = (int)(at - low);
        pending.Span = (int)(high - low);
        if (aligned && size > 1)
        {
            _emitter.Test(RegisterMap.Second, size - 1, OperandSize.Byte);
            DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        }

        int fact = AddFact(in address, low, high, write, slot, aligned ? size : 1);
        if (IsOneRegister(in address))
        {
            _second = SecondHolds.Addend;
            _emitter.Mov(RegisterMap.Second, State(state + SlotAddend));
        }
        else
        {
            _second = SecondHolds.Host;
            _secondAt = low;
            _emitter.Add(RegisterMap.Second, State(state + SlotHost));
        }

        _secondFact = fact;
        return OperandBehind(in address, at);
    }

    /// <summary>An access relative to RSP.</summary>
    private HostOperand EmitStackAccess(int i, int displacement, int size, bool write, int offset) =>
        EmitAccess(i, StackAddress(displacement), size, write, aligned: false, offset);

    private Address StackAddress(int displacement) =>
        new() { Base = Gpr.Rsp, Index = -1, Segment = -1, Displacement = displacement, Is32 = !_is64 };
}
