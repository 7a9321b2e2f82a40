using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.State;
using Vitrine.Memory;
using Vitrine.Tests.Differential;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Robustness.UserCode;

/// <summary>
/// A small kernel that runs a user program to its first exception, 64-bit code or 32-bit. Each exception's handler is
/// <c>out 0xf4, al; iretq</c>: at the OUT the run is over, the next one's registers go into the frame, and IRETQ enters it.
/// <code>
///  user linear  400000  code, 4 pages, may be written   480000  the same again   608000  the same, may be written and not executed
///               600000  data, 4 pages                   604000  a page that may only be read
///  physical     01000 GDT  02000 IDT  03000 TSS  06f00 frame for IRETQ  07000 stack of the handlers  08000 handlers
///               10000 page tables  100000 code  104000 data  108000 the page that may only be read
/// </code>
/// Physical memory is mapped for the supervisor at the start of the upper half, and nothing else is.
/// </summary>
// SAFETY: pointers are into the memory slot and the vCPU's state, which live as long as the object; guest-physical constants lie within the slot.
internal sealed unsafe class UserMachine : IDisposable
{
    public const ulong Code = 0x40_0000;
    public const ulong CodeAlias = 0x48_0000;
    public const ulong CodeView = 0x60_8000;
    public const int CodeSize = 0x4000;
    public const ulong Data = 0x60_0000;
    public const int DataSize = 0x4000;
    public const ulong ReadOnly = 0x60_4000;
    public const int UserSize = CodeSize + DataSize + 0x1000;

    private const ulong High = 0xFFFF_8000_0000_0000;
    private const int Gdt = 0x1000;
    private const int Idt = 0x2000;
    private const int Tss = 0x3000;
    private const int Frame = 0x6F00;
    private const int Stack = 0x7000;
    private const int Handlers = 0x8000;
    private const int Tables = 0x1_0000;
    private const int UserMemory = 0x10_0000;
    private const int MemorySize = 0x20_0000;
    private const int HandlerSize = 16;
    private const ushort KernelCode = 0x10;
    private const ushort KernelData = 0x18;
    private const ushort TaskSelector = 0x40;
    private const ushort EndPort = 0xF4;
    private const ulong ErrorCodeVectors = (1UL << 8) | (1UL << 10) | (1UL << 11) | (1UL << 12) | (1UL << 13) | (1UL << 14) | (1UL << 17);
    private const int MostSteps = 5000;

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator;
    private readonly CpuState* _cpu;
    private readonly byte* _ram;
    private readonly ProcessorState _start = new();

    public UserMachine(SoftwareEngine engine, nuint translationBytes = 0)
    {
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = engine });
        if (translationBytes != 0) _accelerator.TranslationBytes = translationBytes;
        MemorySlot ram = _memory.Add("ram", new Gpa(0), MemorySize);
        _ram = ram.Pointer;
        _accelerator.SetMemorySlot(ram);
        Vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);

        // What both engines have.
        Vcpu.SetCpuid(CpuModels.X8664V2.Build(new CpuidEnvironment(), 0));
        _cpu = Vcpu.State;
        BuildTables();
        BuildStart();
    }

    public SoftwareVcpu Vcpu { get; }

    /// <summary>Code, data and the page that may only be read.</summary>
    public Span<byte> Memory => new(_ram + UserMemory, UserSize);

    /// <summary>The processor at the end of the last run.</summary>
    public MachineImage Outcome;

    /// <summary>Prepares for memory that has changed without the guest: forgets all code.</summary>
    /// <param name="breakpoints">DR0 to DR3 and DR7.</param>
    public void Begin(ReadOnlySpan<ulong> breakpoints)
    {
        for (int i = 0; i < 4; i++) _start.DebugAddress[i] = breakpoints[i];
        _start.Dr7 = breakpoints[4];
        Begin();
    }

    /// <summary>Runs a program to its first exception.</summary>
    /// <returns>False when it was kicked before that.</returns>
    public bool Run(ref MachineImage start)
    {
        Load(ref start);
        ref VmExit exit = ref Vcpu.Run();
        if (exit.Reason == VmExitReason.Interrupted) return false;
        Save(ref exit);
        return true;
    }

    /// <summary>Runs it instruction by instruction.</summary>
    /// <returns>The instructions, with the one that faults; none when they are very many.</returns>
    public List<TraceStep> Trace(ref MachineImage start)
    {
        List<TraceStep> steps = [];
        byte[] code = Memory[..CodeSize].ToArray();
        Load(ref start);
        Vcpu.SingleStep = true;
        while (true)
        {
            ref VmExit exit = ref Vcpu.Run();
            if (steps.Count > 0 && !Memory[..CodeSize].SequenceEqual(code)) steps[^1] = steps[^1] with { Exposed = ExposedFlags(steps[^1].Instruction, code) };
            if (exit.Reason == VmExitReason.PortIo) Save(ref exit);
            if (exit.Reason != VmExitReason.Debug) break;
            bool is64 = (_cpu->Mode & ExecutionMode.Code64) != 0;
            if (exit.Address < High && Decode(exit.Address, is64, _cpu->Rip) is { } instruction) steps.Add(new TraceStep(instruction));
            if (steps.Count > MostSteps)
            {
                steps.Clear();
                break;
            }
        }

        Vcpu.SingleStep = false;
        return steps;
    }

    /// <summary>Flags that the code behind an instruction overwrites unseen, but no longer after the instruction has changed it.</summary>
    /// <param name="instruction">The instruction, which has run.</param>
    /// <param name="before">The code before that; becomes the code behind it.</param>
    private ulong ExposedFlags(in Instruction instruction, byte[] before)
    {
        bool is64 = instruction.CodeSize == Iced.Intel.CodeSize.Code64;
        byte[] after = Memory[..CodeSize].ToArray();
        ulong now = FlagsAhead.Overwritten(this, instruction.NextIP, is64);
        before.CopyTo(Memory);
        ulong then = FlagsAhead.Overwritten(this, instruction.NextIP, is64);
        after.CopyTo(Memory);
        after.CopyTo(before, 0);
        return then & ~now;
    }

    /// <summary>The instruction at an address, of as many bytes as can be read there; null where there is none.</summary>
    public Instruction? Decode(ulong linear, bool is64, ulong rip)
    {
        byte[] bytes = new byte[15];
        int length = 0;
        while (length < bytes.Length && Vcpu.TryTranslate(linear + (ulong)length, out ulong gpa) && gpa < MemorySize) bytes[length++] = _ram[gpa];
        if (length == 0) return null;
        Decoder decoder = Decoder.Create(is64 ? 64 : 32, bytes.AsSpan(0, length).ToArray(), InstructionText.Options);
        decoder.IP = rip;
        return decoder.Decode();
    }

    /// <summary>What differs between this machine and another that has run the same, flags apart.</summary>
    public List<string> Differences(UserMachine other)
    {
        List<string> differences = [];
        ref MachineImage a = ref Outcome;
        ref MachineImage b = ref other.Outcome;
        for (int i = 0; i < 23; i++)
        {
            if (i != MachineImage.FlagsWord && a.Words[i] != b.Words[i]) differences.Add($"word {i}: {a.Words[i]:x} and {b.Words[i]:x}");
        }

        for (int i = 0; i < MachineImage.XmmOffset + 256; i++)
        {
            if (a.Fx[i] != b.Fx[i]) differences.Add($"FXSAVE byte {i}: {a.Fx[i]:x2} and {b.Fx[i]:x2}");
        }

        for (int i = 0; i < Seg.Count; i++)
        {
            ref SegmentCache x = ref _cpu->Segments[i];
            ref SegmentCache y = ref other._cpu->Segments[i];
            if (x.Selector != y.Selector || x.Base != y.Base || x.Limit != y.Limit || x.Access != y.Access)
                differences.Add($"segment {i}: {x.Selector:x} {x.Base:x} {x.Limit:x} {x.Access:x} and {y.Selector:x} {y.Base:x} {y.Limit:x} {y.Access:x}");
        }

        if (_cpu->Dr6 != other._cpu->Dr6) differences.Add($"DR6: {_cpu->Dr6:x} and {other._cpu->Dr6:x}");
        int place = Memory.CommonPrefixLength(other.Memory);
        if (place < UserSize) differences.Add($"memory at {place:x}: {Memory[place]:x2} and {other.Memory[place]:x2}");
        return differences;
    }

    /// <summary>True when a program has loaded a segment register, which the next would find.</summary>
    public bool HasLoadedSegments()
    {
        for (int i = Seg.Ds; i <= Seg.Gs; i++)
        {
            if (_cpu->Segments[i].Selector != _start.Segments[i].Selector || _cpu->Segments[i].Base != _start.Segments[i].Base) return true;
        }

        return _cpu->Segments[Seg.Es].Selector != _start.Segments[Seg.Es].Selector;
    }

    /// <summary>Where it is, roughly.</summary>
    public string Position() =>
        $"{_cpu->Mode}, RIP {_cpu->Rip:x}, block {_cpu->BlockRip:x}, {_cpu->Instructions} instructions, poll at {_cpu->PollAt}, left by {_cpu->Leave}, RCX {_cpu->Gpr[Gpr.Rcx]:x}, pending {_cpu->PendingDebug:x}";

    public void Dispose()
    {
        Vcpu.Dispose();
        _accelerator.Dispose();
        _memory.Dispose();
    }

    private void Begin()
    {
        Vcpu.PutState(_start, PutLevel.Full);
        while (Vcpu.Run().Reason == VmExitReason.Interrupted)
        {
            // A kick that came too late for what it was meant for.
        }
    }

    private void Load(ref MachineImage image)
    {
        ulong* frame = (ulong*)(_ram + Frame);
        frame[0] = image.Rip;
        frame[1] = image.CodeSelector;
        frame[2] = image.Rflags;
        frame[3] = image.General(Gpr.Rsp);
        frame[4] = OracleLayout.Stack;
        for (int i = 0; i < 16; i++) _cpu->Gpr[i] = image.General(i);
        _cpu->Gpr[Gpr.Rsp] = High + Frame;
        _cpu->Cr2 = 0;
        _cpu->Dr6 = Dr6.Fixed1;
        image.LoadFloatingPoint(_cpu);
        _cpu->Fip = _cpu->Fdp = 0;
        _cpu->Fop = _cpu->FpuCs = _cpu->FpuDs = 0;
    }

    private void Save(ref VmExit exit)
    {
        if (exit.Reason != VmExitReason.PortIo || exit.Port != EndPort) throw new InvalidOperationException($"The guest left with {exit.Reason}.");
        int vector = (int)(_cpu->Rip - High - Handlers) / HandlerSize;
        bool hasError = vector < 64 && (ErrorCodeVectors >> vector & 1) != 0;
        ulong* frame = (ulong*)(_ram + (_cpu->Gpr[Gpr.Rsp] - High));
        Outcome.Words[MachineImage.TrapWord] = (ulong)vector;
        Outcome.Words[MachineImage.ErrorWord] = hasError ? *frame++ : 0;
        Outcome.Words[MachineImage.Cr2Word] = _cpu->Cr2;
        for (int i = 0; i < 16; i++) Outcome.SetGeneral(i, _cpu->Gpr[i]);
        Outcome.Rip = frame[0];
        Outcome.Words[MachineImage.SelectorsWord] = frame[1] | (frame[4] << 32);
        Outcome.Rflags = frame[2];
        Outcome.SetGeneral(Gpr.Rsp, frame[3]);
        Outcome.SaveFloatingPoint(_cpu);
    }

    private void BuildTables()
    {
        SetGdt(KernelCode, 0x00AF_9B00_0000_FFFF);
        SetGdt(KernelData, 0x00CF_9300_0000_FFFF);
        SetGdt(OracleLayout.Code32 & ~7, 0x00CF_FB00_0000_FFFF);
        SetGdt(OracleLayout.Stack & ~7, 0x00CF_F300_0000_FFFF);
        SetGdt(OracleLayout.Code64 & ~7, 0x00AF_FB00_0000_FFFF);
        SetGdt(TaskSelector, 0x0000_8B00_0000_0067 | ((ulong)Tss << 16) | ((High >> 24 & 0xFF) << 56));
        Put(Gdt + TaskSelector + 8, High >> 32);
        Put(Tss + 4, High + Stack);
        BinaryPrimitives.WriteUInt16LittleEndian(new Span<byte>(_ram + Tss + 0x66, 2), 0x68);
        for (int vector = 0; vector < 256; vector++)
        {
            byte dpl = (byte)(vector is 3 or 4 ? 3 : 0);
            int handler = Handlers + (vector * HandlerSize);
            GateDescriptor gate = GateDescriptor.Create(DescriptorType.InterruptGate, KernelCode, High + (ulong)handler, dpl);
            Put(Idt + (vector * 16), gate.Low);
            Put(Idt + (vector * 16) + 8, gate.High);
            ReadOnlySpan<byte> code = [0xE6, (byte)EndPort, 0x48, 0xCF];
            code.CopyTo(new Span<byte>(_ram + handler, HandlerSize));
        }

        const ulong Table = 0x67;
        const ulong NoExecute = 1UL << 63;
        int upper = Tables + 0x1000;
        int lower = Tables + 0x3000;
        Put(Tables + (256 * 8), (ulong)upper | Table);
        Put(upper, (ulong)(upper + 0x1000) | Table);
        Put(upper + 0x1000, 0xE3);
        Put(Tables, (ulong)lower | Table);
        Put(lower, (ulong)(lower + 0x1000) | Table);
        Put(lower + 0x1000 + (2 * 8), (ulong)(lower + 0x2000) | Table);
        Put(lower + 0x1000 + (3 * 8), (ulong)(lower + 0x3000) | Table);
        MapPages(Code, 0, CodeSize, Table);
        MapPages(CodeAlias, 0, CodeSize, Table);
        MapPages(CodeView, 0, CodeSize, Table | NoExecute);
        MapPages(Data, CodeSize, DataSize, Table | NoExecute);
        MapPages(ReadOnly, CodeSize + DataSize, 0x1000, (Table & ~2UL) | NoExecute);
    }

    private void MapPages(ulong linear, int offset, int size, ulong flags)
    {
        int table = Tables + 0x5000 + ((int)((linear >> 21) - 2) << 12);
        for (int page = 0; page < size; page += 0x1000)
        {
            Put(table + ((int)((linear + (ulong)page) >> 12 & 511) * 8), (uint)(UserMemory + offset + page) | flags);
        }
    }

    private void BuildStart()
    {
        const uint UserDataAccess = 0xC0F3;
        Vcpu.GetState(_start);
        _start.Segments[Seg.Cs] = new SegmentRegister(KernelCode, 0, uint.MaxValue, 0xA09B);
        _start.Segments[Seg.Ss] = new SegmentRegister(KernelData, 0, uint.MaxValue, 0xC093);
        foreach (int i in (ReadOnlySpan<int>)[Seg.Ds, Seg.Es]) _start.Segments[i] = new SegmentRegister(OracleLayout.Stack, 0, uint.MaxValue, UserDataAccess);
        _start.Segments[Seg.Fs] = new SegmentRegister(OracleLayout.Stack, 0x20, uint.MaxValue, UserDataAccess);
        _start.Segments[Seg.Gs] = new SegmentRegister(OracleLayout.Stack, 0x60_0000, uint.MaxValue, UserDataAccess);
        _start.Segments[Seg.Tr] = new SegmentRegister(TaskSelector, High + Tss, 0x67, 0x8B);
        _start.Segments[Seg.Ldtr] = new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit);
        _start.Gdtr = new DescriptorTable(High + Gdt, 0x7F);
        _start.Idtr = new DescriptorTable(High + Idt, 0xFFF);
        _start.Cr0 = Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.PG;
        _start.Cr3 = Tables;

        // Without a time stamp counter: it's no one's to compare.
        _start.Cr4 = Cr4.PAE | Cr4.OSFXSR | Cr4.OSXMMEXCPT | Cr4.TSD;
        _start.Efer = Efer.LME | Efer.LMA | Efer.NXE;
        _start.Rip = High + Handlers;
        _start.Gpr[Gpr.Rsp] = High + Frame;
        _start.Rflags = 2;
    }

    private void SetGdt(int selector, ulong raw) => Put(Gdt + selector, raw);

    private void Put(int address, ulong value) => *(ulong*)(_ram + address) = value;
}
