using System.Buffers.Binary;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.State;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// The software CPU, set up as Linux sets up the host's for a user program. Each exception's handler is
/// <c>out 0xf4, al; iretq</c>: at the OUT the case is over, the next one's registers go into the frame, and IRETQ executes it.
/// <code>
///  physical  01000 GDT  02000 IDT  03000 TSS  06f00 frame for IRETQ  07000 stack of the handlers  08000 handlers
///            10000 page tables  100000 code  110000 edge pages  118000 pairs  130000 data
/// </code>
/// All but code and data is mapped for the supervisor only, at the start of the upper half.
/// </summary>
// SAFETY: pointers are into the memory slot and the vCPU's state, which live as long as the object; guest-physical
// constants lie within the slot; cases and outcomes are the callers'.
internal sealed unsafe class SoftwareGuest : IDisposable
{
    /// <summary>What <see cref="Run"/> returns when the watchdog had to end it.</summary>
    public const string Kicked = nameof(VmExitReason.Interrupted);

    private const ulong High = 0xFFFF_8000_0000_0000;
    private const int Gdt = 0x1000;
    private const int Idt = 0x2000;
    private const int Tss = 0x3000;
    private const int Frame = 0x6F00;
    private const int Stack = 0x7000;
    private const int Handlers = 0x8000;
    private const int Tables = 0x1_0000;
    private const int CodeMemory = 0x10_0000;
    private const int EdgeMemory = 0x11_0000;
    private const int PairMemory = 0x11_8000;
    private const int DataMemory = 0x13_0000;
    private const int ReadOnlyMemory = DataMemory + OracleLayout.DataSize;
    private const int HandlerSize = 16;
    private const int MemorySize = 0x20_0000;
    private const ushort KernelCode = 0x10;
    private const ushort KernelData = 0x18;
    private const ushort TaskSelector = 0x40;
    private const ushort EndPort = 0xF4;
    private const ulong ErrorCodeVectors = (1UL << 8) | (1UL << 10) | (1UL << 11) | (1UL << 12) | (1UL << 13) | (1UL << 14) | (1UL << 17);
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong AccessedDirty = 0x60;
    private const ulong NoExecute = 1UL << 63;

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator;
    private readonly SoftwareVcpu _vcpu;
    private readonly CpuState* _cpu;
    private readonly byte* _ram;
    private readonly ProcessorState _start = new();
    private readonly Timer _watchdog;
    private long _cases;
    private long _casesSeen = -1;

    public SoftwareGuest(CodeSelection selection)
    {
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = selection.Engine });
        MemorySlot ram = _memory.Add("ram", new Gpa(0), MemorySize);
        _ram = ram.Pointer;
        _accelerator.SetMemorySlot(ram);
        _vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);
        _vcpu.SetCpuid(selection.Cpuid);
        ulong components = new CpuidTable(selection.Cpuid).Lookup(0xD, 0).Eax;
        _cpu = _vcpu.State;
        BuildTables();
        BuildStart(components);
        _watchdog = new Timer(_ => Watch(), null, 5000, 5000);
    }

    /// <summary>Prepares a batch: forgets the code of the last one.</summary>
    public void Begin(ReadOnlySpan<byte> readOnly)
    {
        readOnly.CopyTo(new Span<byte>(_ram + ReadOnlyMemory, 0x1000));
        _vcpu.PutState(_start, PutLevel.Full);
        ref VmExit exit = ref _vcpu.Run();
        Check(ref exit);
    }

    /// <summary>Executes one case.</summary>
    /// <returns>Null, or how it ended when not by an exception.</returns>
    public string? Run(OracleCase* test, ReadOnlySpan<byte> pristine, OracleOutcome* outcome)
    {
        _cases++;
        pristine.CopyTo(new Span<byte>(_ram + DataMemory, OracleLayout.DataSize));
        PutCode(test);
        Load(ref test->Image);
        ref VmExit exit = ref _vcpu.Run();
        if (exit.Reason != VmExitReason.PortIo || exit.Port != EndPort)
        {
            string reason = exit.Reason.ToString();
            Begin(new ReadOnlySpan<byte>(_ram + ReadOnlyMemory, 0x1000).ToArray());
            return reason;
        }

        Save(ref outcome->Image);
        new ReadOnlySpan<byte>(_ram + DataMemory, OracleLayout.DataSize).CopyTo(new Span<byte>(outcome->Data, OracleLayout.DataSize));

        // A branch into the middle of an instruction can have loaded one.
        if (HasLoadedSegments()) Begin(new ReadOnlySpan<byte>(_ram + ReadOnlyMemory, 0x1000).ToArray());
        return null;
    }

    public void Dispose()
    {
        _watchdog.Dispose();
        _vcpu.Dispose();
        _accelerator.Dispose();
        _memory.Dispose();
    }

    private void PutCode(OracleCase* test)
    {
        ReadOnlySpan<byte> code = new(test->Code, (int)test->CodeLength);
        int first = Math.Min(code.Length, 0x1000 - (int)(test->Image.Rip & 0xFFF));
        code[..first].CopyTo(CodeMemoryAt(test->Image.Rip, first));
        code[first..].CopyTo(CodeMemoryAt(test->Image.Rip + (ulong)first, code.Length - first));
    }

    private Span<byte> CodeMemoryAt(ulong linear, int length) => length == 0 ? [] : new(_ram + CodeAddress(linear), length);

    private static int CodeAddress(ulong linear)
    {
        if (linear < OracleLayout.Edge) return CodeMemory + (int)(linear - OracleLayout.Code);
        if (linear >= OracleLayout.Pairs) return PairAddress((int)(linear - OracleLayout.Pairs) >> 12) + (int)(linear & 0xFFF);
        int distance = (int)(linear - OracleLayout.Edge);
        return EdgeMemory + ((distance >> 13) * 0x1000) + (distance & 0xFFF);
    }

    // The second page of a pair lies before the first in memory.
    private static int PairAddress(int page) => PairMemory + ((page ^ 1) << 12);

    private static void Check(ref VmExit exit)
    {
        if (exit.Reason != VmExitReason.PortIo) throw new InvalidOperationException($"The guest of the differential test doesn't start: {exit.Reason}.");
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
        image.LoadFloatingPoint(_cpu);
        _cpu->Segments[Seg.Ds].Selector = OracleLayout.Stack;
        _cpu->Segments[Seg.Fs].Base = OracleLayout.FsBase;
        _cpu->Segments[Seg.Gs].Base = OracleLayout.GsBase;
    }

    private void Save(ref MachineImage image)
    {
        int vector = (int)(_cpu->Rip - High - Handlers) / HandlerSize;
        bool hasError = vector < 64 && (ErrorCodeVectors >> vector & 1) != 0;
        ulong* frame = (ulong*)(_ram + (_cpu->Gpr[Gpr.Rsp] - High));
        image.Words[MachineImage.TrapWord] = (ulong)vector;
        image.Words[MachineImage.ErrorWord] = hasError ? *frame++ : 0;
        image.Words[MachineImage.Cr2Word] = _cpu->Cr2;
        for (int i = 0; i < 16; i++) image.SetGeneral(i, _cpu->Gpr[i]);
        image.Rip = frame[0];
        image.Words[MachineImage.SelectorsWord] = frame[1];
        image.Rflags = frame[2];
        image.SetGeneral(Gpr.Rsp, frame[3]);
        image.SaveFloatingPoint(_cpu);
    }

    private bool HasLoadedSegments() => _cpu->Segments[Seg.Ds].Selector != OracleLayout.Stack || _cpu->Segments[Seg.Es].Selector != OracleLayout.Stack
        || _cpu->Segments[Seg.Fs].Selector != 0 || _cpu->Segments[Seg.Gs].Selector != 0;

    private void Watch()
    {
        long cases = Volatile.Read(ref _cases);
        if (cases == _casesSeen) _vcpu.Kick();
        _casesSeen = cases;
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
            // Linux lets user code raise #BP and #OF by instructions.
            byte dpl = (byte)(vector is 3 or 4 ? 3 : 0);
            int handler = Handlers + (vector * HandlerSize);
            GateDescriptor gate = GateDescriptor.Create(DescriptorType.InterruptGate, KernelCode, High + (ulong)handler, dpl);
            Put(Idt + (vector * 16), gate.Low);
            Put(Idt + (vector * 16) + 8, gate.High);
            ReadOnlySpan<byte> code = [0xE6, (byte)EndPort, 0x48, 0xCF];
            code.CopyTo(new Span<byte>(_ram + handler, HandlerSize));
        }

        const ulong Table = Present | Writable | User | AccessedDirty;
        int next = Tables;
        int root = next;
        int upper = next += 0x1000;
        int upperDirectory = next += 0x1000;
        int lower = next += 0x1000;
        int lowerDirectory = next += 0x1000;
        Put(root + (256 * 8), (ulong)upper | Table);
        Put(upper, (ulong)upperDirectory | Table);
        Put(upperDirectory, Present | Writable | AccessedDirty | 0x80);
        Put(root, (ulong)lower | Table);
        Put(lower, (ulong)lowerDirectory | Table);
        foreach (ulong region in (ReadOnlySpan<ulong>)[OracleLayout.Code, OracleLayout.Data])
        {
            next += 0x1000;
            Put(lowerDirectory + ((int)(region >> 21) * 8), (ulong)next | Table);
        }


        // Nothing writes to code: what it then does nobody could judge.
        const ulong Unwritable = Table & ~Writable;
        MapPages(next - 0x1000, OracleLayout.Code, CodeMemory, OracleLayout.CodePages, Unwritable);
        for (int i = 0; i < OracleLayout.EdgePages; i++)
        {
            MapPages(next - 0x1000, OracleLayout.Edge + ((ulong)i * 0x2000), EdgeMemory + (i * 0x1000), 1, Unwritable);
        }

        for (int i = 0; i < OracleLayout.PairCount * 2; i++) MapPages(next - 0x1000, OracleLayout.Pairs + ((ulong)i << 12), PairAddress(i), 1, Unwritable);
        MapPages(next, OracleLayout.Data, DataMemory, 2, Table | NoExecute);
        MapPages(next, OracleLayout.ReadOnly, ReadOnlyMemory, 1, Unwritable | NoExecute);
    }

    private void MapPages(int table, ulong linear, int physical, int count, ulong flags)
    {
        for (int i = 0; i < count; i++)
        {
            Put(table + ((int)((linear >> 12) & 511) * 8) + (i * 8), ((ulong)physical + ((ulong)i << 12)) | flags);
        }
    }

    private void BuildStart(ulong components)
    {
        const uint Code64Access = 0xA09B;
        const uint DataAccess = 0xC093;
        const uint UserDataAccess = 0xC0F3;
        const uint BusyTask = 0x8B;
        _vcpu.GetState(_start);
        _start.Segments[Seg.Cs] = new SegmentRegister(KernelCode, 0, uint.MaxValue, Code64Access);
        _start.Segments[Seg.Ss] = new SegmentRegister(KernelData, 0, uint.MaxValue, DataAccess);
        _start.Segments[Seg.Ds] = new SegmentRegister(OracleLayout.Stack, 0, uint.MaxValue, UserDataAccess);
        _start.Segments[Seg.Es] = _start.Segments[Seg.Ds];
        _start.Segments[Seg.Fs] = new SegmentRegister(0, OracleLayout.FsBase, 0, SegmentRegister.UnusableBit);
        _start.Segments[Seg.Gs] = new SegmentRegister(0, OracleLayout.GsBase, 0, SegmentRegister.UnusableBit);
        _start.Segments[Seg.Tr] = new SegmentRegister(TaskSelector, High + Tss, 0x67, BusyTask);
        _start.Segments[Seg.Ldtr] = new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit);
        _start.Gdtr = new DescriptorTable(High + Gdt, 0x7F);
        _start.Idtr = new DescriptorTable(High + Idt, 0xFFF);
        _start.Cr0 = Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.PG;
        _start.Cr3 = Tables;
        _start.Cr4 = Cr4.PAE | Cr4.OSFXSR | Cr4.OSXMMEXCPT | Cr4.FSGSBASE | Cr4.OSXSAVE;
        _start.Efer = Efer.LME | Efer.LMA | Efer.SCE | Efer.NXE;
        _start.Xcr0 = components;
        _start.Rip = High + Handlers;
        _start.Gpr[Gpr.Rsp] = High + Frame;
        _start.Rflags = 2;
    }

    private void SetGdt(int selector, ulong raw) => Put(Gdt + selector, raw);

    private void Put(int address, ulong value) => *(ulong*)(_ram + address) = value;
}
