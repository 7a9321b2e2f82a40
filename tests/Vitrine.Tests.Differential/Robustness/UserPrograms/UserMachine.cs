using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Memory;
using Vitrine.Tests.Differential;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>
/// A machine in which <see cref="UserKernel"/> runs programs that may change their code.
/// <code>
///  user linear  400000  code, 4 pages, may be written   480000  the same again   608000  the same, may be written and not executed
///               600000  data, 4 pages                   604000  a page that may only be read
///  physical     100000 code  104000 data  108000 the page that may only be read
/// </code>
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

    private const int UserMemory = 0x10_0000;
    private const int MostSteps = 5000;

    private readonly GuestMemory _memory;
    private readonly bool _flat;
    private readonly SoftwareAccelerator _accelerator;
    private readonly CpuState* _cpu;
    private readonly byte* _ram;
    private readonly UserKernel _kernel;
    private readonly ProcessorState _start = new();

    /// <summary>A machine.</summary>
    /// <param name="engine">Its engine.</param>
    /// <param name="translationBytes">Room for translated code; 0 for the usual.</param>
    /// <param name="userCode">What runs user code.</param>
    /// <param name="mmu">How it translates addresses; null for the usual.</param>
    /// <param name="flat">Programs start as on Linux, with null selectors and RDFSBASE and its like; otherwise with segments that are loaded.</param>
    /// <param name="choice">Decides when user code runs natively; null for always.</param>
    public UserMachine(
        SoftwareEngine engine, nuint translationBytes = 0, UserCode userCode = UserCode.Translated, MmuMode? mmu = null, bool flat = false, Func<bool>? choice = null)
    {
        _flat = flat;
        _memory = new GuestMemory(userCode == UserCode.Translated ? MemoryBacking.Anonymous : MemoryBacking.Shared);
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = engine, UserCode = userCode, Mmu = mmu });
        if (choice is not null) _accelerator.UserCodeChoice = choice;
        if (translationBytes != 0) _accelerator.TranslationBytes = translationBytes;
        MemorySlot ram = _memory.Add("ram", new Gpa(0), UserKernel.MemorySize);
        _ram = ram.Pointer;
        _accelerator.SetMemorySlot(ram);
        Vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);

        // What both engines have.
        Vcpu.SetCpuid(CpuModels.X8664V2.Build(new CpuidEnvironment(), 0));
        _cpu = Vcpu.State;
        _kernel = new UserKernel(_ram, _cpu);
        MapPages();
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

    /// <summary>Goes on with a program that was kicked.</summary>
    /// <returns>False when it was kicked again.</returns>
    public bool Resume()
    {
        ref VmExit exit = ref Vcpu.Run();
        if (exit.Reason == VmExitReason.Interrupted) return false;
        Save(ref exit);
        return true;
    }

    /// <summary>Lets the guest's kernel change the entry of a page; <see cref="Entry"/> gives what it is.</summary>
    public void ChangeEntry(ulong linear, ulong entry, bool everything)
    {
        _kernel.ChangeEntry(linear, entry, everything);
        while (Vcpu.Run().Reason == VmExitReason.Interrupted)
        {
        }
    }

    /// <summary>The entry of a page.</summary>
    public ulong Entry(ulong linear) => *(ulong*)(_ram + _kernel.Entry(linear));

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
            if (exit.Address < UserKernel.High && Decode(exit.Address, is64, _cpu->Rip) is { } instruction) steps.Add(new TraceStep(instruction));
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
        while (length < bytes.Length && Vcpu.TryTranslate(linear + (ulong)length, out ulong gpa) && gpa < UserKernel.MemorySize) bytes[length++] = _ram[gpa];
        if (length == 0) return null;
        Decoder decoder = Decoder.Create(is64 ? 64 : 32, bytes.AsSpan(0, length).ToArray(), InstructionText.Options);
        decoder.IP = rip;
        return decoder.Decode();
    }

    /// <summary>The bytes of an instruction, as they are now.</summary>
    public byte[] Bytes(in Instruction instruction)
    {
        byte[] bytes = new byte[Math.Max(instruction.Length, 1)];
        for (int i = 0; i < bytes.Length && Vcpu.TryTranslate(instruction.IP + (ulong)i, out ulong gpa) && gpa < UserKernel.MemorySize; i++) bytes[i] = _ram[gpa];
        return bytes;
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
        _kernel.Load(ref image);
        _cpu->Dr6 = Dr6.Fixed1;
        _cpu->Fip = _cpu->Fdp = 0;
        _cpu->Fop = _cpu->FpuCs = _cpu->FpuDs = 0;
    }

    private void Save(ref VmExit exit)
    {
        if (exit.Reason != VmExitReason.PortIo || exit.Port != UserKernel.EndPort) throw new InvalidOperationException($"The guest left with {exit.Reason}.");
        _kernel.Save(ref Outcome);
    }

    private void MapPages()
    {
        _kernel.Map(Code, UserMemory, CodeSize, UserKernel.Writable);
        _kernel.Map(CodeAlias, UserMemory, CodeSize, UserKernel.Writable);
        _kernel.Map(CodeView, UserMemory, CodeSize, UserKernel.Writable | UserKernel.NoExecute);
        _kernel.Map(Data, UserMemory + CodeSize, DataSize, UserKernel.Writable | UserKernel.NoExecute);
        _kernel.Map(ReadOnly, UserMemory + CodeSize + DataSize, 0x1000, UserKernel.NoExecute);
    }

    private void BuildStart()
    {
        const uint UserDataAccess = 0xC0F3;
        Vcpu.GetState(_start);
        _kernel.Start(_start);
        _start.Segments[Seg.Fs] = new SegmentRegister(OracleLayout.Stack, 0x20, uint.MaxValue, UserDataAccess);
        _start.Segments[Seg.Gs] = new SegmentRegister(OracleLayout.Stack, 0x60_0000, uint.MaxValue, UserDataAccess);
        if (_flat)
        {
            _start.Segments[Seg.Ds] = _start.Segments[Seg.Es] = new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit);
            _start.Segments[Seg.Fs] = new SegmentRegister(0, 0x20, 0, SegmentRegister.UnusableBit);
            _start.Segments[Seg.Gs] = new SegmentRegister(0, Data, 0, SegmentRegister.UnusableBit);
            _start.Cr4 |= Cr4.FSGSBASE;
        }

        // Without a time stamp counter: it's no one's to compare.
        _start.Cr4 |= Cr4.TSD;
    }
}
