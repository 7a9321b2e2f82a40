using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>
/// A vCPU that runs whole routines under paging, with a HLT behind every vector of the IDT, so that a run ends either in the
/// routine's own HLT or in the handler of a fault:
/// <code>
///  01000 GDT   02000 IDT   03000 TSS   04000 handlers, 16 bytes each   07000 level-0 stack (grows down)
///  08000 code   0F000 user stack (grows down)   100000 page tables
/// </code>
/// The first 64 KiB are mapped one to one: 1000 to 7000 for the supervisor, 8000 to F000 for everybody.
/// Device memory (no slot) begins at <see cref="Device"/>.
/// </summary>
internal sealed class PagedMachine : IDisposable
{
    public const ulong P = 1;
    public const ulong W = 2;
    public const ulong U = 4;
    public const ulong A = 0x20;
    public const ulong D = 0x40;
    public const ulong Large = 0x80;
    public const ulong Global = 0x100;
    public const ulong Nx = 1UL << 63;

    public const ulong Code = 0x8000;
    public const ulong KernelStack = 0x7000;
    public const ulong UserStack = 0x10000;
    public const ulong Tables = 0x100000;
    public const ulong MemorySize = 12 << 20;
    public const ulong Device = 0x4000_0000;

    private const ulong Gdt = 0x1000;
    private const ulong Idt = 0x2000;
    private const ulong Tss = 0x3000;
    public const ulong Handlers = 0x4000;
    private readonly PagingMode _paging;
    private readonly int _bits;
    private const byte Hlt = 0xF4;
    private ulong _nextTable;
    private bool _user;

    public PagedMachine(
        PagingMode paging = PagingMode.FourLevel, int bits = 0, CpuModel? model = null, nuint arenaBytes = 0, MmuMode mmu = MmuMode.Shadow,
        ulong slotBytes = MemorySize, SoftwareEngine engine = SoftwareEngine.Interpreter, nuint translationBytes = 0, bool lockstep = false,
        bool foreignWrites = false, Action<VmBehavior>? behavior = null)
    {
        _paging = paging;
        _bits = bits != 0 ? bits : paging == PagingMode.FourLevel ? 64 : 32;
        Ram = Memory.Add("ram", new Gpa(0), slotBytes);
        bool native = model is not null && model != CpuModels.Max && model.Features.Any(CpuModels.IsNative);
        if (native) engine = SoftwareEngine.Translator;
        Engines.SkipUnlessPresent(engine);
        Accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Mmu = mmu, Engine = engine, Lockstep = lockstep, ForeignWrites = foreignWrites });
        behavior?.Invoke(Accelerator.Behavior);
        if (arenaBytes != 0) Accelerator.CodeArenaBytes = arenaBytes;
        if (translationBytes != 0) Accelerator.TranslationBytes = translationBytes;
        Accelerator.SetMemorySlot(Ram);
        for (ulong start = slotBytes; start < MemorySize; start += slotBytes)
            Accelerator.SetMemorySlot(Memory.Add($"ram-{start:x}", new Gpa(start), slotBytes));
        Vcpu = (SoftwareVcpu)Accelerator.CreateVcpu(0);
        Vcpu.SetCpuid((model ?? CpuModels.X8664V2).Build(new CpuidEnvironment { Native = Vcpu.SupportedCpuid }, 0));
        Vcpu.GetState(State);
        _nextTable = Tables + 0x1000;
        BuildDescriptors();
        if (paging == PagingMode.Pae)
        {
            for (ulong i = 0; i < 4; i++) Store(Tables + (i * 8), NewTable() | P, 8);
        }

        if (paging != PagingMode.None)
        {
            for (ulong page = 0x1000; page < 0x10000; page += 0x1000) Map(page, page, page < Code ? P | W : P | W | U);
        }

        BuildState();
    }

    public GuestMemory Memory { get; } = new();

    public MemorySlot Ram { get; }

    public SoftwareAccelerator Accelerator { get; }

    public SoftwareVcpu Vcpu { get; }

    /// <summary>The processor before and after <see cref="Run()"/>.</summary>
    public ProcessorState State { get; } = new();

    /// <summary>Accesses to devices in order: "r4 40000000" or "w1 40000002=7f", ports as "in1 60".</summary>
    public List<string> Accesses { get; } = [];

    /// <summary>What devices answer: address and size to value.</summary>
    public Func<ulong, int, ulong> Answer { get; set; } = static (_, _) => 0;

    /// <summary>Called at each exit for a device.</summary>
    public Action OnAccess { get; set; } = static () => { };

    public ulong this[int register]
    {
        get => State.Gpr[register];
        set => State.Gpr[register] = value;
    }

    public PagedMachine User()
    {
        _user = true;
        bool is64 = _bits == 64;
        State.Segments[Seg.Cs] = is64 ? new(0x33, 0, uint.MaxValue, 0xA0FB) : new(0x1B, 0, uint.MaxValue, 0xC0FB);
        foreach (int i in (ReadOnlySpan<int>)[Seg.Es, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs]) State.Segments[i] = new(0x23, 0, uint.MaxValue, 0xC0F3);
        this[Gpr.Rsp] = UserStack;
        return this;
    }

    /// <summary>Maps a page, making the tables above it with all rights.</summary>
    public void Map(ulong linear, ulong gpa, ulong flags, int shift = 12) => Store(Entry(linear, shift), gpa | flags | (shift > 12 ? Large : 0), EntrySize);

    /// <summary>Guest-physical address of the entry that maps a page.</summary>
    public ulong Entry(ulong linear, int shift = 12)
    {
        int perLevel = EntrySize == 4 ? 10 : 9;
        int top = _paging switch { PagingMode.Bits32 => 22, PagingMode.Pae => 30, _ => 39 };
        ulong table = Tables;
        for (int level = top; level > shift; level -= perLevel)
        {
            ulong entry = table + (((linear >> level) & ((1UL << perLevel) - 1)) * (ulong)EntrySize);
            ulong value = Read(entry, EntrySize);
            if ((value & P) == 0) Store(entry, value = NewTable() | P | W | U, EntrySize);
            table = value & 0x000F_FFFF_FFFF_F000;
        }

        return table + (((linear >> shift) & ((1UL << perLevel) - 1)) * (ulong)EntrySize);
    }

    public int EntrySize => _paging == PagingMode.Bits32 ? 4 : 8;

    public ulong Read(ulong gpa, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Assert.True(Memory.TryRead(new Gpa(gpa), bytes[..size]));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public void Store(ulong gpa, ulong value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Assert.True(Memory.TryWrite(new Gpa(gpa), bytes[..size]));
    }

    public void Write(ulong gpa, params byte[] bytes) => Assert.True(Memory.TryWrite(new Gpa(gpa), bytes));

    /// <summary>Assembles a routine for an address, places it at a guest-physical one.</summary>
    /// <returns>Its length.</returns>
    public int Place(ulong gpa, Action<Assembler> emit, ulong? rip = null)
    {
        byte[] code = Bytes(_bits, rip ?? gpa, emit);
        Write(gpa, code);
        return code.Length;
    }

    public static byte[] Bytes(int bits, ulong rip, Action<Assembler> emit)
    {
        Assembler assembler = new(bits);
        emit(assembler);
        MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), rip);
        return code.ToArray();
    }

    /// <summary>Places a routine at <see cref="Code"/> (HLT is added) and runs it.</summary>
    public RunResult Run(Action<Assembler> emit)
    {
        Place(Code, a =>
        {
            emit(a);
            a.hlt();
        });
        State.Rip = Code;
        return Run();
    }

    /// <summary>Runs until HLT.</summary>
    /// <returns>
    /// "ok" for the routine's own HLT (at CPL 3 that is a #GP, which counts as such); "#14(2)" for the handler of a fault with its error code; "shutdown".
    /// <see cref="State"/> is then the processor's; of a faulting routine RIP and RSP are those that were pushed.
    /// </returns>
    public RunResult Run()
    {
        State.MpState = MpState.Runnable;
        Vcpu.PutState(State, PutLevel.Full);
        return Continue();
    }

    /// <summary>Goes on without touching the processor.</summary>
    public RunResult Continue()
    {
        for (int exits = 0; exits < 10_000; exits++)
        {
            ref VmExit exit = ref Vcpu.Run();
            switch (exit.Reason)
            {
                case VmExitReason.Mmio or VmExitReason.PortIo:
                    Access(ref exit);
                    OnAccess();
                    break;
                case VmExitReason.Interrupted:
                    Accesses.Add("kick");
                    break;
                case VmExitReason.HaltForever:
                    Vcpu.GetState(State);
                    return Located(Ended());
                case VmExitReason.Shutdown:
                    Vcpu.GetState(State);
                    return Located("shutdown");
                default:
                    return Located(exit.Reason.ToString());
            }
        }

        return Located("never ends");
    }

    public void Dispose()
    {
        Vcpu.Dispose();
        Accelerator.Dispose();
        Memory.Dispose();
    }

    private ulong NewTable()
    {
        ulong table = _nextTable;
        _nextTable += 0x1000;
        return table;
    }

    private void Access(ref VmExit exit)
    {
        ulong address = exit.Reason == VmExitReason.PortIo ? exit.Port : exit.Address;
        string verb = exit.Reason == VmExitReason.PortIo ? exit.IsWrite ? "out" : "in" : exit.IsWrite ? "w" : "r";
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        if (exit.IsWrite)
        {
            exit.Data.CopyTo(value);
            Accesses.Add($"{verb}{exit.Size} {address:x}={BinaryPrimitives.ReadUInt64LittleEndian(value):x}");
            return;
        }

        Accesses.Add($"{verb}{exit.Size} {address:x}");
        BinaryPrimitives.WriteUInt64LittleEndian(value, Answer(address, exit.Size));
        value[..exit.Size].CopyTo(exit.Data);
    }

    private RunResult Ended()
    {
        ulong halted = State.Rip - 1;
        if (halted is < Handlers or >= Handlers + 0x1000) return RunResult.Ok;
        int vector = (int)(halted - Handlers) / 16;
        bool hasCode = vector is 8 or (>= 10 and <= 14) or 17;
        int word = _paging == PagingMode.FourLevel ? 8 : 4;
        ulong frame = this[Gpr.Rsp];
        RunResult fault = RunResult.Fault(vector, hasCode ? (uint)Read(frame, 4) : null);
        if (hasCode) frame += (ulong)word;
        State.Rip = Read(frame, word);
        if (word == 8 || (Read(frame + (ulong)word, 2) & 3) != 0) this[Gpr.Rsp] = Read(frame + (ulong)(3 * word), word);
        bool userEnd = vector == 13 && _user && Vcpu.TryTranslate(State.Rip, out ulong gpa) && gpa < MemorySize && Read(gpa, 1) == Hlt;
        return userEnd ? RunResult.Ok : fault;
    }

    // The code at RIP as far as its page is in RAM.
    private RunResult Located(RunResult end)
    {
        const int Longest = 15 * 3;
        ulong linear = State.Segments[Seg.Cs].Base + State.Rip;
        byte[] code = new byte[Math.Min(Longest, 0x1000 - (int)(linear & 0xFFF))];
        bool isThere = Vcpu.TryTranslate(linear, out ulong gpa) && Memory.TryRead(new Gpa(gpa), code);
        return end.At(State.Rip, State.Cr2, State.Gpr, isThere ? code : [], _bits);
    }

    private void BuildDescriptors()
    {
        ReadOnlySpan<ulong> descriptors =
        [
            0, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF,
            0x00AF_9B00_0000_FFFF, 0x00AF_FB00_0000_FFFF, 0x0000_8B00_0000_0067 | (Tss << 16), 0, 0x0000_9B00_0000_FFFF, 0x0000_9300_0000_FFFF,
        ];
        for (int i = 0; i < descriptors.Length; i++) Store(Gdt + (ulong)(i * 8), descriptors[i], 8);
        bool longMode = _paging == PagingMode.FourLevel;
        for (ulong vector = 0; vector < 32; vector++)
        {
            ulong target = Handlers + (vector * 16);
            Store(target, Hlt, 1);
            Store(Idt + (vector * (longMode ? 16u : 8u)), target | ((longMode ? 0x28UL : 0x08) << 16) | (0x8EUL << 40), 8);
        }

        if (longMode)
        {
            Store(Tss + 4, KernelStack, 8);
        }
        else
        {
            Store(Tss + 4, KernelStack, 4);
            Store(Tss + 8, 0x10, 4);
        }
    }

    private void BuildState()
    {
        State.Segments[Seg.Cs] = _bits switch
        {
            64 => new(0x28, 0, uint.MaxValue, 0xA09B),
            32 => new(0x08, 0, uint.MaxValue, 0xC09B),
            _ => new(0x48, 0, ushort.MaxValue, 0x009B),
        };
        foreach (int i in (ReadOnlySpan<int>)[Seg.Es, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs]) State.Segments[i] = new(0x10, 0, uint.MaxValue, 0xC093);
        State.Segments[Seg.Tr] = new(0x38, Tss, 0x67, 0x008B);
        State.Gdtr = new(Gdt, 0x5F);
        State.Idtr = new(Idt, 0xFFF);
        State.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP | (_paging == PagingMode.None ? 0 : Cr0.PG);
        State.Cr3 = Tables;
        State.Cr4 = Cr4.OSFXSR | (_paging switch { PagingMode.Bits32 => Cr4.PSE, PagingMode.None => 0, _ => Cr4.PAE });
        State.Efer = _paging switch { PagingMode.FourLevel => Efer.LME | Efer.LMA | Efer.NXE, PagingMode.Pae => Efer.NXE, _ => 0 };
        State.Rflags = Rflags.Fixed;
        State.Rip = Code;
        if (_paging == PagingMode.Pae)
        {
            for (int i = 0; i < 4; i++) State.Pdptes[i] = Read(Tables + (ulong)(i * 8), 8);
        }

        this[Gpr.Rsp] = KernelStack;
    }
}
