using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator.Counting;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// The code that every translation shares: the way in, the ways out, and the way from a slot to a TLB entry. Written once at the start of
/// the code cache.
/// </summary>
internal sealed unsafe class EntryStubs
{
    // SAFETY: writes to the code cache, which has room for all of it; the code touches the state whose address it is given.
    private const int ConditionNotEqual = 5;
    private const int ConditionEqual = 4;
    private const int ConditionSign = 8;
    private const int XmmStride = 32;
    private const int LoadMxcsr = 2;
    private const int StoreMxcsr = 3;

    // Bytes of a return address.
    private const int Pushed = 8;

    private readonly StateOffsets _at = StateOffsets.Instance;

    /// <summary>Writes the stubs.</summary>
    /// <param name="emitter">At the start of an empty code cache.</param>
    /// <param name="toExecutable">Distance from where code is written to where it runs.</param>
    /// <param name="cpu">The state that the cache's code runs on.</param>
    /// <param name="counts">The code counts what it does.</param>
    public EntryStubs(ref CodeEmitter emitter, nint toExecutable, CpuState* cpu, bool counts)
    {
        SaveX87 = (delegate* unmanaged<CpuState*, void>)(emitter.Position + toExecutable);
        EmitSaveX87(ref emitter);
        Enter = (delegate* unmanaged<CpuState*, byte*, int>)(emitter.Position + toExecutable);
        GuardedFrom = EmitEnter(ref emitter);
        Leave = emitter.Position;
        EmitLeave(ref emitter);
        Lookup = emitter.Position;
        emitter.Store(State(_at.Rip), HostRegister.First);
        LeaveFor(ref emitter, ExitReason.Lookup);
        Link = EmitExit(ref emitter, ExitReason.Link);
        Interpret = EmitExit(ref emitter, ExitReason.Interpret);
        Poll = EmitExit(ref emitter, ExitReason.Poll);
        SecondPage = EmitExit(ref emitter, ExitReason.SecondPage);
        LoadVectors = emitter.Position;
        EmitLoadVectors(ref emitter);
        X87 = EmitExit(ref emitter, ExitReason.X87);
        LoadX87 = emitter.Position;
        EmitLoadX87(ref emitter);
        HostFault = emitter.Position;
        EmitHostFault(ref emitter, cpu);
        Read = EmitMiss(ref emitter, write: false, counts);
        Write = EmitMiss(ref emitter, write: true, counts);
    }

    /// <summary>Runs translated code. Returns an <see cref="ExitReason"/>.</summary>
    public delegate* unmanaged<CpuState*, byte*, int> Enter { get; }

    /// <summary>From here on the state has what <see cref="HostFault"/> needs.</summary>
    public byte* GuardedFrom { get; }

    /// <summary>Where the signal handler leads code of the cache that has raised a signal (<see cref="ExitReason.HostFault"/>).</summary>
    public byte* HostFault { get; }

    /// <summary>Jumped to with the target's RIP in <see cref="HostRegister.First"/> where no code is known for it.</summary>
    public byte* Lookup { get; }

    /// <summary>Called at an <see cref="ExitReason.Link"/>.</summary>
    public byte* Link { get; }

    /// <summary>Called at an <see cref="ExitReason.Interpret"/>.</summary>
    public byte* Interpret { get; }

    /// <summary>Called at an <see cref="ExitReason.Poll"/>.</summary>
    public byte* Poll { get; }

    /// <summary>
    /// Called with the linear address in <see cref="HostRegister.First"/> where a read isn't in the page of its slot, or near its end: fills the slot
    /// from the TLB, and goes on behind the site (<see cref="ExitReason.Read"/>) with the address's distance from the page's start in
    /// <see cref="HostRegister.Second"/>.
    /// </summary>
    public byte* Read { get; }

    /// <summary>As <see cref="Read"/>, for a write.</summary>
    public byte* Write { get; }

    /// <summary>Called at an <see cref="ExitReason.SecondPage"/>.</summary>
    public byte* SecondPage { get; }

    /// <summary>Called by code behind a block: loads the guest's vector registers and MXCSR.</summary>
    public byte* LoadVectors { get; }

    /// <summary>Called at an <see cref="ExitReason.X87"/>.</summary>
    public byte* X87 { get; }

    /// <summary>Called behind it, when the area of <see cref="StateMemory.X87Area"/> is filled: loads the registers.</summary>
    public byte* LoadX87 { get; }

    /// <summary>Saves the x87 registers to the area, and gives the host its own.</summary>
    public delegate* unmanaged<CpuState*, void> SaveX87 { get; }

    /// <summary>The host can load and save the x87 registers alone.</summary>
    public static bool HasX87 { get; } = HasXsave();

    private byte* Leave { get; }

    private static HostOperand State(int offset) => new(HostRegister.State, offset);

    // Returns where the host's stack pointer is in the state.
    private byte* EmitEnter(ref CodeEmitter emitter)
    {
        foreach (int saved in (ReadOnlySpan<int>)[HostRegister.Rbx, HostRegister.Rbp, 12, 13, 14, 15])
        {
            if (saved > 7) emitter.Byte(0x41);
            emitter.Byte(0x50 | (saved & 7));
        }

        emitter.Store(new HostOperand(HostRegister.Rdi, _at.HostStack), HostRegister.State);
        emitter.Move(HostRegister.State, HostRegister.Rdi);
        byte* onState = emitter.Position;
        emitter.Store(State(_at.EntryPoint), HostRegister.Rsi);
        emitter.Memory0F(0xAE, false, StoreMxcsr, State(_at.HostMxcsr));
        byte* without = EmitIfVectors(ref emitter);
        EmitVectors(ref emitter, 0, store: false);
        emitter.Memory0F(0xAE, false, LoadMxcsr, State(_at.Mxcsr));
        emitter.Land(without);
        for (int guest = 0; guest < 16; guest++)
        {
            if (HostRegister.Of(guest) != HostRegister.None) continue;
            emitter.Load(HostRegister.First, State(_at.Gpr(guest)));
            emitter.Store(State(_at.Held(guest)), HostRegister.First);
        }

        for (int guest = 0; guest < 16; guest++)
        {
            int host = HostRegister.Of(guest);
            if (host != HostRegister.None) emitter.Load(host, State(_at.Gpr(guest)));
        }

        emitter.Load(HostRegister.First, State(_at.Rip));
        emitter.Memory(0xFF, false, 4, State(_at.EntryPoint));
        return onState;
    }

    // Nothing is known of RSP: the fault may be one of shared code that was called.
    private void EmitHostFault(ref CodeEmitter emitter, CpuState* cpu)
    {
        emitter.Constant(HostRegister.State, (ulong)cpu);
        LeaveFor(ref emitter, ExitReason.HostFault);
    }

    private void EmitLeave(ref CodeEmitter emitter)
    {
        for (int guest = 0; guest < 16; guest++)
        {
            int host = HostRegister.Of(guest);
            if (host == HostRegister.None)
            {
                emitter.Load(HostRegister.First, State(_at.Held(guest)));
                host = HostRegister.First;
            }

            emitter.Store(State(_at.Gpr(guest)), host);
        }

        byte* without = EmitIfVectors(ref emitter);
        EmitVectors(ref emitter, 0, store: true);
        emitter.Memory0F(0xAE, false, StoreMxcsr, State(_at.Mxcsr));
        emitter.Memory0F(0xAE, false, LoadMxcsr, State(_at.HostMxcsr));
        emitter.Land(without);
        emitter.Load(HostRegister.Rax, State(_at.ExitReason), wide: false);
        emitter.Load(HostRegister.State, State(_at.HostStack));
        foreach (int saved in (ReadOnlySpan<int>)[15, 14, 13, 12, HostRegister.Rbp, HostRegister.Rbx])
        {
            if (saved > 7) emitter.Byte(0x41);
            emitter.Byte(0x58 | (saved & 7));
        }

        emitter.Byte(0xC3);
    }

    // Skips what follows unless the vector registers are the guest's.
    private byte* EmitIfVectors(ref CodeEmitter emitter)
    {
        emitter.Memory(0x83, false, 7, State(_at.VectorsLoaded));
        emitter.Byte(0);
        return emitter.JumpIf(ConditionEqual);
    }

    // Called from emitted code, so the state is 8 bytes above RSP. Changes no flags.
    private void EmitLoadVectors(ref CodeEmitter emitter)
    {
        EmitVectors(ref emitter, Pushed, store: false);
        emitter.Memory0F(0xAE, false, LoadMxcsr, State(_at.Mxcsr + Pushed));
        emitter.Memory(0xC7, false, 0, State(_at.VectorsLoaded + Pushed));
        emitter.Dword(1);
        emitter.Byte(0xC3);
    }

    private void EmitVectors(ref CodeEmitter emitter, int pushed, bool store)
    {
        for (int i = 0; i < 16; i++)
        {
            HostOperand slot = State(_at.Xmm + (i * XmmStride) + pushed);
            if (HostProcessor.HasAvx)
            {
                // VMOVDQU ymm
                emitter.Byte(0xC4);
                emitter.Byte((i > 7 ? 0x60 : 0xE0) | 1);
                emitter.Byte(0x7E);
                emitter.Byte(store ? 0x7F : 0x6F);
                emitter.ModRm(i, slot);
            }
            else
            {
                emitter.Memory0F(store ? 0x11 : 0x10, false, i, slot);
            }
        }

        if (HostProcessor.HasAvx && store)
        {
            // VZEROUPPER
            emitter.Byte(0xC5);
            emitter.Byte(0xF8);
            emitter.Byte(0x77);
        }
    }

    private byte* EmitExit(ref CodeEmitter emitter, ExitReason reason)
    {
        byte* start = emitter.Position;
        PopSite(ref emitter);
        LeaveFor(ref emitter, reason);
        return start;
    }

    // POP m64 forms its address behind the increment of RSP.
    private void PopSite(ref CodeEmitter emitter) => emitter.Memory(0x8F, false, 0, State(_at.ExitSite));

    private void LeaveFor(ref CodeEmitter emitter, ExitReason reason)
    {
        emitter.Memory(0xC7, false, 0, State(_at.ExitReason));
        emitter.Dword((int)reason);
        emitter.Jump(Leave);
    }

    private static bool HasXsave()
    {
        const int OsXsave = 1 << 27;
        return X86Base.IsSupported && (X86Base.CpuId(1, 0).Ecx & OsXsave) != 0;
    }

    // Called from emitted code, so the state is 8 bytes above RSP. Changes the flags.
    private void EmitLoadX87(ref CodeEmitter emitter)
    {
        emitter.Store(State(_at.Scratch + Pushed), HostRegister.Rax);
        emitter.Store(State(_at.Scratch2 + Pushed), HostRegister.Rdx);
        EmitX87Mask(ref emitter);
        emitter.Memory0F(0xAE, true, 5, State(StateMemory.X87Area + Pushed)); // XRSTOR64
        emitter.Load(HostRegister.Rax, State(_at.Scratch + Pushed));
        emitter.Load(HostRegister.Rdx, State(_at.Scratch2 + Pushed));
        emitter.Memory(0xC7, false, 0, State(_at.X87Loaded + Pushed));
        emitter.Dword(1);
        emitter.Byte(0xC3);
    }

    private static void EmitSaveX87(ref CodeEmitter emitter)
    {
        EmitX87Mask(ref emitter);
        emitter.Memory0F(0xAE, true, 4, new HostOperand(HostRegister.Rdi, StateMemory.X87Area)); // XSAVE64
        emitter.Byte(0xDB); // FNINIT
        emitter.Byte(0xE3);
        emitter.Byte(0xC3);
    }

    // EDX:EAX = 1: the x87 component alone.
    private static void EmitX87Mask(ref CodeEmitter emitter)
    {
        emitter.Registers(0x31, false, HostRegister.Rdx, HostRegister.Rdx);
        emitter.Byte(0xB8);
        emitter.Dword(1);
    }

    // Called with the linear address in R10, so the state is 8 bytes above RSP: finds the address's page in the TLB, fills the site's slot, and returns
    // with the distance from the page's start in R15. The site is an instruction that does nothing, so that the return is one.
    private byte* EmitMiss(ref CodeEmitter emitter, bool write, bool counts)
    {
        const int AndExtension = 4;
        const int ShiftLeftExtension = 4;
        const int SlotShift = 6;
        byte* start = emitter.Position;
        emitter.Store(Called(_at.MissAddress), HostRegister.First);
        emitter.Store(Called(_at.SavedRax), HostRegister.Rax);

        // RAX: page of the last byte, and tag. R15: entry.
        emitter.Load(HostRegister.Second, Called(-Pushed));
        emitter.Memory0F(0xB6, false, HostRegister.Rax, new HostOperand(HostRegister.Second, MissSite.Size));
        emitter.Registers(0x03, true, HostRegister.Rax, HostRegister.First);
        emitter.Immediate(AndExtension, true, HostRegister.Rax, -4096);
        emitter.Memory(0x0B, true, HostRegister.Rax, Called(_at.TlbTag));
        emitter.Move(HostRegister.Second, HostRegister.First);
        emitter.ShiftRight(HostRegister.Second, 7);
        emitter.Immediate(AndExtension, false, HostRegister.Second, (GuestAccess.TlbEntries - 1) << 5);
        emitter.Memory(0x03, true, HostRegister.Second, Called(_at.Tlb));
        emitter.Memory(0x3B, true, HostRegister.Rax, new HostOperand(HostRegister.Second, write ? 8 : 0));
        byte* miss = emitter.JumpIf(ConditionNotEqual);

        // R10: the slot.
        emitter.Load(HostRegister.First, Called(-Pushed));
        emitter.Memory0F(0xB6, false, HostRegister.First, new HostOperand(HostRegister.First, MissSite.Slot));
        emitter.Registers(0xC1, false, ShiftLeftExtension, HostRegister.First);
        emitter.Byte(SlotShift);

        // Now and then somebody looks which accesses come here too often; those near the end of the slot's page don't count.
        emitter.Memory(0x3B, true, HostRegister.Rax, Slot(BlockTranslator.SlotTag));
        byte* same = emitter.JumpIf(ConditionEqual);
        emitter.Memory(0xFF, false, 1, Called(_at.MissBudget)); // DEC
        byte* sampled = emitter.JumpIf(ConditionSign);
        if (counts) CountIfStack(ref emitter);
        emitter.Land(same);
        emitter.Store(Slot(BlockTranslator.SlotTag), HostRegister.Rax);

        // The other tag says whether the page takes the other kind of access too.
        emitter.Memory(0x3B, true, HostRegister.Rax, new HostOperand(HostRegister.Second, write ? 0 : 8));
        StoreLimits(ref emitter, write, PageSlots.Limit, PageSlots.SingleLimit);
        StoreLimits(ref emitter, !write, PageSlots.Limit, PageSlots.SingleLimit);
        byte* both = emitter.JumpIf(ConditionEqual);
        StoreLimits(ref emitter, !write, 0, 0);
        emitter.Land(both);
        emitter.Load(HostRegister.Second, new HostOperand(HostRegister.Second, 16));
        emitter.Store(Slot(BlockTranslator.SlotAddend), HostRegister.Second);
        emitter.Immediate(AndExtension, true, HostRegister.Rax, -4096);
        emitter.Store(Slot(BlockTranslator.SlotPage), HostRegister.Rax);
        emitter.Registers(0x03, true, HostRegister.Second, HostRegister.Rax);
        emitter.Store(Slot(BlockTranslator.SlotHost), HostRegister.Second);
        emitter.Load(HostRegister.Second, Called(_at.MissAddress));
        emitter.Immediate(AndExtension, false, HostRegister.Second, 0xFFF);
        emitter.Load(HostRegister.Rax, Called(_at.SavedRax));
        emitter.Byte(0xC3);

        emitter.Land(sampled);
        emitter.Load(HostRegister.Rax, Called(_at.SavedRax));
        PopSite(ref emitter);
        LeaveFor(ref emitter, ExitReason.Sample);

        emitter.Land(miss);
        emitter.Load(HostRegister.Rax, Called(_at.SavedRax));
        PopSite(ref emitter);
        LeaveFor(ref emitter, write ? ExitReason.Write : ExitReason.Read);
        return start;
    }

    // The first slot of each half is the stack's.
    private void CountIfStack(ref CodeEmitter emitter)
    {
        emitter.Registers(0xF7, false, 0, HostRegister.First); // TEST
        emitter.Dword((PageSlots.PerBank - 1) * sizeof(PageSlot));
        byte* other = emitter.JumpIf(ConditionNotEqual);
        emitter.Memory(0xFF, true, 0, Called(_at.Counters + ((int)TranslationCounter.StackPageChanges * sizeof(ulong))));
        emitter.Land(other);
    }

    private static HostOperand Called(int offset) => State(offset + Pushed);

    private HostOperand Slot(int field) => new(HostRegister.State, HostRegister.First, 0, Pushed + _at.Slots + field);

    private void StoreLimits(ref CodeEmitter emitter, bool write, int limit, int single)
    {
        emitter.Memory(0xC7, true, 0, Slot(write ? BlockTranslator.SlotWriteLimit : BlockTranslator.SlotReadLimit));
        emitter.Dword(limit);
        emitter.Memory(0xC7, true, 0, Slot(write ? BlockTranslator.SlotSingleWriteLimit : BlockTranslator.SlotSingleReadLimit));
        emitter.Dword(single);
    }
}
