using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Kvm.Run;
using Vitrine.Accelerators.Kvm.State;
using Vitrine.Accelerators.Mmu;
using Vitrine.Kvm.Abi;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm;

/// <summary>A vCPU of KVM.</summary>
public sealed unsafe class KvmVcpu : IVirtualCpu, IVcpuInspection
{
    // KVM's local APIC counts at 1 GHz (APIC_BUS_CYCLE_NS is 1).
    private const uint ApicBusKilohertz = 1_000_000;
    private const int NmiRequest = 1;
    private const int ExternalInterruptRequest = 2;

    private readonly KvmAccelerator _accelerator;
    private readonly KvmVcpuHandle _handle;
    private readonly KvmRunMapping _mapping;
    private readonly kvm_run* _run;
    private readonly KvmStateTransfer _transfer;
    private readonly Lock _kickLock = new();
    private VmExit _exit;
    private int _managedThreadId;
    private int _threadId;
    private int _kicked;
    private int _requests;
    private bool _completionPending;
    private bool _exitHeld;
    private bool _stepping;
    private bool _disposed;

    internal KvmVcpu(KvmAccelerator accelerator, int id, KvmVcpuHandle handle, KvmRunMapping mapping, uint tscKilohertz, KvmStateTransfer transfer)
    {
        _accelerator = accelerator;
        _handle = handle;
        _mapping = mapping;
        _run = mapping.Run;
        _transfer = transfer;
        Id = id;
        TscKilohertz = tscKilohertz;
    }

    /// <inheritdoc/>
    public int Id { get; }

    /// <inheritdoc/>
    public uint TscKilohertz { get; }

    /// <inheritdoc/>
    public uint ApicTimerKilohertz => ApicBusKilohertz;

    /// <inheritdoc/>
    public IReadOnlyList<CpuidEntry> SupportedCpuid => _accelerator.SupportedCpuid;

    /// <inheritdoc/>
    public IVcpuInspection Inspection => this;

    /// <summary>KVM does not count: 0.</summary>
    public ulong InstructionsExecuted => 0;

    /// <inheritdoc/>
    /// <remarks>
    /// KVM steps with RFLAGS.TF, which it hides from the guest and from <see cref="GetState"/>; a TF of the guest's own is lost while this is on.
    /// The delivery of an event is no step of its own there: the step ends behind the handler's first instruction where KVM emulates it, and
    /// may run on to its IRET where the processor, which clears TF at delivery, executes it. KVM's emulator moves many elements of a repeated
    /// string instruction in one step, and does not wait in HLT.
    /// </remarks>
    public bool SingleStep { get; set; }

    /// <inheritdoc/>
    public bool TryStopAt(ulong? address) => address is null;

    /// <inheritdoc/>
    public IMmuInspection? Mmu => null;

    /// <summary>KVM's own number of the last exit; <see cref="KvmExitName"/> names it.</summary>
    public uint LastExitReason => _run->exit_reason;

    /// <inheritdoc/>
    public void SetCpuid(ReadOnlySpan<CpuidEntry> entries)
    {
        KvmCpuid.Put(_handle, entries);
        _transfer.CpuidChanged();
    }

    /// <summary>
    /// Reads the whole state. Completes the I/O of the last exit first, so the answer to a read must be in
    /// <see cref="VmExit.Data"/> by then.
    /// </summary>
    public void GetState(ProcessorState state)
    {
        CompletePendingIo();
        _transfer.Get(state);
    }

    /// <inheritdoc/>
    /// <exception cref="Errors.VitrineException">KVM refuses part of the state; what comes before it in the order is written.</exception>
    public void PutState(ProcessorState state, PutLevel level)
    {
        CompletePendingIo();
        _transfer.Put(state, level);
    }

    /// <inheritdoc/>
    /// <exception cref="Errors.VitrineException">KVM_RUN failed.</exception>
    public ref VmExit Run()
    {
        if (_exitHeld)
        {
            _exitHeld = false;
            return ref _exit;
        }

        BindToThread();
        if (SingleStep && _completionPending)
        {
            FinishStep();
            return ref _exit;
        }

        if (SingleStep != _stepping) ApplySingleStep();
        while (true)
        {
            if (Volatile.Read(ref _requests) != 0) ServeRequests();
            int result = _handle.Run();
            _completionPending = false;
            if (result == 0 ? DecodeExit() : DecodeError(-result)) return ref _exit;
        }
    }

    /// <inheritdoc/>
    public void Kick()
    {
        Volatile.Write(ref _kicked, 1);
        LeaveGuest();
    }

    /// <inheritdoc/>
    public void NotifyExternalInterrupt(bool level)
    {
        if (level)
        {
            Interlocked.Or(ref _requests, ExternalInterruptRequest);
            LeaveGuest();
        }
        else
        {
            Interlocked.And(ref _requests, ~ExternalInterruptRequest);
        }
    }

    /// <inheritdoc/>
    public void RaiseNmi()
    {
        // The ioctl would wait for the vCPU to leave KVM_RUN, so the vCPU's own thread makes it.
        Interlocked.Or(ref _requests, NmiRequest);
        LeaveGuest();
    }

    /// <inheritdoc/>
    public bool TryTranslate(ulong gva, out ulong gpa)
    {
        var translation = new kvm_translation { linear_address = gva };
        _handle.Call(KvmIoctl.KVM_TRANSLATE, ref translation);
        gpa = translation.physical_address;
        return translation.valid != 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_kickLock)
        {
            if (_disposed) return;
            _disposed = true;
        }

        _mapping.Dispose();
        _handle.Dispose();
        _accelerator.Forget(this);
    }

    /// <summary>
    /// Finishes the instruction that the last exit interrupted, without running the guest any further:
    /// KVM completes pending I/O before it looks at immediate_exit.
    /// </summary>
    private void CompletePendingIo()
    {
        if (!_completionPending) return;
        _completionPending = false;
        _run->immediate_exit = 1;
        int result = _handle.Run();
        _run->immediate_exit = 0;

        // A kick that came meanwhile keeps its claim on the next run.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _kicked) != 0) _run->immediate_exit = 1;
        if (result == -Errno.EINTR) return;

        // An access that needs several exits, such as one across pages, has its next part ready. A step ends with this call, not with the next run.
        if (result == 0) _exitHeld = DecodeExit() && _exit.Reason != VmExitReason.Debug;
        else throw _handle.Error(KvmIoctl.KVM_RUN, -result);
    }

    private bool DecodeExit()
    {
        bool report = KvmExitDecoder.Decode(_run, ref _exit);
        _completionPending = report && _exit.Reason is VmExitReason.PortIo or VmExitReason.Mmio or VmExitReason.Msr;
        return report;
    }

    private bool DecodeError(int errno)
    {
        switch (errno)
        {
            case Errno.EINTR:
                _run->immediate_exit = 0;
                bool kicked = Interlocked.Exchange(ref _kicked, 0) != 0;
                _exit.Reason = VmExitReason.Interrupted;

                // Left for a request only: serve it and go on.
                return kicked || Volatile.Read(ref _requests) == 0;

            case Errno.EAGAIN:
                // An application processor has taken INIT or SIPI and is now to be run.
                return false;

            case Errno.EFAULT or Errno.EHWPOISON when _run->exit_reason == KvmExit.KVM_EXIT_MEMORY_FAULT:
                return DecodeExit();

            default:
                throw _handle.Error(KvmIoctl.KVM_RUN, errno);
        }
    }

    private void ServeRequests()
    {
        if ((Interlocked.And(ref _requests, ~NmiRequest) & NmiRequest) != 0) _handle.Call(KvmIoctl.KVM_NMI);
        if ((Volatile.Read(ref _requests) & ExternalInterruptRequest) == 0 || _accelerator.ExternalInterrupts is not { } source)
        {
            _run->request_interrupt_window = 0;
            return;
        }

        if (_run->ready_for_interrupt_injection == 0)
        {
            // KVM leaves the guest as soon as it can take an interrupt.
            _run->request_interrupt_window = 1;
            return;
        }

        // Acknowledging lowers the line, unless more interrupts wait; then the next window is asked for.
        var interrupt = new kvm_interrupt { irq = source.Acknowledge() };
        _handle.Call(KvmIoctl.KVM_INTERRUPT, ref interrupt);
        _run->ready_for_interrupt_injection = 0;
        _run->request_interrupt_window = (byte)((Volatile.Read(ref _requests) & ExternalInterruptRequest) != 0 ? 1 : 0);
    }

    // Here rather than when it is set, so that stepping again and again costs no further call.
    private void ApplySingleStep()
    {
        var debug = new kvm_guest_debug
        {
            control = SingleStep ? KvmConstants.KVM_GUESTDBG_ENABLE | KvmConstants.KVM_GUESTDBG_SINGLESTEP : 0,
        };
        _handle.Call(KvmIoctl.KVM_SET_GUEST_DEBUG, ref debug);
        _stepping = SingleStep;
    }

    // KVM's emulator does not look at TF when it completes an access to a device: the next instruction would belong to the step.
    private void FinishStep()
    {
        CompletePendingIo();
        if (_exitHeld)
        {
            _exitHeld = false;
            return;
        }

        kvm_regs regs = default;
        kvm_sregs sregs = default;
        _handle.Call(KvmIoctl.KVM_GET_REGS, ref regs);
        _handle.Call(KvmIoctl.KVM_GET_SREGS, ref sregs);
        _exit.Reason = VmExitReason.Debug;
        _exit.Vector = ExceptionVector.DB;
        _exit.Address = sregs.cs.l != 0 ? regs.rip : (uint)(sregs.cs.@base + regs.rip);
        _exit.Detail = Dr6.BS;
    }

    private void BindToThread()
    {
        int managed = Environment.CurrentManagedThreadId;
        if (managed == _managedThreadId) return;
        _managedThreadId = managed;

        // A full barrier: a kicker that doesn't see the thread has set immediate_exit where this thread will see it.
        Interlocked.Exchange(ref _threadId, Libc.GetThreadId());
    }

    /// <summary>
    /// Makes KVM_RUN return. immediate_exit serves a thread that is about to enter, the signal one that is inside:
    /// KVM looks at the flag at entry only.
    /// </summary>
    private void LeaveGuest()
    {
        lock (_kickLock)
        {
            if (_disposed) return;
            _run->immediate_exit = 1;
            Interlocked.MemoryBarrier();
            int thread = Volatile.Read(ref _threadId);
            if (thread != 0 && _managedThreadId != Environment.CurrentManagedThreadId) KickSignal.Send(thread);
        }
    }
}
