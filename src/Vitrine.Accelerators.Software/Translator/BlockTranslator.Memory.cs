using Iced.Intel;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>From a guest's memory operand to the host's.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private const int AndExtension = 4;
    private const int AddExtension = 0;
    private const int CompareExtension = 7;
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

        public readonly HostOperand Operand(int more) => new(
            Base < 0 ? HostRegister.None : HostRegister.Of(Base),
            Index < 0 ? HostRegister.None : HostRegister.Of(Index),
            Scale,
            (int)Displacement + more);
    }

    private static bool IsHeld(int guest) => guest is 10 or 11 or 15;

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
            Scale = System.Numerics.BitOperations.Log2((uint)instruction.MemoryIndexScale),
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
    private void EmitOffset(in Address address, int register)
    {
        int other = register == HostRegister.First ? HostRegister.Second : HostRegister.First;
        if (address.IsRelative)
        {
            _emitter.Load(register, State(_at.PageRip));
            _emitter.Lea(register, new HostOperand(register, (int)address.Displacement));
            return;
        }

        int @base = address.Base < 0 ? HostRegister.None : HostRegister.Of(address.Base);
        int index = address.Index < 0 ? HostRegister.None : HostRegister.Of(address.Index);
        if (IsHeld(address.Base)) _emitter.Load(@base = register, State(_at.Held(address.Base)));
        if (IsHeld(address.Index)) _emitter.Load(index = other, State(_at.Held(address.Index)));
        _emitter.Lea(register, new HostOperand(@base, index, address.Scale, (int)address.Displacement), wide: !address.Is32);
    }

    /// <summary>
    /// Checks an access and forms the host address, without <see cref="HostRegister.First"/>. Loses the flags. What is emitted changes nothing of the guest before the access is sure
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
        bool stack = address is { Base: 4, Index: -1, Segment: -1, Is32: false } && size <= 16 && int.IsPow2(size);
        if (stack) return EmitStackAccess((int)address.Displacement, size, write, aligned, offset);
        Count(TranslationCounter.TlbAccesses);
        byte* again = _emitter.Position;
        bool direct = address.IsDirect && (long)(int)address.Displacement + size <= int.MaxValue;
        if (direct)
        {
            _emitter.Lea(HostRegister.Second, address.Operand(0));
            _emitter.Lea(HostRegister.First, address.Operand(aligned ? 0 : size - 1));
        }
        else
        {
            EmitOffset(in address, HostRegister.First);
            if (address.Segment >= 0) _emitter.Memory(0x03, true, HostRegister.First, State(_at.SegmentBase(address.Segment)));
            _emitter.Store(State(_at.Scratch), HostRegister.First);
            _emitter.Move(HostRegister.Second, HostRegister.First);
            if (!aligned && size > 1) _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.First, size - 1));
        }

        if (aligned)
        {
            _emitter.Registers(0xF6, false, 0, HostRegister.First); // TEST
            _emitter.Byte(size - 1);
            Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        }

        _emitter.ShiftRight(HostRegister.Second, 12 - EntryShift);
        _emitter.Immediate(AndExtension, false, HostRegister.Second, (GuestAccess.TlbEntries - 1) << EntryShift);
        _emitter.Immediate(AndExtension, true, HostRegister.First, -4096);
        _emitter.Memory(0x03, true, HostRegister.Second, State(_at.Tlb));
        _emitter.Memory(0x0B, true, HostRegister.First, State(_at.TlbTag));
        _emitter.Memory(0x3B, true, HostRegister.First, new HostOperand(HostRegister.Second, write ? WriteTagOffset : ReadTagOffset));
        byte* miss = _emitter.JumpIf(Condition.NotEqual);
        DeferMiss(write ? PendingKind.Write : PendingKind.Read, miss, again, direct, in address, size, offset);
        _emitter.Load(HostRegister.Second, new HostOperand(HostRegister.Second, AddendOffset));
        if (!direct)
        {
            _emitter.Memory(0x03, true, HostRegister.Second, State(_at.Scratch));
            return new HostOperand(HostRegister.Second, 0);
        }

        HostOperand guest = address.Operand(0);
        if (guest.Index < 0) return new HostOperand(HostRegister.Second, guest.Base, 0, guest.Displacement);
        if (guest.Base < 0) return new HostOperand(HostRegister.Second, guest.Index, guest.Scale, guest.Displacement);
        _emitter.Lea(HostRegister.Second, new HostOperand(HostRegister.Second, guest.Base, 0, guest.Displacement));
        return new HostOperand(HostRegister.Second, guest.Index, guest.Scale, 0);
    }

    /// <summary>The short way for accesses relative to RSP: one compare with the page that the stack was last accessed in.</summary>
    private HostOperand EmitStackAccess(int displacement, int size, bool write, bool aligned, int offset)
    {
        Count(TranslationCounter.StackAccesses);
        byte* again = _emitter.Position;
        HostOperand address = new(HostRegister.GuestStack, displacement);
        _emitter.Lea(HostRegister.First, address, _is64);
        _emitter.Immediate(AndExtension, _is64, HostRegister.First, -4096 | (size - 1));
        _emitter.Memory(0x3B, true, HostRegister.First, State(write ? _at.StackWritePage : _at.StackReadPage));
        byte* miss = _emitter.JumpIf(Condition.NotEqual);
        _emitter.Load(HostRegister.Second, State(_at.StackAddend));
        byte* found = _emitter.Position;
        ref Pending pending = ref Defer(aligned ? (write ? PendingKind.Write : PendingKind.Read) : write ? PendingKind.StackWrite : PendingKind.StackRead, miss, offset);
        pending.Resume = aligned ? again : found;
        pending.Operand = address;
        pending.Size = size;
        if (_is64) return new HostOperand(HostRegister.Second, HostRegister.GuestStack, 0, displacement);
        _emitter.Lea(HostRegister.First, address, wide: false);
        _emitter.Lea(HostRegister.Second, new HostOperand(HostRegister.Second, HostRegister.First, 0, 0));
        return new HostOperand(HostRegister.Second, 0);
    }
}
