using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Kvm.Run;
using Vitrine.Accelerators.Kvm.State;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm;

/// <summary>
/// A vCPU of another client's in this process, looked at through the client's own descriptor. Its calls wait while another thread's call on the vCPU lasts, as all do:
/// only for the thread that makes the client's.
/// </summary>
public sealed unsafe class ForeignKvmVcpu : IDisposable
{
    // SAFETY: for the whole type: the pages are mapped until this is disposed.
    private readonly KvmVcpuHandle _handle;
    private readonly KvmRunMapping _mapping;
    private readonly KvmStateTransfer _transfer;

    internal ForeignKvmVcpu(KvmVcpuHandle handle, KvmRunMapping mapping, int length, KvmStateTransfer transfer)
    {
        (_handle, _mapping, _transfer) = (handle, mapping, transfer);
        PagesLength = (nuint)length;

        // A machine has it or not before it has a vCPU.
        kvm_lapic_state apic = default;
        transfer.HasLocalApic = handle.TryCall(KvmIoctl.KVM_GET_LAPIC, ref apic) >= 0;
    }

    /// <summary>Address of the pages that KVM shares with the client, mapped a second time; they begin with struct kvm_run.</summary>
    public nint Pages => (nint)_mapping.Run;

    /// <summary>The local APIC is KVM's: HLT waits inside KVM_RUN.</summary>
    public bool HasLocalApic => _transfer.HasLocalApic;

    /// <summary>Bytes of them.</summary>
    public nuint PagesLength { get; }

    /// <summary>The client's descriptor of it: the one that it uses now, because it may have closed others.</summary>
    public int Descriptor
    {
        get => _handle.Descriptor;
        set => _handle.Descriptor = value;
    }

    /// <summary>KVM's number of the last exit.</summary>
    public uint ExitReason
    {
        get => _mapping.Run->exit_reason;
        set => _mapping.Run->exit_reason = value;
    }

    /// <summary>Reads all registers.</summary>
    /// <exception cref="VitrineException">KVM refuses.</exception>
    public void GetState(ProcessorState state) => _transfer.Get(state);

    /// <summary>KVM_GET_MP_STATE; null where KVM refuses.</summary>
    public MpState? ReadActivity()
    {
        kvm_mp_state mp = default;
        return _handle.TryCall(KvmIoctl.KVM_GET_MP_STATE, ref mp) >= 0 && MpStateCodec.TryDecode(mp, out MpState decoded) ? decoded : null;
    }

    /// <summary>The client has set CPUID, and with it what MSRs there are.</summary>
    public void CpuidChanged() => _transfer.CpuidChanged();

    /// <summary>KVM_TRANSLATE.</summary>
    /// <param name="linear">The linear address.</param>
    /// <param name="gpa">The guest-physical address.</param>
    /// <returns>False where nothing is mapped.</returns>
    public bool TryTranslate(ulong linear, out ulong gpa)
    {
        var translation = new kvm_translation { linear_address = linear };
        gpa = 0;
        if (_handle.TryCall(KvmIoctl.KVM_TRANSLATE, ref translation) < 0 || translation.valid == 0) return false;
        gpa = translation.physical_address;
        return true;
    }

    /// <summary>Lets KVM_RUN return behind each instruction, or no more (KVM_SET_GUEST_DEBUG).</summary>
    /// <returns>False where KVM refuses.</returns>
    public bool TrySetStepping(bool steps)
    {
        var debug = new kvm_guest_debug { control = steps ? KvmConstants.KVM_GUESTDBG_ENABLE | KvmConstants.KVM_GUESTDBG_SINGLESTEP : 0 };
        return _handle.TryCall(KvmIoctl.KVM_SET_GUEST_DEBUG, ref debug) >= 0;
    }

    /// <summary>
    /// Finishes the instruction that left for the client, and no further: KVM completes an access before it looks at immediate_exit. What the client has put there stays.
    /// </summary>
    /// <returns>What KVM_RUN returns: -EINTR when the instruction is done, 0 for one more exit of it, or another error.</returns>
    public int Complete()
    {
        kvm_run* run = _mapping.Run;
        byte before = run->immediate_exit;
        run->immediate_exit = 1;
        int result = _handle.Run();

        // A signal handler of the client's may have set it meanwhile; that it is cleared then is as if the signal had come before the call.
        if (before == 0) run->immediate_exit = 0;
        return result;
    }

    /// <summary>Decodes the last exit, and leaves it as it is.</summary>
    /// <returns>False for one that is no instruction's.</returns>
    public bool TryDecodeExit(ref VmExit exit) =>
        ExitReason != KvmExit.KVM_EXIT_IRQ_WINDOW_OPEN && KvmExitDecoder.Decode(_mapping.Run, ref exit);

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Dispose();
        _handle.Dispose();
    }
}
