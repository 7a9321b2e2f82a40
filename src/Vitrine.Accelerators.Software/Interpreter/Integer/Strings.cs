using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>
/// MOVS, STOS, LODS, CMPS and SCAS with their repeat prefixes. Registers are committed element by element, so that a
/// fault or an interrupt in the middle leaves an instruction that simply goes on when it runs again.
/// </summary>
internal static unsafe class Strings
{
    // SAFETY: handlers follow the contract in README.md. Block moves stay within one page of source and destination,
    // whose host addresses the TLB just gave.

    // How many elements run before the dispatcher gets a chance to look at events.
    private const ulong Slice = 1 << 16;

    /// <summary>
    /// The most elements of a string that lockstep compares: longer ones are the interpreter's. Each element of a trial looks through the writes of those before it.
    /// </summary>
    public const int LongestCompared = 64;

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        Four(table, Code.Movsb_m8_m8, Code.Movsw_m16_m16, Code.Movsd_m32_m32, Code.Movsq_m64_m64, &Bind<Move, byte>, &Bind<Move, ushort>, &Bind<Move, uint>, &Bind<Move, ulong>);
        Four(table, Code.Stosb_m8_AL, Code.Stosw_m16_AX, Code.Stosd_m32_EAX, Code.Stosq_m64_RAX, &Bind<Store, byte>, &Bind<Store, ushort>, &Bind<Store, uint>, &Bind<Store, ulong>);
        Four(table, Code.Lodsb_AL_m8, Code.Lodsw_AX_m16, Code.Lodsd_EAX_m32, Code.Lodsq_RAX_m64, &Bind<Load, byte>, &Bind<Load, ushort>, &Bind<Load, uint>, &Bind<Load, ulong>);
        Four(table, Code.Cmpsb_m8_m8, Code.Cmpsw_m16_m16, Code.Cmpsd_m32_m32, Code.Cmpsq_m64_m64, &Bind<Compare, byte>, &Bind<Compare, ushort>, &Bind<Compare, uint>, &Bind<Compare, ulong>);
        Four(table, Code.Scasb_AL_m8, Code.Scasw_AX_m16, Code.Scasd_EAX_m32, Code.Scasq_RAX_m64, &Bind<Scan, byte>, &Bind<Scan, ushort>, &Bind<Scan, uint>, &Bind<Scan, ulong>);
    }

    private static void Four(OpTable table, Code c8, Code c16, Code c32, Code c64, Binder b8, Binder b16, Binder b32, Binder b64)
    {
        table.Add(c8, b8);
        table.Add(c16, b16);
        table.Add(c32, b32);
        table.Add(c64, b64);
    }

    /// <summary>One element of a string instruction.</summary>
    private interface IElement
    {
        /// <summary>True when REPE and REPNE end the repetition by ZF.</summary>
        static abstract bool Compares { get; }

        static abstract bool UsesSource { get; }

        static abstract bool UsesDestination { get; }

        /// <summary>Does one element without moving the index registers; false for a fault with nothing changed.</summary>
        static abstract bool Step<T>(CpuState* cpu, Op* op)
            where T : unmanaged;

        /// <summary>Does many elements at once where that can't be told apart; returns how many, 0 for none.</summary>
        static abstract ulong Bulk<T>(CpuState* cpu, Op* op, ulong count)
            where T : unmanaged;
    }

    private readonly struct Move : IElement
    {
        public static bool Compares => false;

        public static bool UsesSource => true;

        public static bool UsesDestination => true;

        public static bool Step<T>(CpuState* cpu, Op* op)
            where T : unmanaged =>
            TrySource(cpu, op, sizeof(T), out ulong from) && GuestAccess.Read(cpu, op, from, out T value) &&
            TryDestination(cpu, op, sizeof(T), write: true, out ulong to) && GuestAccess.Write(cpu, op, to, value);

        public static ulong Bulk<T>(CpuState* cpu, Op* op, ulong count)
            where T : unmanaged
        {
            if (!TrySource(cpu, op, sizeof(T), out ulong from) || !TryDestination(cpu, op, sizeof(T), write: true, out ulong to)) return 0;
            byte* source = HostForRead(cpu, from);
            byte* target = (byte*)GuestAccess.TryWritePointer<byte>(cpu, to);
            if ((source == null || target == null) && !TryEvictingPages(cpu, from, to, out source, out target)) return 0;
            ulong elements = Math.Min(count, Math.Min(SourceRoom(cpu, op, sizeof(T)), DestinationRoom(cpu, op, sizeof(T))) / (ulong)sizeof(T));
            elements = Math.Min(elements, Math.Min(ElementsInPage<T>(cpu, from), ElementsInPage<T>(cpu, to)));
            if (elements == 0) return 0;
            ulong bytes = elements * (ulong)sizeof(T);

            // A destination that is ahead of its source, and not by all of it, repeats a pattern: that needs element order.
            bool down = GoesDown(cpu);
            bool repeats = down ? target < source && source < target + bytes : target > source && target < source + bytes;
            if (repeats) return 0;
            ulong below = down ? bytes - (ulong)sizeof(T) : 0;
            Buffer.MemoryCopy(source - below, target - below, bytes, bytes);
            return elements;
        }
    }

    private readonly struct Store : IElement
    {
        public static bool Compares => false;

        public static bool UsesSource => false;

        public static bool UsesDestination => true;

        public static bool Step<T>(CpuState* cpu, Op* op)
            where T : unmanaged =>
            TryDestination(cpu, op, sizeof(T), write: true, out ulong to) && GuestAccess.Write(cpu, op, to, Width.From<T>(cpu->Gpr[Gpr.Rax]));

        public static ulong Bulk<T>(CpuState* cpu, Op* op, ulong count)
            where T : unmanaged
        {
            if (!TryDestination(cpu, op, sizeof(T), write: true, out ulong to)) return 0;
            byte* target = (byte*)GuestAccess.TryWritePointer<byte>(cpu, to);
            if (target == null) return 0;
            ulong elements = Math.Min(Math.Min(count, ElementsInPage<T>(cpu, to)), DestinationRoom(cpu, op, sizeof(T)) / (ulong)sizeof(T));
            if (elements == 0) return 0;
            T* lowest = (T*)target - (GoesDown(cpu) ? elements - 1 : 0);
            new Span<T>(lowest, (int)elements).Fill(Width.From<T>(cpu->Gpr[Gpr.Rax]));
            return elements;
        }
    }

    private readonly struct Load : IElement
    {
        public static bool Compares => false;

        public static bool UsesSource => true;

        public static bool UsesDestination => false;

        public static bool Step<T>(CpuState* cpu, Op* op)
            where T : unmanaged
        {
            if (!TrySource(cpu, op, sizeof(T), out ulong from) || !GuestAccess.Read(cpu, op, from, out T value)) return false;
            Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax), Width.ToUInt64(value));
            return true;
        }

        public static ulong Bulk<T>(CpuState* cpu, Op* op, ulong count)
            where T : unmanaged => 0;
    }

    private readonly struct Compare : IElement
    {
        public static bool Compares => true;

        public static bool UsesSource => true;

        public static bool UsesDestination => true;

        public static bool Step<T>(CpuState* cpu, Op* op)
            where T : unmanaged
        {
            if (!TrySource(cpu, op, sizeof(T), out ulong from) || !GuestAccess.Read(cpu, op, from, out T a)) return false;
            if (!TryDestination(cpu, op, sizeof(T), write: false, out ulong to) || !GuestAccess.Read(cpu, op, to, out T b)) return false;
            ulong r = Cmp.Apply<T>(cpu, Width.ToUInt64(a), Width.ToUInt64(b), out uint aux);
            Flags.Set<T>(cpu, r, aux);
            return true;
        }

        public static ulong Bulk<T>(CpuState* cpu, Op* op, ulong count)
            where T : unmanaged => 0;
    }

    private readonly struct Scan : IElement
    {
        public static bool Compares => true;

        public static bool UsesSource => false;

        public static bool UsesDestination => true;

        public static bool Step<T>(CpuState* cpu, Op* op)
            where T : unmanaged
        {
            if (!TryDestination(cpu, op, sizeof(T), write: false, out ulong to) || !GuestAccess.Read(cpu, op, to, out T b)) return false;
            ulong r = Cmp.Apply<T>(cpu, Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax)), Width.ToUInt64(b), out uint aux);
            Flags.Set<T>(cpu, r, aux);
            return true;
        }

        public static ulong Bulk<T>(CpuState* cpu, Op* op, ulong count)
            where T : unmanaged => 0;
    }

    private static void Bind<TElement, T>(in Instruction instruction, in BindContext context, Op* op)
        where TElement : IElement
        where T : unmanaged =>
        op->Handler = (op->Traits & (OpTraits.Repeat | OpTraits.RepeatWhileNotEqual)) != 0 ? &Repeated<TElement, T> : &Once<TElement, T>;

    private static Op* Once<TElement, T>(CpuState* cpu, Op* op)
        where TElement : IElement
        where T : unmanaged
    {
        if (!TElement.Step<T>(cpu, op)) return Faults.Raise(cpu, op);
        Advance<TElement>(cpu, op, Step<T>(cpu));
        return op + 1;
    }

    private static Op* Repeated<TElement, T>(CpuState* cpu, Op* op)
        where TElement : IElement
        where T : unmanaged
    {
        // A fault in a later element must not show the flags of an earlier one as the instruction's (SDM vol. 2, CMPS).
        ulong savedResult = cpu->FlagResult;
        uint savedAux = cpu->FlagAux;
        ulong done = 0;
        ulong slice = cpu->PollAt == CpuState.Never ? LongestCompared : Slice;
        while (true)
        {
            ulong count = Truncate(op, cpu->Gpr[Gpr.Rcx]);
            if (count == 0) return op + 1;
            if (done >= slice || (done != 0 && cpu->PollAt == 0)) return Pause(cpu, op);

            // Single steps and waiting events, which set PollAt to zero, come behind one element.
            ulong moved = count > 1 && cpu->PollAt != 0 ? TElement.Bulk<T>(cpu, op, count) : 0;
            if (moved == 0)
            {
                cpu->Leave = LeaveReason.NextBlock;
                if (!TElement.Step<T>(cpu, op))
                {
                    cpu->FlagResult = savedResult;
                    cpu->FlagAux = savedAux;
                    return Faults.Raise(cpu, op);
                }

                moved = 1;
            }

            Advance<TElement>(cpu, op, Step<T>(cpu) * moved);
            WriteCounter(cpu, op, count - moved);

            // The element's bus accesses are over: the next element's are new ones.
            cpu->Replay.Count = 0;
            cpu->Replay.Cursor = 0;
            done += moved;
            if (TElement.Compares)
            {
                bool zero = Flags.Zero(cpu);
                if ((op->Traits & OpTraits.Repeat) != 0 ? !zero : zero) return op + 1;
            }
        }
    }

    /// <summary>Leaves in the middle, to go on at the same instruction.</summary>
    private static Op* Pause(CpuState* cpu, Op* op)
    {
        if (cpu->PollAt != CpuState.Never) cpu->PollAt = 0;
        DebugEvents.Paused(cpu);
        Op* left = Faults.Raise(cpu, op);
        cpu->Leave = LeaveReason.NextBlock;
        return left;
    }

    private static ulong Step<T>(CpuState* cpu)
        where T : unmanaged => GoesDown(cpu) ? 0UL - (ulong)sizeof(T) : (ulong)sizeof(T);

    private static bool GoesDown(CpuState* cpu) => (cpu->SystemFlags & Rflags.DF) != 0;

    private static void Advance<TElement>(CpuState* cpu, Op* op, ulong step)
        where TElement : IElement
    {
        if (TElement.UsesSource) WriteIndex(cpu, op, Gpr.Rsi, cpu->Gpr[Gpr.Rsi] + step);
        if (TElement.UsesDestination) WriteIndex(cpu, op, Gpr.Rdi, cpu->Gpr[Gpr.Rdi] + step);
    }

    private static void WriteCounter(CpuState* cpu, Op* op, ulong value) => WriteIndex(cpu, op, Gpr.Rcx, value);

    /// <summary>Writes a register with the width of the address size.</summary>
    public static void WriteIndex(CpuState* cpu, Op* op, int register, ulong value)
    {
        if ((op->Traits & OpTraits.Address32) != 0) cpu->Gpr[register] = (uint)value;
        else if ((op->Traits & OpTraits.Address16) != 0) *(ushort*)&cpu->Gpr[register] = (ushort)value;
        else cpu->Gpr[register] = value;
    }

    /// <summary>Truncates to the address size.</summary>
    public static ulong Truncate(Op* op, ulong value)
    {
        if ((op->Traits & OpTraits.Address32) != 0) return (uint)value;
        return (op->Traits & OpTraits.Address16) != 0 ? (ushort)value : value;
    }

    /// <summary>Linear address of the source element: rSI in DS or the overriding segment.</summary>
    public static bool TrySource(CpuState* cpu, Op* op, int size, out ulong linear)
    {
        ulong offset = Truncate(op, cpu->Gpr[Gpr.Rsi]);
        if ((cpu->Mode & ExecutionMode.Code64) != 0)
        {
            linear = offset + *(ulong*)((byte*)cpu + op->SegmentBase);
            return true;
        }

        ref SegmentCache segment = ref cpu->Segments[op->Segment];
        linear = (uint)(segment.Base + offset);
        return offset + (ulong)size <= segment.ReadEnd || SegmentCheck.Slow(cpu, op->Segment, offset, size, write: false, out linear);
    }

    /// <summary>Linear address of the destination element: rDI in ES.</summary>
    public static bool TryDestination(CpuState* cpu, Op* op, int size, bool write, out ulong linear)
    {
        ulong offset = Truncate(op, cpu->Gpr[Gpr.Rdi]);
        linear = offset;
        if ((cpu->Mode & ExecutionMode.Code64) != 0) return true;
        ref SegmentCache segment = ref cpu->Segments[Seg.Es];
        linear = (uint)(segment.Base + offset);
        return offset + (ulong)size <= (write ? segment.WriteEnd : segment.ReadEnd) ||
            SegmentCheck.Slow(cpu, Seg.Es, offset, size, write, out linear);
    }

    /// <summary>Elements from an address to the end of its page, in the direction of the string. 0 where the first one reaches into another page.</summary>
    private static ulong ElementsInPage<T>(CpuState* cpu, ulong linear)
        where T : unmanaged
    {
        ulong offset = linear & 0xFFF;
        if (offset + (ulong)sizeof(T) > 0x1000) return 0;
        return GoesDown(cpu) ? (offset / (ulong)sizeof(T)) + 1 : (0x1000 - offset) / (ulong)sizeof(T);
    }

    /// <summary>
    /// Bytes from the source element to the end of its segment, or to where rSI wraps, in the direction of the string. 0 where only the slow path knows.
    /// </summary>
    private static ulong SourceRoom(CpuState* cpu, Op* op, int size) =>
        Room(cpu, op, Truncate(op, cpu->Gpr[Gpr.Rsi]), size, cpu->Segments[op->Segment].ReadEnd);

    /// <summary>The same from the destination element, which is written.</summary>
    private static ulong DestinationRoom(CpuState* cpu, Op* op, int size) =>
        Room(cpu, op, Truncate(op, cpu->Gpr[Gpr.Rdi]), size, cpu->Segments[Seg.Es].WriteEnd);

    private static ulong Room(CpuState* cpu, Op* op, ulong offset, int size, ulong segmentEnd)
    {
        ulong end = (op->Traits & OpTraits.Address32) != 0 ? 1UL << 32 : (op->Traits & OpTraits.Address16) != 0 ? 1UL << 16 : ulong.MaxValue;
        if ((cpu->Mode & ExecutionMode.Code64) == 0) end = Math.Min(end, segmentEnd);
        if (!GoesDown(cpu)) return offset < end ? end - offset : 0;
        return offset < end && (ulong)size <= end - offset ? offset + (ulong)size : 0;
    }

    /// <summary>
    /// Host addresses of two pages that have one TLB entry between them: one always evicts the other, so that they are never found there together, and each element
    /// would be two misses. What the first one gave stays true: nothing runs in between that could map its page elsewhere.
    /// </summary>
    private static bool TryEvictingPages(CpuState* cpu, ulong from, ulong to, out byte* source, out byte* target)
    {
        source = null;
        target = null;
        if (GuestAccess.EntryFor(cpu->Tlb, from) != GuestAccess.EntryFor(cpu->Tlb, to) || ((from ^ to) & ~0xFFFUL) == 0) return false;
        SoftMmu mmu = SoftMmu.Of(cpu);
        mmu.Refill(from, 1, write: false);
        source = HostForRead(cpu, from);
        if (source == null) return false;
        mmu.Refill(to, 1, write: true);
        target = (byte*)GuestAccess.TryWritePointer<byte>(cpu, to);
        return target != null;
    }

    private static byte* HostForRead(CpuState* cpu, ulong linear)
    {
        TlbEntry* entry = GuestAccess.EntryFor(cpu->Tlb, linear);
        return entry->ReadTag == ((linear & ~0xFFFUL) | cpu->TlbTag) ? (byte*)(linear + entry->Addend) : null;
    }
}
