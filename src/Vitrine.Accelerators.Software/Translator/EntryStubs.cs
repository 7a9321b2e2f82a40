using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator.Counting;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// The code that every translation shares: the way in, the ways out, and the way from a slot to a TLB entry. Written once at the start of
/// the code cache.
/// </summary>
internal sealed unsafe class EntryStubs
{
    // SAFETY: writes to the code cache, which has room for all of it; the code touches the state whose address it is given.
    private const int XmmStride = 32;

    private const int PageShift = 12;

    // Bytes of a return address.
    private const int Pushed = 8;

    // Of the System V convention, those that a function has to leave as they were.
    private static readonly HostRegister[] s_saved =
        [HostRegister.Rbx, HostRegister.Rbp, HostRegister.R12, HostRegister.R13, HostRegister.R14, HostRegister.R15];

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
        emitter.Mov(State(CpuOffsets.Rip), RegisterMap.First);
        LeaveFor(ref emitter, ExitReason.Lookup);
        Link = EmitExit(ref emitter, ExitReason.Link);
        Interpret = EmitExit(ref emitter, ExitReason.Interpret);
        Poll = EmitExit(ref emitter, ExitReason.Poll);
        SecondPage = EmitExit(ref emitter, ExitReason.SecondPage);
        Changed = EmitExit(ref emitter, ExitReason.Changed);
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

    /// <summary>Jumped to with the target's RIP in <see cref="RegisterMap.First"/> where no code is known for it.</summary>
    public byte* Lookup { get; }

    /// <summary>Called at an <see cref="ExitReason.Link"/>.</summary>
    public byte* Link { get; }

    /// <summary>Called at an <see cref="ExitReason.Interpret"/>.</summary>
    public byte* Interpret { get; }

    /// <summary>Called at an <see cref="ExitReason.Poll"/>.</summary>
    public byte* Poll { get; }

    /// <summary>
    /// Called with the linear address in <see cref="RegisterMap.First"/> where a read isn't in the page of its slot, or near its end: fills
    /// the slot from the TLB, and goes on behind the site (<see cref="ExitReason.Read"/>) with the address's distance from the page's start
    /// in <see cref="RegisterMap.Second"/>.
    /// </summary>
    public byte* Read { get; }

    /// <summary>As <see cref="Read"/>, for a write.</summary>
    public byte* Write { get; }

    /// <summary>Called at an <see cref="ExitReason.SecondPage"/>.</summary>
    public byte* SecondPage { get; }

    /// <summary>Called at an <see cref="ExitReason.Changed"/>.</summary>
    public byte* Changed { get; }

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

    // Returns where the host's stack pointer is in the state.
    private static byte* EmitEnter(ref CodeEmitter emitter)
    {
        foreach (HostRegister saved in s_saved) emitter.Push(saved);

        emitter.Mov(new HostOperand(HostRegister.Rdi, CpuOffsets.HostStack), RegisterMap.State);
        emitter.Mov(RegisterMap.State, HostRegister.Rdi);
        byte* onState = emitter.Position;
        emitter.Mov(State(CpuOffsets.EntryPoint), HostRegister.Rsi);
        emitter.Stmxcsr(State(CpuOffsets.HostMxcsr));
        CodeLabel without = default;
        EmitUnlessVectors(ref emitter, ref without);
        EmitVectors(ref emitter, 0, store: false);
        emitter.Ldmxcsr(State(CpuOffsets.Mxcsr));
        emitter.Bind(ref without);
        for (int guest = 0; guest < 16; guest++)
        {
            if (RegisterMap.Of(guest) != HostRegister.None) continue;
            emitter.Mov(RegisterMap.First, State(CpuState.GprOffset(guest)));
            emitter.Mov(Held(guest), RegisterMap.First);
        }

        for (int guest = 0; guest < 16; guest++)
        {
            HostRegister host = RegisterMap.Of(guest);
            if (host != HostRegister.None) emitter.Mov(host, State(CpuState.GprOffset(guest)));
        }

        emitter.Mov(RegisterMap.First, State(CpuOffsets.Rip));
        emitter.Jmp(State(CpuOffsets.EntryPoint));
        return onState;
    }

    // Nothing is known of RSP: the fault may be one of shared code that was called.
    private void EmitHostFault(ref CodeEmitter emitter, CpuState* cpu)
    {
        emitter.Movabs(RegisterMap.State, (ulong)cpu);
        LeaveFor(ref emitter, ExitReason.HostFault);
    }

    private static void EmitLeave(ref CodeEmitter emitter)
    {
        for (int guest = 0; guest < 16; guest++)
        {
            HostRegister host = RegisterMap.Of(guest);
            if (host == HostRegister.None)
            {
                emitter.Mov(RegisterMap.First, Held(guest));
                host = RegisterMap.First;
            }

            emitter.Mov(State(CpuState.GprOffset(guest)), host);
        }

        CodeLabel without = default;
        EmitUnlessVectors(ref emitter, ref without);
        EmitVectors(ref emitter, 0, store: true);
        emitter.Stmxcsr(State(CpuOffsets.Mxcsr));
        emitter.Ldmxcsr(State(CpuOffsets.HostMxcsr));
        emitter.Bind(ref without);
        emitter.Mov(HostRegister.Rax, State(CpuOffsets.ExitReason), OperandSize.Dword);
        emitter.Mov(RegisterMap.State, State(CpuOffsets.HostStack));
        for (int i = s_saved.Length - 1; i >= 0; i--) emitter.Pop(s_saved[i]);

        emitter.Ret();
    }

    // Skips what follows unless the vector registers are the guest's.
    private static void EmitUnlessVectors(ref CodeEmitter emitter, ref CodeLabel without)
    {
        emitter.Cmp(State(CpuOffsets.VectorsLoaded), 0, OperandSize.Dword);
        emitter.Jcc(Condition.Equal, ref without);
    }

    // Called from emitted code, so the state is 8 bytes above RSP. Changes no flags.
    private static void EmitLoadVectors(ref CodeEmitter emitter)
    {
        EmitVectors(ref emitter, Pushed, store: false);
        emitter.Ldmxcsr(State(CpuOffsets.Mxcsr + Pushed));
        emitter.Mov(State(CpuOffsets.VectorsLoaded + Pushed), 1, OperandSize.Dword);
        emitter.Ret();
    }

    private static void EmitVectors(ref CodeEmitter emitter, int pushed, bool store)
    {
        for (int i = 0; i < 16; i++)
        {
            HostOperand slot = State(CpuOffsets.Xmm + (i * XmmStride) + pushed);
            if (HostProcessor.HasAvx)
            {
                if (store) emitter.Vmovdqu(slot, i);
                else emitter.Vmovdqu(i, slot);
            }
            else if (store)
            {
                emitter.Movups(slot, i);
            }
            else
            {
                emitter.Movups(i, slot);
            }
        }

        if (HostProcessor.HasAvx && store)
        {
            emitter.Vzeroupper();
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
    private static void PopSite(ref CodeEmitter emitter) => emitter.Pop(State(CpuOffsets.ExitSite));

    private void LeaveFor(ref CodeEmitter emitter, ExitReason reason)
    {
        emitter.Mov(State(CpuOffsets.ExitReason), (int)reason, OperandSize.Dword);
        emitter.Jmp(Leave);
    }

    private static bool HasXsave()
    {
        const int OsXsave = 1 << 27;
        return X86Base.IsSupported && (X86Base.CpuId(1, 0).Ecx & OsXsave) != 0;
    }

    // Called from emitted code, so the state is 8 bytes above RSP. Changes the flags.
    private static void EmitLoadX87(ref CodeEmitter emitter)
    {
        emitter.Mov(State(CpuOffsets.Scratch + Pushed), HostRegister.Rax);
        emitter.Mov(State(CpuOffsets.Scratch2 + Pushed), HostRegister.Rdx);
        EmitX87Mask(ref emitter);
        emitter.Xrstor64(State(StateMemory.X87Area + Pushed));
        emitter.Mov(HostRegister.Rax, State(CpuOffsets.Scratch + Pushed));
        emitter.Mov(HostRegister.Rdx, State(CpuOffsets.Scratch2 + Pushed));
        emitter.Mov(State(CpuOffsets.X87Loaded + Pushed), 1, OperandSize.Dword);
        emitter.Ret();
    }

    private static void EmitSaveX87(ref CodeEmitter emitter)
    {
        EmitX87Mask(ref emitter);
        emitter.Xsave64(new HostOperand(HostRegister.Rdi, StateMemory.X87Area));
        emitter.Fninit();
        emitter.Ret();
    }

    // EDX:EAX = 1: the x87 component alone.
    private static void EmitX87Mask(ref CodeEmitter emitter)
    {
        emitter.Xor(HostRegister.Rdx, HostRegister.Rdx, OperandSize.Dword);
        emitter.Mov(HostRegister.Rax, 1u);
    }

    // Called with the linear address in R10, so the state is 8 bytes above RSP: finds the address's page in the TLB, fills the site's slot,
    // and returns with the distance from the page's start in R15. The site is an instruction that does nothing, so that the return is one.
    private byte* EmitMiss(ref CodeEmitter emitter, bool write, bool counts)
    {
        byte* start = emitter.Position;
        emitter.Mov(Called(CpuOffsets.MissAddress), RegisterMap.First);
        emitter.Mov(Called(CpuOffsets.SavedRax), HostRegister.Rax);

        // RAX: page of the last byte, and tag. R15: entry.
        emitter.Mov(RegisterMap.Second, Called(-Pushed));
        emitter.Movzx(HostRegister.Rax, new HostOperand(RegisterMap.Second, MissSite.Size), OperandSize.Byte);
        emitter.Add(HostRegister.Rax, RegisterMap.First);
        emitter.And(HostRegister.Rax, -BlockContext.PageSize);
        emitter.Or(HostRegister.Rax, Called(CpuOffsets.TlbTag));
        emitter.Mov(RegisterMap.Second, RegisterMap.First);
        emitter.Shr(RegisterMap.Second, PageShift - TlbEntry.SizeShift);
        emitter.And(RegisterMap.Second, (GuestAccess.TlbEntries - 1) << TlbEntry.SizeShift, OperandSize.Dword);
        emitter.Add(RegisterMap.Second, Called(CpuOffsets.Tlb));
        emitter.Cmp(HostRegister.Rax, InEntry(write ? TlbEntry.Offsets.WriteTag : TlbEntry.Offsets.ReadTag));
        CodeLabel miss = default;
        emitter.Jcc(Condition.NotEqual, ref miss);

        // R10: the slot.
        emitter.Mov(RegisterMap.First, Called(-Pushed));
        emitter.Movzx(RegisterMap.First, new HostOperand(RegisterMap.First, MissSite.Slot), OperandSize.Byte);
        emitter.Shl(RegisterMap.First, PageSlot.SizeShift, OperandSize.Dword);

        // Now and then somebody looks which accesses come here too often; those near the end of the slot's page don't count.
        emitter.Cmp(HostRegister.Rax, InSlot(PageSlot.Offsets.Tag));
        CodeLabel same = default;
        emitter.Jcc(Condition.Equal, ref same);
        emitter.Dec(Called(CpuOffsets.MissBudget), OperandSize.Dword);
        CodeLabel sampled = default;
        emitter.Jcc(Condition.Sign, ref sampled);
        if (counts) CountIfStack(ref emitter);
        emitter.Bind(ref same);
        emitter.Mov(InSlot(PageSlot.Offsets.Tag), HostRegister.Rax);

        // The other tag says whether the page takes the other kind of access too.
        emitter.Cmp(HostRegister.Rax, InEntry(write ? TlbEntry.Offsets.ReadTag : TlbEntry.Offsets.WriteTag));
        StoreLimits(ref emitter, write, PageSlots.Limit, PageSlots.SingleLimit);
        StoreLimits(ref emitter, !write, PageSlots.Limit, PageSlots.SingleLimit);
        CodeLabel both = default;
        emitter.Jcc(Condition.Equal, ref both);
        StoreLimits(ref emitter, !write, 0, 0);
        emitter.Bind(ref both);
        emitter.Mov(RegisterMap.Second, InEntry(TlbEntry.Offsets.Addend));
        emitter.Mov(InSlot(PageSlot.Offsets.Addend), RegisterMap.Second);
        emitter.And(HostRegister.Rax, -BlockContext.PageSize);
        emitter.Mov(InSlot(PageSlot.Offsets.Page), HostRegister.Rax);
        emitter.Add(RegisterMap.Second, HostRegister.Rax);
        emitter.Mov(InSlot(PageSlot.Offsets.Host), RegisterMap.Second);
        emitter.Mov(RegisterMap.Second, Called(CpuOffsets.MissAddress));
        emitter.And(RegisterMap.Second, BlockContext.PageSize - 1, OperandSize.Dword);
        emitter.Mov(HostRegister.Rax, Called(CpuOffsets.SavedRax));
        emitter.Ret();

        emitter.Bind(ref sampled);
        emitter.Mov(HostRegister.Rax, Called(CpuOffsets.SavedRax));
        PopSite(ref emitter);
        LeaveFor(ref emitter, ExitReason.Sample);

        emitter.Bind(ref miss);
        emitter.Mov(HostRegister.Rax, Called(CpuOffsets.SavedRax));
        PopSite(ref emitter);
        LeaveFor(ref emitter, write ? ExitReason.Write : ExitReason.Read);
        return start;
    }

    // The first slot of each half is the stack's.
    private static void CountIfStack(ref CodeEmitter emitter)
    {
        emitter.Test(RegisterMap.First, (PageSlots.PerBank - 1) * sizeof(PageSlot), OperandSize.Dword);
        CodeLabel other = default;
        emitter.Jcc(Condition.NotEqual, ref other);
        emitter.Inc(Called(CpuOffsets.Counters + ((int)TranslationCounter.StackPageChanges * sizeof(ulong))), OperandSize.Qword);
        emitter.Bind(ref other);
    }

    private static HostOperand InEntry(int offset) => new(RegisterMap.Second, offset);

    private static HostOperand Called(int offset) => State(offset + Pushed);

    private static HostOperand InSlot(int field) => new(RegisterMap.State, RegisterMap.First, 0, Pushed + CpuOffsets.Slots + field);

    private static void StoreLimits(ref CodeEmitter emitter, bool write, int limit, int single)
    {
        emitter.Mov(InSlot(write ? PageSlot.Offsets.WriteLimit : PageSlot.Offsets.ReadLimit), limit);
        emitter.Mov(InSlot(write ? PageSlot.Offsets.SingleWriteLimit : PageSlot.Offsets.SingleReadLimit), single);
    }
}
