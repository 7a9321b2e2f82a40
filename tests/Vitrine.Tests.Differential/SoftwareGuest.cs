using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// The software CPU, set up for a user program as Linux sets up the host's. <see cref="UserKernel"/> runs the cases.
/// <code>
///  physical  100000 code  110000 edge pages  118000 pairs  130000 data
/// </code>
/// </summary>
// SAFETY: pointers are into the memory slot and the vCPU's state, which live as long as the object; guest-physical
// constants lie within the slot; cases and outcomes are the callers'.
internal sealed unsafe class SoftwareGuest : IDisposable
{
    /// <summary>What <see cref="Run"/> returns when the watchdog had to end it.</summary>
    public const string Kicked = nameof(VmExitReason.Interrupted);

    private const int CodeMemory = 0x10_0000;
    private const int EdgeMemory = 0x11_0000;
    private const int PairMemory = 0x11_8000;
    private const int DataMemory = 0x13_0000;
    private const int ReadOnlyMemory = DataMemory + OracleLayout.DataSize;

    private static readonly int[] _dataSegments = [Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs];

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator;
    private readonly SoftwareVcpu _vcpu;
    private readonly CpuState* _cpu;
    private readonly byte* _ram;
    private readonly UserKernel _kernel;
    private readonly ProcessorState _start = new();
    private readonly Timer _watchdog;
    private long _cases;
    private long _casesSeen = -1;

    public SoftwareGuest(CodeSelection selection)
    {
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = selection.Engine });
        MemorySlot ram = _memory.Add("ram", new Gpa(0), UserKernel.MemorySize);
        _ram = ram.Pointer;
        _accelerator.SetMemorySlot(ram);
        _vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);
        _vcpu.SetCpuid(selection.Cpuid);
        ulong components = new CpuidTable(selection.Cpuid).Lookup(0xD, 0).Eax;
        _cpu = _vcpu.State;
        _kernel = new UserKernel(_ram, _cpu);
        MapPages();
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
        if (exit.Reason != VmExitReason.PortIo || exit.Port != UserKernel.EndPort)
        {
            string reason = exit.Reason.ToString();
            Begin(new ReadOnlySpan<byte>(_ram + ReadOnlyMemory, 0x1000).ToArray());
            return reason;
        }

        Save(ref outcome->Image);
        new ReadOnlySpan<byte>(_ram + DataMemory, OracleLayout.DataSize).CopyTo(new Span<byte>(outcome->Data, OracleLayout.DataSize));
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
        int first = Math.Min(code.Length, 0x1000 - (int)(test->CodeAddress & 0xFFF));
        code[..first].CopyTo(CodeMemoryAt(test->CodeAddress, first));
        code[first..].CopyTo(CodeMemoryAt(test->CodeAddress + (ulong)first, code.Length - first));
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
        _kernel.Load(ref image);
        foreach (int segment in _dataSegments) LoadSegment(segment, image.Selector(segment));
    }

    private void LoadSegment(int segment, ushort selector)
    {
        if (LocalSegments.Find(selector) is { } local)
        {
            SegmentLoad.Store(_cpu, segment, selector, local.Descriptor);
            return;
        }

        // Null leaves FS and GS their bases in 64-bit code.
        ref SegmentRegister start = ref _start.Segments[selector == OracleLayout.Stack ? Seg.Ds : segment == Seg.Gs ? Seg.Gs : Seg.Fs];
        ref SegmentCache cache = ref _cpu->Segments[segment];
        cache.Selector = selector;
        cache.Base = start.Base;
        cache.Limit = start.Limit;
        cache.Access = start.Access;
    }

    private void Save(ref MachineImage image)
    {
        _kernel.Save(ref image);
        foreach (int segment in _dataSegments) image.SetDataSelector(segment, (ushort)_cpu->Segments[segment].Selector);
    }

    private void Watch()
    {
        long cases = Volatile.Read(ref _cases);
        if (cases == _casesSeen) _vcpu.Kick();
        _casesSeen = cases;
    }

    private void MapPages()
    {
        const int PageSize = 0x1000;
        const ulong Writable = UserKernel.Writable | UserKernel.NoExecute;

        // Nothing writes to code: what it then does nobody could judge.
        _kernel.Map(OracleLayout.Code, CodeMemory, OracleLayout.CodePages * PageSize, 0);
        for (int i = 0; i < OracleLayout.EdgePages; i++) _kernel.Map(OracleLayout.Edge + ((ulong)i * 0x2000), EdgeMemory + (i * PageSize), PageSize, 0);
        for (int i = 0; i < OracleLayout.PairCount * 2; i++) _kernel.Map(OracleLayout.Pairs + ((ulong)i << 12), PairAddress(i), PageSize, 0);
        _kernel.Map(OracleLayout.Data, DataMemory, OracleLayout.DataSize, Writable);
        _kernel.Map(OracleLayout.ReadOnly, ReadOnlyMemory, PageSize, UserKernel.NoExecute);
    }

    private void BuildStart(ulong components)
    {
        _vcpu.GetState(_start);
        _kernel.Start(_start);
        _start.Segments[Seg.Fs] = new SegmentRegister(0, OracleLayout.FsBase, 0, SegmentRegister.UnusableBit);
        _start.Segments[Seg.Gs] = new SegmentRegister(0, OracleLayout.GsBase, 0, SegmentRegister.UnusableBit);
        _kernel.StartLocalTable(_start);
        _start.Cr4 |= Cr4.FSGSBASE | Cr4.OSXSAVE;
        _start.Efer |= Efer.SCE;
        _start.Xcr0 = components;
    }
}
