using Vitrine.Accelerators;
using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Watch;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.Run;

/// <summary>
/// KVM_RUN of one vCPU: enters the guest, answers what KVM answers itself, and describes in struct kvm_run what the client has to answer
/// (Documentation/virt/kvm/api.rst, 5 "The kvm_run structure"). The vCPU's lock is held.
/// </summary>
internal sealed unsafe class VcpuRun
{
    // SAFETY: for the whole type: _page is the vCPU's shared pages, mapped as long as this object lives, and what the client writes there is read once and checked.
    private const int PageSize = 4096;
    private const int MmioBytes = 8;

    private readonly ServedVcpu _vcpu;
    private readonly VmEngine _engine;
    private readonly kvm_run* _page;
    private readonly byte* _portData;
    private readonly AttentionBlock* _attention;
    private readonly RunWatch? _watch;
    private Answer _awaited;
    private int _length;

    // The instruction of the last exit has not been completed.
    private bool _isUnfinished;

    /// <summary>The runs of a vCPU.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="engine">Its machine.</param>
    /// <param name="pages">Its shared pages.</param>
    /// <param name="attention">What signal handlers store to.</param>
    /// <param name="watch">Who looks at what happens inside; null for nobody.</param>
    public VcpuRun(ServedVcpu vcpu, VmEngine engine, byte* pages, AttentionBlock* attention, RunWatch? watch)
    {
        _watch = watch;
        _vcpu = vcpu;
        _engine = engine;
        _page = (kvm_run*)pages;
        _portData = pages + (VcpuPages.PortDataPage * PageSize);
        _attention = attention;
    }

    private enum Answer
    {
        None,
        Port,
        Mmio,
        Msr,
    }

    /// <summary>How often what has happened.</summary>
    public VcpuCounters Counters { get; } = new();

    /// <summary>Enters the guest until the client is needed.</summary>
    /// <returns>0; -EINTR, -EFAULT, or -EIO when the server has failed.</returns>
    public long Run()
    {
        IVcpuParts parts = _vcpu.Parts;
        TakeAnswer();
        bool atClient = _engine.Behavior.LocalApicAtClient;
        if (atClient) _vcpu.Parts.Cr8 = _page->cr8;
        parts.RequestInterruptWindow = atClient && _page->request_interrupt_window != 0;
        bool leave = _page->immediate_exit != 0;
        if (leave && !_isUnfinished)
        {
            _page->exit_reason = KvmExit.KVM_EXIT_INTR;
            ShowState();
            return -Errno.EINTR;
        }

        DoubtMemory();
        _attention->InRun = 1;
        long result;
        try
        {
            // What an exit has left unfinished is finished all the same, and nothing else.
            if (leave) _vcpu.Cpu.Inspection.SingleStep = true;
            _isUnfinished = false;
            result = Loop(leave);
        }
        finally
        {
            _attention->InRun = 0;
            _watch?.Leave();
            if (leave) _vcpu.Cpu.Inspection.SingleStep = ClientSteps;
        }

        ShowState();
        return result;
    }

    // What completes an instruction ends the client's own step too, which is told before a signal.
    private bool ClientSteps => _vcpu.Parts.Debugging is { SingleStep: true };

    // At every return, whatever its reason: a client gives the next interrupt by what it finds here.
    private void ShowState()
    {
        IVcpuParts parts = _vcpu.Parts;
        _page->if_flag = parts.InterruptsEnabled ? (byte)1 : (byte)0;
        _page->ready_for_interrupt_injection = !_engine.Behavior.LocalApicAtClient || parts.ReadyForInterrupt ? (byte)1 : (byte)0;
        _page->cr8 = parts.Cr8;
        _page->apic_base = parts.ApicBase;
        _page->flags = 0;
    }

    private long Loop(bool leave)
    {
        _watch?.Enter();
        while (true)
        {
            if (_engine.Defect is not null) return -Errno.EIO;
            ref VmExit exit = ref _vcpu.Cpu.Run();
            Counters.Note(exit.Reason);
            if (_watch is not null && _watch.TakeStep(ref exit) && !leave) continue;
            switch (exit.Reason)
            {
                case VmExitReason.PortIo:
                    if (_engine.Interrupts.TryHandlePort(exit.Port, exit.Size, exit.Count, exit.IsWrite, exit.Data)) continue;
                    DescribePort(ref exit);
                    return 0;
                case VmExitReason.Mmio:
                    if (_engine.Interrupts.TryHandleMemory(exit.Address, exit.Size, exit.IsWrite, exit.Data)) continue;
                    if (_engine.Slots.IsHole(exit.Address, exit.IsWrite)) return MissMemory();
                    DescribeMmio(ref exit);
                    return 0;
                case VmExitReason.Debug when leave && !ClientSteps:
                    _page->exit_reason = KvmExit.KVM_EXIT_INTR;
                    return -Errno.EINTR;
                case VmExitReason.Interrupted:
                    if (leave || _attention->Signal != 0)
                    {
                        _attention->Signal = 0;
                        Counters.NoteSignal();
                        _page->exit_reason = KvmExit.KVM_EXIT_INTR;
                        return -Errno.EINTR;
                    }

                    _vcpu.Attend();
                    _watch?.Enter();
                    continue;
                case VmExitReason.IoapicEoi:
                    if (!_engine.Interrupts.EndOfInterrupt(exit.Vector)) continue;
                    _page->exit_reason = KvmExit.KVM_EXIT_IOAPIC_EOI;
                    _page->eoi.vector = exit.Vector;
                    return 0;
                case VmExitReason.Halt:
                    _page->exit_reason = KvmExit.KVM_EXIT_HLT;
                    return 0;
                case VmExitReason.SetTpr:
                    _page->exit_reason = KvmExit.KVM_EXIT_SET_TPR;
                    return 0;
                case VmExitReason.InterruptWindow:
                    _page->exit_reason = KvmExit.KVM_EXIT_IRQ_WINDOW_OPEN;
                    return 0;
                case VmExitReason.Msr:
                    DescribeMsr(ref exit);
                    return 0;
                case VmExitReason.Debug:
                    _page->exit_reason = KvmExit.KVM_EXIT_DEBUG;
                    _page->debug.arch = new kvm_debug_exit_arch
                    {
                        exception = exit.Vector,
                        pc = exit.Address,
                        dr6 = exit.Detail,
                        dr7 = exit.DebugControl,
                    };
                    return 0;
                case VmExitReason.Shutdown:
                    _page->exit_reason = KvmExit.KVM_EXIT_SHUTDOWN;
                    return 0;
                case VmExitReason.FailEntry:
                    _page->exit_reason = KvmExit.KVM_EXIT_FAIL_ENTRY;
                    _page->fail_entry = new kvm_run_fail_entry { hardware_entry_failure_reason = exit.Detail, cpu = 0 };
                    return 0;
                case VmExitReason.HaltForever:
                    // The machine waits as a real one does: until somebody does something.
                    continue;
                case VmExitReason.InternalError when _vcpu.Cpu.Inspection.HostFault is not null:
                    // A slot shows memory that the client has unmapped.
                    return -Errno.EFAULT;
                case VmExitReason.InternalError when IsCodeMissing():
                    return MissMemory();
                default:
                    DescribeError(ref exit);
                    return 0;
            }
        }
    }

    // The instruction begins anew: the memory may have come until then.
    private long MissMemory()
    {
        _vcpu.Parts.AbandonAccess();
        return -Errno.EFAULT;
    }

    // No instruction is longer than 15 bytes; it may begin on one page and end on the next.
    private bool IsCodeMissing()
    {
        const int Longest = 15;
        _vcpu.Parts.Get(_vcpu.State, StateParts.General | StateParts.Special);
        ulong first = _vcpu.State.Segments[Seg.Cs].Base + _vcpu.State.Rip;
        return IsMissing(first) || IsMissing(first + Longest - 1);
    }

    private bool IsMissing(ulong linear) => _vcpu.Cpu.Inspection.TryTranslate(linear, out ulong address) && _engine.Slots.IsHole(address, isWrite: false);

    private void DoubtMemory()
    {
        _vcpu.Cpu.Coherence?.Doubt(_vcpu.Doubt);
        _vcpu.ForgetWritten();
    }

    /// <summary>Gives the engine what the client has answered.</summary>
    private void TakeAnswer()
    {
        // The vCPU may be another engine's than the one that left.
        ref VmExit exit = ref _vcpu.Parts.LastExit;
        switch (_awaited)
        {
            case Answer.Port:
                new ReadOnlySpan<byte>(_portData, _length).CopyTo(exit.Data);
                break;
            case Answer.Mmio:
                new ReadOnlySpan<byte>(_page->mmio.data, _length).CopyTo(exit.Data);
                break;
            case Answer.Msr:
                ulong value = _page->msr.data;
                new ReadOnlySpan<byte>(&value, _length).CopyTo(exit.Data);
                exit.Failed = _page->msr.error != 0;
                break;
        }

        _awaited = Answer.None;
    }

    private void Await(Answer answer, Span<byte> data)
    {
        _awaited = answer;
        _length = data.Length;
    }

    private void DescribePort(ref VmExit exit)
    {
        _isUnfinished = true;
        Span<byte> data = exit.Data[..Math.Min(exit.Data.Length, PageSize)];
        if (exit.IsWrite) data.CopyTo(new Span<byte>(_portData, PageSize));
        else Await(Answer.Port, data);
        _page->exit_reason = KvmExit.KVM_EXIT_IO;
        _page->io = new kvm_run_io
        {
            direction = exit.IsWrite ? KvmConstants.KVM_EXIT_IO_OUT : (byte)0,
            size = (byte)exit.Size,
            port = exit.Port,
            count = (uint)exit.Count,
            data_offset = VcpuPages.PortDataPage * PageSize,
        };
    }

    private void DescribeMmio(ref VmExit exit)
    {
        _isUnfinished = true;
        Span<byte> data = exit.Data[..Math.Min(exit.Data.Length, MmioBytes)];
        _page->exit_reason = KvmExit.KVM_EXIT_MMIO;
        _page->mmio.phys_addr = exit.Address;
        _page->mmio.len = (uint)data.Length;
        _page->mmio.is_write = exit.IsWrite ? (byte)1 : (byte)0;
        if (exit.IsWrite) data.CopyTo(new Span<byte>(_page->mmio.data, MmioBytes));
        else Await(Answer.Mmio, data);
    }

    private void DescribeMsr(ref VmExit exit)
    {
        _isUnfinished = true;
        Span<byte> data = exit.Data[..Math.Min(exit.Data.Length, sizeof(ulong))];
        _page->exit_reason = exit.IsWrite ? KvmExit.KVM_EXIT_X86_WRMSR : KvmExit.KVM_EXIT_X86_RDMSR;
        _page->msr.error = 0;
        _page->msr.index = (uint)exit.Address;
        _page->msr.data = exit.IsWrite ? BitConverter.ToUInt64(data) : 0;
        _page->msr.reason = (MsrExitReasons)exit.Detail switch
        {
            MsrExitReasons.Filter => 4,
            MsrExitReasons.Unknown => 2,
            _ => 1,
        };
        Await(Answer.Msr, data);
    }

    private void DescribeError(ref VmExit exit)
    {
        _page->exit_reason = KvmExit.KVM_EXIT_INTERNAL_ERROR;
        uint suberror = exit.Suberror != 0 ? exit.Suberror : KvmConstants.KVM_INTERNAL_ERROR_EMULATION;
        ReadOnlySpan<byte> code = exit.InstructionBytes;
        if (code.IsEmpty)
        {
            _page->@internal = new kvm_run_internal { suberror = suberror };
            return;
        }

        _page->emulation_failure = new kvm_run_emulation_failure
        {
            suberror = suberror,
            ndata = 4,
            flags = KvmConstants.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
            insn_size = (byte)Math.Min(code.Length, 15),
        };
        code[..Math.Min(code.Length, 15)].CopyTo(new Span<byte>(_page->emulation_failure.insn_bytes, 15));
    }
}
