using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Run;

/// <summary>Turns <see cref="kvm_run"/> into a <see cref="VmExit"/>.</summary>
// SAFETY: for the whole type: the page and what it points to belong to KVM, which fills in the member that exit_reason names;
// data_offset, size and count are the kernel's, not the guest's, and stay inside the mapping.
internal static unsafe class KvmExitDecoder
{
    private const int MaximumInstructionLength = 15;

    /// <summary>Decodes the exit.</summary>
    /// <returns>False for an exit that is no one's business: the vCPU is to be entered again.</returns>
    public static bool Decode(kvm_run* run, ref VmExit exit)
    {
        switch (run->exit_reason)
        {
            case KvmExit.KVM_EXIT_IO:
                exit.Reason = VmExitReason.PortIo;
                exit.IsWrite = run->io.direction == KvmConstants.KVM_EXIT_IO_OUT;
                exit.Size = run->io.size;
                exit.Port = run->io.port;
                exit.Count = (int)run->io.count;
                exit.SetData((byte*)run + run->io.data_offset, run->io.size * (int)run->io.count);
                return true;

            case KvmExit.KVM_EXIT_MMIO:
                exit.Reason = VmExitReason.Mmio;
                exit.IsWrite = run->mmio.is_write != 0;
                exit.Size = (int)run->mmio.len;
                exit.Count = 1;
                exit.Address = run->mmio.phys_addr;
                exit.SetData(run->mmio.data, (int)run->mmio.len);
                return true;

            case KvmExit.KVM_EXIT_X86_RDMSR:
            case KvmExit.KVM_EXIT_X86_WRMSR:
                exit.Reason = VmExitReason.Msr;
                exit.IsWrite = run->exit_reason == KvmExit.KVM_EXIT_X86_WRMSR;
                exit.Size = sizeof(ulong);
                exit.Count = 1;
                exit.Address = run->msr.index;
                exit.SetData((byte*)&run->msr.data, sizeof(ulong));
                return true;

            case KvmExit.KVM_EXIT_IRQ_WINDOW_OPEN:
                run->request_interrupt_window = 0;
                return false;

            case KvmExit.KVM_EXIT_HLT:
                exit.Reason = VmExitReason.Halt;
                return true;

            case KvmExit.KVM_EXIT_SHUTDOWN:
                exit.Reason = VmExitReason.Shutdown;
                return true;

            case KvmExit.KVM_EXIT_INTR:
                exit.Reason = VmExitReason.Interrupted;
                return true;

            case KvmExit.KVM_EXIT_IOAPIC_EOI:
                exit.Reason = VmExitReason.IoapicEoi;
                exit.Vector = run->eoi.vector;
                return true;

            case KvmExit.KVM_EXIT_DEBUG:
                exit.Reason = VmExitReason.Debug;
                exit.Vector = (byte)run->debug.arch.exception;
                exit.Address = run->debug.arch.pc;
                exit.Detail = run->debug.arch.dr6;
                return true;

            case KvmExit.KVM_EXIT_SYSTEM_EVENT:
                exit.Reason = VmExitReason.SystemEvent;
                exit.Detail = run->system_event.type;
                return true;

            case KvmExit.KVM_EXIT_FAIL_ENTRY:
                exit.Reason = VmExitReason.FailEntry;
                exit.Detail = run->fail_entry.hardware_entry_failure_reason;
                return true;

            case KvmExit.KVM_EXIT_INTERNAL_ERROR:
                DecodeInternalError(run, ref exit);
                return true;

            case KvmExit.KVM_EXIT_MEMORY_FAULT:
                exit.Reason = VmExitReason.InternalError;
                exit.Suberror = 0;
                exit.Address = run->memory_fault.gpa;
                exit.Detail = KvmExit.KVM_EXIT_MEMORY_FAULT;
                exit.SetInstruction(null, 0);
                return true;

            // KVM leaves the guest in a state that it can't enter again.
            case KvmExit.KVM_EXIT_NOTIFY when (run->notify.flags & KvmConstants.KVM_NOTIFY_CONTEXT_INVALID) != 0:
                exit.Reason = VmExitReason.InternalError;
                exit.Suberror = 0;
                exit.Detail = KvmExit.KVM_EXIT_NOTIFY;
                exit.SetInstruction(null, 0);
                return true;

            case KvmExit.KVM_EXIT_SET_TPR:
            case KvmExit.KVM_EXIT_TPR_ACCESS:
            case KvmExit.KVM_EXIT_NMI:
            case KvmExit.KVM_EXIT_X86_BUS_LOCK:
            case KvmExit.KVM_EXIT_DIRTY_RING_FULL:
            case KvmExit.KVM_EXIT_NOTIFY:
                exit.Reason = VmExitReason.Ignorable;
                exit.Detail = run->exit_reason;
                return true;

            default:
                // The hardware's own number is there for KVM_EXIT_UNKNOWN.
                exit.Reason = VmExitReason.Unknown;
                exit.Detail = run->exit_reason;
                exit.Address = run->exit_reason == KvmExit.KVM_EXIT_UNKNOWN ? run->hw.hardware_exit_reason : 0;
                return true;
        }
    }

    private static void DecodeInternalError(kvm_run* run, ref VmExit exit)
    {
        exit.Reason = VmExitReason.InternalError;
        exit.Suberror = run->@internal.suberror;
        exit.Address = 0;
        exit.Detail = run->@internal.ndata > 0 ? run->@internal.data[0] : 0;
        exit.SetInstruction(null, 0);

        // data[0] holds flags, data[1] and data[2] the length and the bytes.
        bool hasBytes = run->@internal.suberror == KvmConstants.KVM_INTERNAL_ERROR_EMULATION &&
            run->emulation_failure.ndata >= 3 &&
            (run->emulation_failure.flags & KvmConstants.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0;
        if (!hasBytes) return;
        int length = Math.Min(run->emulation_failure.insn_size, (byte)MaximumInstructionLength);
        exit.SetInstruction(run->emulation_failure.insn_bytes, length);
    }
}
