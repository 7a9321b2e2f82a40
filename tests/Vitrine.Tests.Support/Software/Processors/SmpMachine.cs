using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Processors;

/// <summary>
/// Several vCPUs of the software CPU, each on a thread, that begin in 64-bit mode with RDI their number and their local APIC enabled in x2APIC mode. A routine ends
/// with HLT; when all have ended, the run has.
/// <code>
///  001000 GDT   002000 IDT   004000 handlers, 16 bytes each: OUT   008000 code   100000 page tables
///  200000 stacks, one page each (RSP is its end)   300000 data
/// </code>
/// The first 4 MiB are mapped one to one, in pages of 4 KiB. Every exception ends in an OUT of its own, which fails the run.
/// </summary>
internal sealed class SmpMachine : IDisposable
{
    public const ulong Code = 0x8000;
    public const ulong Data = 0x30_0000;
    public const ulong Present = 1;
    public const ulong Writable = 2;

    private const ulong Gdt = 0x1000;
    private const ulong Idt = 0x2000;
    private const ulong Handlers = 0x4000;
    private const ulong Tables = 0x10_0000;
    private const ulong Stacks = 0x20_0000;
    private const ulong MemorySize = 4 << 20;
    private const uint OutHlt = 0xF480E6;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    private readonly GuestMemory _memory = new();
    private readonly SoftwareVcpu[] _vcpus;
    private readonly ProcessorState[] _states;
    private volatile bool _stop;
    private volatile string? _failure;

    public SmpMachine(SoftwareEngine engine, int vcpus, MemorySlotFlags flags = MemorySlotFlags.None, bool lockstep = false, nuint translationBytes = 0,
        MmuMode? mmu = null, bool foreignWrites = false)
    {
        Engines.SkipUnlessPresent(engine);
        Accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = engine, Lockstep = lockstep, Mmu = mmu, ForeignWrites = foreignWrites }, vcpus);
        if (translationBytes != 0) Accelerator.TranslationBytes = translationBytes;
        Ram = _memory.Add("ram", new Gpa(0), MemorySize, flags);
        Accelerator.SetMemorySlot(Ram);
        _vcpus = [.. Enumerable.Range(0, vcpus).Select(id => (SoftwareVcpu)Accelerator.CreateVcpu(id))];
        BuildDescriptors();
        BuildTables();
        _states = [.. _vcpus.Select(BuildState)];
    }

    public SoftwareAccelerator Accelerator { get; }

    public MemorySlot Ram { get; }

    public GuestMemory Memory => _memory;

    /// <summary>Answers ports; what it doesn't, fails the run. On the thread of the vCPU, outside of its run.</summary>
    public Func<SoftwareVcpu, int, ulong, bool> OnPortWrite { get; set; } = static (_, _, _) => false;

    /// <summary>Reads of addresses without memory give all bits set, and writes to them, or to read-only memory, go nowhere. Else they fail the run.</summary>
    public bool AnswersMemory { get; set; }

    public IReadOnlyList<SoftwareVcpu> Vcpus => _vcpus;

    /// <summary>The processors before and after <see cref="Run"/>.</summary>
    public IReadOnlyList<ProcessorState> States => _states;

    /// <summary>Guest-physical address of the entry that maps a page of the first 4 MiB.</summary>
    public static ulong Entry(ulong linear) => Tables + 0x3000 + (linear >> 12 << 3);

    public ulong Read(ulong gpa, int size = 8)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Assert.True(_memory.TryRead(new Gpa(gpa), bytes[..size]));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public void Store(ulong gpa, ulong value, int size = 8)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Assert.True(_memory.TryWrite(new Gpa(gpa), bytes[..size]));
    }

    /// <summary>Assembles a routine, and places it at its address.</summary>
    public void Place(ulong address, Action<Assembler> emit) => Assert.True(_memory.TryWrite(new Gpa(address), Assemble(address, emit)));

    public static byte[] Assemble(ulong address, Action<Assembler> emit)
    {
        Assembler assembler = new(64);
        emit(assembler);
        MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), address);
        return code.ToArray();
    }

    /// <summary>Enters a handler into the interrupt table.</summary>
    public void SetGate(byte vector, ulong handler)
    {
        Store(Idt + (vector * 16ul), (handler & 0xFFFF) | (0x08ul << 16) | (0x8Eul << 40) | ((handler & 0xFFFF_0000) << 32));
        Store(Idt + (vector * 16ul) + 8, handler >> 32);
    }

    /// <summary>Puts all states and runs, each vCPU at its own entry or all at one, until all have halted for good.</summary>
    public void Run(params ulong[] entries)
    {
        for (int id = 0; id < _vcpus.Length; id++)
        {
            _states[id].Rip = entries[entries.Length == 1 ? 0 : id];
            _states[id].MpState = MpState.Runnable;
            _vcpus[id].PutState(_states[id], PutLevel.Full);
        }

        Resume();
    }

    /// <summary>Runs the vCPUs as they stand, until all have halted for good.</summary>
    public void Resume()
    {
        _stop = false;
        _failure = null;
        Thread[] threads = [.. _vcpus.Select(vcpu => new Thread(() => RunOne(vcpu)) { IsBackground = true })];
        foreach (Thread thread in threads) thread.Start();
        long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        foreach (Thread thread in threads)
        {
            if (thread.Join((int)Math.Max(1, end - Environment.TickCount64))) continue;
            _failure ??= "not all vCPUs came to an end";
            StopAll();
            thread.Join();
        }

        for (int id = 0; id < _vcpus.Length; id++) _vcpus[id].GetState(_states[id]);
        Assert.True(_failure is null, $"{_failure}; {Where()}");
    }

    /// <summary>Sends a fixed interrupt to all others. Changes RAX, RCX and RDX.</summary>
    public static void SendToOthers(Assembler a, byte vector)
    {
        const uint CommandRegister = 0x830;
        const int AllButSelf = 3 << 18;
        a.mov(ecx, CommandRegister);
        a.mov(eax, AllButSelf | vector);
        a.xor(edx, edx);
        a.wrmsr();
    }

    /// <summary>Ends an interrupt at the local APIC. Changes RAX, RCX and RDX.</summary>
    public static void EndInterrupt(Assembler a)
    {
        const uint EndOfInterrupt = 0x80B;
        a.mov(ecx, EndOfInterrupt);
        a.xor(eax, eax);
        a.xor(edx, edx);
        a.wrmsr();
    }

    public void Dispose()
    {
        Accelerator.Dispose();
        _memory.Dispose();
    }

    private void RunOne(SoftwareVcpu vcpu)
    {
        while (!_stop)
        {
            ref VmExit exit = ref vcpu.Run();
            if (exit.Reason == VmExitReason.Interrupted) continue;
            if (exit.Reason == VmExitReason.PortIo && exit.IsWrite && OnPortWrite(vcpu, exit.Port, exit.Data[0])) continue;
            if (exit.Reason == VmExitReason.Mmio && AnswersMemory)
            {
                if (!exit.IsWrite) exit.Data.Fill(0xFF);
                continue;
            }

            if (exit.Reason != VmExitReason.HaltForever) _failure ??= $"vCPU {vcpu.Id} left with {exit.Reason}, in a handler if that is PortIo";
            StopAll();
        }
    }

    private void StopAll()
    {
        _stop = true;
        foreach (SoftwareVcpu vcpu in _vcpus) vcpu.Kick();
    }

    private string Where() => string.Join("; ", _states.Select((state, id) =>
        $"vCPU {id} at {state.Rip:x} {state.MpState} rax {state.Gpr[Gpr.Rax]:x} rcx {state.Gpr[Gpr.Rcx]:x} rdx {state.Gpr[Gpr.Rdx]:x} rbx {state.Gpr[Gpr.Rbx]:x}"));

    private void BuildDescriptors()
    {
        Store(Gdt + 8, 0x00AF_9B00_0000_FFFF);
        Store(Gdt + 16, 0x00CF_9300_0000_FFFF);
        for (ulong vector = 0; vector < 256; vector++)
        {
            Store(Handlers + (vector * 16), OutHlt, 4);
            SetGate((byte)vector, Handlers + (vector * 16));
        }
    }

    private void BuildTables()
    {
        Store(Tables, (Tables + 0x1000) | Present | Writable);
        Store(Tables + 0x1000, (Tables + 0x2000) | Present | Writable);
        for (ulong table = 0; table < 2; table++) Store(Tables + 0x2000 + (table * 8), (Tables + 0x3000 + (table << 12)) | Present | Writable);
        for (ulong page = 0; page < MemorySize; page += 0x1000) Store(Entry(page), page | Present | Writable);
    }

    private static ProcessorState BuildState(SoftwareVcpu vcpu)
    {
        vcpu.SetCpuid(CpuModels.X8664V2.Build(new CpuidEnvironment(), vcpu.Id));
        ProcessorState state = new();
        vcpu.GetState(state);
        state.Segments[Seg.Cs] = new(0x08, 0, uint.MaxValue, 0xA09B);
        foreach (int i in (ReadOnlySpan<int>)[Seg.Es, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs]) state.Segments[i] = new(0x10, 0, uint.MaxValue, 0xC093);
        state.Gdtr = new(Gdt, 0x17);
        state.Idtr = new(Idt, 0xFFF);
        state.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.PG;
        state.Cr3 = Tables;
        state.Cr4 = Cr4.PAE | Cr4.OSFXSR;
        state.Efer = Efer.LME | Efer.LMA | Efer.NXE;
        state.Rflags = Rflags.Fixed;
        state.ApicBase |= ResetState.ApicBaseX2ApicEnable;
        const int SpuriousVector = 0xF0;
        const uint SoftwareEnable = 0x1FF;
        BinaryPrimitives.WriteUInt32LittleEndian(state.LocalApic.AsSpan(SpuriousVector), SoftwareEnable);
        state.Gpr[Gpr.Rdi] = (ulong)vcpu.Id;
        state.Gpr[Gpr.Rsp] = Stacks + ((ulong)(vcpu.Id + 1) << 12);
        return state;
    }
}
