using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>
/// The register protocol: moves a vCPU's state between <see cref="ProcessorState"/> and KVM, in the order that KVM's checks need.
/// What the structures hold is <see cref="Vitrine.Kvm.Abi.Codec"/>'s business.
/// </summary>
/// <remarks>
/// Nested-virtualisation state has its place after the special registers, but there is none: no CPU model offers VMX or SVM.
/// </remarks>
internal sealed class KvmStateTransfer
{
    // The local APIC's version register; no APIC has 0 there.
    private const int ApicVersionOffset = 0x30;

    // Of a kvm_xsave.
    private const int LegacyXsaveSize = 4096;

    private readonly KvmVcpuHandle _vcpu;
    private readonly KvmMsrTransfer _msrs;
    private readonly bool _hasSregs2;
    private readonly bool _hasTripleFaultEvent;
    private readonly uint _getXsave;
    private readonly uint _tscKilohertz;
    private readonly int _pkruOffset;
    private readonly byte[] _xsave;

    public KvmStateTransfer(KvmVcpuHandle vcpu, KvmCapabilities capabilities, uint[] msrs, int xsaveSize, int pkruOffset, uint tscKilohertz)
    {
        _vcpu = vcpu;
        _msrs = new KvmMsrTransfer(vcpu, msrs);
        _hasSregs2 = capabilities.Has(KvmCap.KVM_CAP_SREGS2);
        _hasTripleFaultEvent = capabilities.Has(KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT);
        _getXsave = xsaveSize > 0 ? KvmIoctl.KVM_GET_XSAVE2 : KvmIoctl.KVM_GET_XSAVE;
        _xsave = new byte[Math.Max(xsaveSize, LegacyXsaveSize)];
        _tscKilohertz = tscKilohertz;
        _pkruOffset = pkruOffset;
    }

    /// <summary>The local APIC is KVM's, and read with the rest.</summary>
    public bool HasLocalApic { get; set; } = true;

    /// <summary>CPUID has changed, and with it what MSRs there are.</summary>
    public void CpuidChanged() => _msrs.Forget();

    /// <summary>Reads everything. MP state comes first: KVM takes INIT and SIPI then, which changes CS and RIP.</summary>
    public void Get(ProcessorState state)
    {
        GetMpState(state);
        GetEvents(state);
        GetRegs(state);
        GetXsave(state);
        GetXcrs(state);
        GetSregs(state);
        _msrs.Read(state.Msrs);
        if (HasLocalApic) GetLocalApic(state);
        GetDebugRegs(state);
    }

    /// <summary>Writes what <paramref name="level"/> allows.</summary>
    public void Put(ProcessorState state, PutLevel level)
    {
        bool reset = level >= PutLevel.Reset;

        // Locks features that the checks of the following calls depend on.
        if (reset) _msrs.Write(state.Msrs, static index => index == KvmMsrTable.IA32_FEATURE_CONTROL);

        // Before the general registers: RFLAGS.VM and RIP are checked against the mode.
        PutSregs(state);
        if (level == PutLevel.Full && _tscKilohertz != 0) _vcpu.Call(KvmIoctl.KVM_SET_TSC_KHZ, (nint)_tscKilohertz);
        PutRegs(state);
        PutXsave(state);
        PutXcrs(state);
        _msrs.Write(state.Msrs, reset ? IsOrdinaryMsr : IsRunningMsr);

        // After the registers: writing those drops an exception in flight.
        PutEvents(state, reset);
        if (reset)
        {
            PutMpState(state);
            PutLocalApic(state);
        }

        // KVM ignores a deadline until the APIC timer is in that mode.
        _msrs.Write(state.Msrs, static index => index == KvmMsrTable.IA32_TSC_DEADLINE);
        PutDebugRegs(state);
    }

    private static bool IsOrdinaryMsr(uint index) =>
        index is not KvmMsrTable.IA32_TSC_DEADLINE and not KvmMsrTable.IA32_FEATURE_CONTROL;

    private static bool IsRunningMsr(uint index) => IsOrdinaryMsr(index) && !KvmMsrTable.OnlyAtReset(index);

    private void GetMpState(ProcessorState state)
    {
        kvm_mp_state mp = default;
        _vcpu.Call(KvmIoctl.KVM_GET_MP_STATE, ref mp);
        Demand(MpStateCodec.TryDecode(mp, out MpState decoded), nameof(KvmIoctl.KVM_GET_MP_STATE));
        state.MpState = decoded;
    }

    private void PutMpState(ProcessorState state)
    {
        kvm_mp_state mp = MpStateCodec.Encode(state.MpState);
        _vcpu.Call(KvmIoctl.KVM_SET_MP_STATE, ref mp);
    }

    private void GetEvents(ProcessorState state)
    {
        kvm_vcpu_events kvm = default;
        _vcpu.Call(KvmIoctl.KVM_GET_VCPU_EVENTS, ref kvm);

        // A client that is looked at may have turned on KVM_CAP_EXCEPTION_PAYLOAD: what comes with the exception is in CR2 and DR6 only later.
        kvm.flags &= ~KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD;
        PendingEvents events = default;
        Demand(VcpuEventsCodec.TryDecode(kvm, ref events), nameof(KvmIoctl.KVM_GET_VCPU_EVENTS));
        state.Events = events;
    }

    private void PutEvents(ProcessorState state, bool reset)
    {
        uint flags = KvmConstants.KVM_VCPUEVENT_VALID_SHADOW;

        // At run time another thread may have queued an NMI or a SIPI since the state was read.
        if (reset) flags |= KvmConstants.KVM_VCPUEVENT_VALID_NMI_PENDING | KvmConstants.KVM_VCPUEVENT_VALID_SIPI_VECTOR;
        if (_hasTripleFaultEvent) flags |= KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
        kvm_vcpu_events events = VcpuEventsCodec.Encode(state.Events, flags);
        _vcpu.Call(KvmIoctl.KVM_SET_VCPU_EVENTS, ref events);
    }

    private void GetRegs(ProcessorState state)
    {
        kvm_regs regs = default;
        _vcpu.Call(KvmIoctl.KVM_GET_REGS, ref regs);
        RegsCodec.Decode(regs, state);
    }

    private void PutRegs(ProcessorState state)
    {
        kvm_regs regs = RegsCodec.Encode(state);
        _vcpu.Call(KvmIoctl.KVM_SET_REGS, ref regs);
    }

    private void GetXsave(ProcessorState state)
    {
        ReadXsave();
        Demand(XsaveCodec.TryDecode(_xsave, _pkruOffset, state), nameof(KvmIoctl.KVM_GET_XSAVE));
    }

    private void PutXsave(ProcessorState state)
    {
        // The area is read first, so that what the state doesn't have (AVX-512, ...) stays.
        ReadXsave();
        XsaveCodec.Encode(state, _pkruOffset, _xsave);
        _vcpu.Call(KvmIoctl.KVM_SET_XSAVE, ref _xsave[0]);
    }

    // The buffer has the size that KVM_CAP_XSAVE2 named, or 4,096 bytes.
    private void ReadXsave() => _vcpu.Call(_getXsave, ref _xsave[0]);

    private void GetXcrs(ProcessorState state)
    {
        kvm_xcrs xcrs = default;
        _vcpu.Call(KvmIoctl.KVM_GET_XCRS, ref xcrs);
        Demand(XcrsCodec.TryDecode(xcrs, state), nameof(KvmIoctl.KVM_GET_XCRS));
    }

    private void PutXcrs(ProcessorState state)
    {
        kvm_xcrs xcrs = XcrsCodec.Encode(state);
        _vcpu.Call(KvmIoctl.KVM_SET_XCRS, ref xcrs);
    }

    private void GetSregs(ProcessorState state)
    {
        if (_hasSregs2)
        {
            kvm_sregs2 sregs = default;
            _vcpu.Call(KvmIoctl.KVM_GET_SREGS2, ref sregs);
            Demand(SregsCodec.TryDecode(sregs, state), nameof(KvmIoctl.KVM_GET_SREGS2));
            return;
        }

        kvm_sregs old = default;
        _vcpu.Call(KvmIoctl.KVM_GET_SREGS, ref old);
        SregsCodec.Decode(old, state);
    }

    private void PutSregs(ProcessorState state)
    {
        if (_hasSregs2)
        {
            kvm_sregs2 sregs = SregsCodec.EncodeSecond(state);
            _vcpu.Call(KvmIoctl.KVM_SET_SREGS2, ref sregs);
            return;
        }

        kvm_sregs old = SregsCodec.Encode(state);
        _vcpu.Call(KvmIoctl.KVM_SET_SREGS, ref old);
    }

    private void GetLocalApic(ProcessorState state)
    {
        kvm_lapic_state lapic = default;
        _vcpu.Call(KvmIoctl.KVM_GET_LAPIC, ref lapic);
        LapicCodec.Decode(lapic, state);
    }

    private void PutLocalApic(ProcessorState state)
    {
        // A state that was built rather than read has no page.
        if (state.LocalApic[ApicVersionOffset] == 0) return;
        kvm_lapic_state lapic = LapicCodec.Encode(state);
        _vcpu.Call(KvmIoctl.KVM_SET_LAPIC, ref lapic);
    }

    private void GetDebugRegs(ProcessorState state)
    {
        kvm_debugregs debug = default;
        _vcpu.Call(KvmIoctl.KVM_GET_DEBUGREGS, ref debug);
        Demand(DebugRegsCodec.TryDecode(debug, state), nameof(KvmIoctl.KVM_GET_DEBUGREGS));
    }

    private void PutDebugRegs(ProcessorState state)
    {
        kvm_debugregs debug = DebugRegsCodec.Encode(state);
        _vcpu.Call(KvmIoctl.KVM_SET_DEBUGREGS, ref debug);
    }

    private static void Demand(bool decoded, string request)
    {
        if (!decoded) throw KvmError.Malformed(request);
    }
}
