using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>
/// The register protocol: moves a vCPU's state between <see cref="ProcessorState"/> and KVM, in the order that KVM's checks need.
/// </summary>
/// <remarks>
/// Nested-virtualisation state has its place after the special registers, but there is none: no CPU model offers VMX or SVM.
/// </remarks>
internal sealed unsafe class KvmStateTransfer
{
    private const ulong Cr0Pg = 1UL << 31;
    private const ulong Cr4Pae = 1UL << 5;
    private const ulong EferLma = 1UL << 10;

    // The local APIC's version register; no APIC has 0 there.
    private const int ApicVersionOffset = 0x30;

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
        _xsave = GC.AllocateArray<byte>(Math.Max(xsaveSize, sizeof(kvm_xsave)), pinned: true);
        _tscKilohertz = tscKilohertz;
        _pkruOffset = pkruOffset;
    }

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
        _vcpu.Call(KvmIoctl.KVM_GET_LAPIC, ref Unsafe.As<byte, kvm_lapic_state>(ref state.LocalApic[0]));
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
        state.MpState = (MpState)mp.mp_state;
    }

    private void PutMpState(ProcessorState state)
    {
        var mp = new kvm_mp_state { mp_state = (uint)state.MpState };
        _vcpu.Call(KvmIoctl.KVM_SET_MP_STATE, ref mp);
    }

    private void GetEvents(ProcessorState state)
    {
        kvm_vcpu_events events = default;
        _vcpu.Call(KvmIoctl.KVM_GET_VCPU_EVENTS, ref events);
        state.Events = new PendingEvents
        {
            ExceptionInjected = events.exception.injected != 0,
            ExceptionPending = events.exception.pending != 0,
            ExceptionVector = events.exception.nr,
            ExceptionHasErrorCode = events.exception.has_error_code != 0,
            ExceptionErrorCode = events.exception.error_code,
            InterruptInjected = events.interrupt.injected != 0,
            InterruptVector = events.interrupt.nr,
            InterruptSoft = events.interrupt.soft != 0,
            InterruptShadow = events.interrupt.shadow,
            NmiInjected = events.nmi.injected != 0,
            NmisPending = events.nmi.pending,
            NmiMasked = events.nmi.masked != 0,
            SipiVector = events.sipi_vector,
            TripleFaultPending = events.triple_fault.pending != 0,
        };
    }

    private void PutEvents(ProcessorState state, bool reset)
    {
        PendingEvents events = state.Events;
        var kvm = new kvm_vcpu_events { sipi_vector = events.SipiVector, flags = KvmConstants.KVM_VCPUEVENT_VALID_SHADOW };

        // Without KVM_CAP_EXCEPTION_PAYLOAD, which stays off, KVM knows only injected exceptions: CR2 and DR6 are set already.
        kvm.exception.injected = Bit(events.ExceptionInjected || events.ExceptionPending);
        kvm.exception.nr = events.ExceptionVector;
        kvm.exception.has_error_code = Bit(events.ExceptionHasErrorCode);
        kvm.exception.error_code = events.ExceptionErrorCode;
        kvm.interrupt.injected = Bit(events.InterruptInjected);
        kvm.interrupt.nr = events.InterruptVector;
        kvm.interrupt.soft = Bit(events.InterruptSoft);
        kvm.interrupt.shadow = events.InterruptShadow;
        kvm.nmi.injected = Bit(events.NmiInjected);
        kvm.nmi.pending = events.NmisPending;
        kvm.nmi.masked = Bit(events.NmiMasked);

        // At run time another thread may have queued an NMI or a SIPI since the state was read.
        if (reset) kvm.flags |= KvmConstants.KVM_VCPUEVENT_VALID_NMI_PENDING | KvmConstants.KVM_VCPUEVENT_VALID_SIPI_VECTOR;
        if (_hasTripleFaultEvent)
        {
            kvm.flags |= KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
            kvm.triple_fault.pending = Bit(events.TripleFaultPending);
        }

        _vcpu.Call(KvmIoctl.KVM_SET_VCPU_EVENTS, ref kvm);
    }

    private void GetRegs(ProcessorState state)
    {
        kvm_regs regs = default;
        _vcpu.Call(KvmIoctl.KVM_GET_REGS, ref regs);
        ulong[] gpr = state.Gpr;
        gpr[Gpr.Rax] = regs.rax;
        gpr[Gpr.Rcx] = regs.rcx;
        gpr[Gpr.Rdx] = regs.rdx;
        gpr[Gpr.Rbx] = regs.rbx;
        gpr[Gpr.Rsp] = regs.rsp;
        gpr[Gpr.Rbp] = regs.rbp;
        gpr[Gpr.Rsi] = regs.rsi;
        gpr[Gpr.Rdi] = regs.rdi;
        gpr[Gpr.R8] = regs.r8;
        gpr[Gpr.R8 + 1] = regs.r9;
        gpr[Gpr.R8 + 2] = regs.r10;
        gpr[Gpr.R8 + 3] = regs.r11;
        gpr[Gpr.R8 + 4] = regs.r12;
        gpr[Gpr.R8 + 5] = regs.r13;
        gpr[Gpr.R8 + 6] = regs.r14;
        gpr[Gpr.R8 + 7] = regs.r15;
        state.Rip = regs.rip;
        state.Rflags = regs.rflags;
    }

    private void PutRegs(ProcessorState state)
    {
        ulong[] gpr = state.Gpr;
        var regs = new kvm_regs
        {
            rax = gpr[Gpr.Rax],
            rcx = gpr[Gpr.Rcx],
            rdx = gpr[Gpr.Rdx],
            rbx = gpr[Gpr.Rbx],
            rsp = gpr[Gpr.Rsp],
            rbp = gpr[Gpr.Rbp],
            rsi = gpr[Gpr.Rsi],
            rdi = gpr[Gpr.Rdi],
            r8 = gpr[Gpr.R8],
            r9 = gpr[Gpr.R8 + 1],
            r10 = gpr[Gpr.R8 + 2],
            r11 = gpr[Gpr.R8 + 3],
            r12 = gpr[Gpr.R8 + 4],
            r13 = gpr[Gpr.R8 + 5],
            r14 = gpr[Gpr.R8 + 6],
            r15 = gpr[Gpr.R8 + 7],
            rip = state.Rip,
            rflags = state.Rflags,
        };
        _vcpu.Call(KvmIoctl.KVM_SET_REGS, ref regs);
    }

    private void GetXsave(ProcessorState state)
    {
        ReadXsave();
        XsaveArea.Read(_xsave, state.Fpu);
        state.Pkru = XsaveArea.ReadPkru(_xsave, _pkruOffset);
    }

    private void PutXsave(ProcessorState state)
    {
        // The area is read first, so that what the state doesn't have (AVX-512, ...) stays.
        ReadXsave();
        XsaveArea.Write(_xsave, state.Fpu);
        XsaveArea.WritePkru(_xsave, _pkruOffset, state.Pkru);
        _vcpu.Call(KvmIoctl.KVM_SET_XSAVE, ref Unsafe.As<byte, kvm_xsave>(ref _xsave[0]));
    }

    // The buffer has the size that KVM_CAP_XSAVE2 named, or 4,096 bytes.
    private void ReadXsave() => _vcpu.Call(_getXsave, ref Unsafe.As<byte, kvm_xsave>(ref _xsave[0]));

    private void GetXcrs(ProcessorState state)
    {
        kvm_xcrs xcrs = default;
        _vcpu.Call(KvmIoctl.KVM_GET_XCRS, ref xcrs);
        var all = (kvm_xcr*)xcrs.xcrs;

        // SAFETY: the array has room for 16 and the index stays below.
        for (uint i = 0; i < Math.Min(xcrs.nr_xcrs, 16); i++)
        {
            if (all[i].xcr == 0) state.Xcr0 = all[i].value;
        }
    }

    private void PutXcrs(ProcessorState state)
    {
        var xcrs = new kvm_xcrs { nr_xcrs = 1 };

        // SAFETY: the first of 16 elements.
        *(kvm_xcr*)xcrs.xcrs = new kvm_xcr { xcr = 0, value = state.Xcr0 };
        _vcpu.Call(KvmIoctl.KVM_SET_XCRS, ref xcrs);
    }

    private void GetSregs(ProcessorState state)
    {
        kvm_sregs2 sregs = ReadSregs();
        SegmentRegister[] segments = state.Segments;
        segments[Seg.Cs] = KvmSegments.ToState(sregs.cs);
        segments[Seg.Ds] = KvmSegments.ToState(sregs.ds);
        segments[Seg.Es] = KvmSegments.ToState(sregs.es);
        segments[Seg.Fs] = KvmSegments.ToState(sregs.fs);
        segments[Seg.Gs] = KvmSegments.ToState(sregs.gs);
        segments[Seg.Ss] = KvmSegments.ToState(sregs.ss);
        segments[Seg.Tr] = KvmSegments.ToState(sregs.tr);
        segments[Seg.Ldtr] = KvmSegments.ToState(sregs.ldt);
        state.Gdtr = KvmSegments.ToState(sregs.gdt);
        state.Idtr = KvmSegments.ToState(sregs.idt);
        state.Cr0 = sregs.cr0;
        state.Cr2 = sregs.cr2;
        state.Cr3 = sregs.cr3;
        state.Cr4 = sregs.cr4;
        state.Cr8 = sregs.cr8;
        state.Efer = sregs.efer;
        state.ApicBase = sregs.apic_base;
        bool valid = (sregs.flags & KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID) != 0;
        for (int i = 0; i < state.Pdptes.Length; i++) state.Pdptes[i] = valid ? sregs.pdptrs[i] : 0;
    }

    private void PutSregs(ProcessorState state)
    {
        kvm_sregs2 sregs = ReadSregs();
        SegmentRegister[] segments = state.Segments;
        sregs.cs = KvmSegments.FromState(segments[Seg.Cs]);
        sregs.ds = KvmSegments.FromState(segments[Seg.Ds]);
        sregs.es = KvmSegments.FromState(segments[Seg.Es]);
        sregs.fs = KvmSegments.FromState(segments[Seg.Fs]);
        sregs.gs = KvmSegments.FromState(segments[Seg.Gs]);
        sregs.ss = KvmSegments.FromState(segments[Seg.Ss]);
        sregs.tr = KvmSegments.FromState(segments[Seg.Tr]);
        sregs.ldt = KvmSegments.FromState(segments[Seg.Ldtr]);
        sregs.gdt = KvmSegments.FromState(state.Gdtr);
        sregs.idt = KvmSegments.FromState(state.Idtr);
        sregs.cr0 = state.Cr0;
        sregs.cr2 = state.Cr2;
        sregs.cr3 = state.Cr3;
        sregs.cr4 = state.Cr4;
        sregs.cr8 = state.Cr8;
        sregs.efer = state.Efer;
        sregs.apic_base = state.ApicBase;

        // The pointers a processor holds may differ from memory. A state without any lets KVM load them from there.
        bool pae = (state.Cr0 & Cr0Pg) != 0 && (state.Cr4 & Cr4Pae) != 0 && (state.Efer & EferLma) == 0;
        bool given = pae && Array.Exists(state.Pdptes, static entry => entry != 0);
        sregs.flags = given ? KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID : 0;
        for (int i = 0; i < state.Pdptes.Length; i++) sregs.pdptrs[i] = given ? state.Pdptes[i] : 0;
        WriteSregs(sregs);
    }

    private kvm_sregs2 ReadSregs()
    {
        kvm_sregs2 sregs = default;
        if (_hasSregs2)
        {
            _vcpu.Call(KvmIoctl.KVM_GET_SREGS2, ref sregs);
            return sregs;
        }

        kvm_sregs old = default;
        _vcpu.Call(KvmIoctl.KVM_GET_SREGS, ref old);
        CopyCommonPart(&old, &sregs);
        return sregs;
    }

    private void WriteSregs(kvm_sregs2 sregs)
    {
        if (_hasSregs2)
        {
            _vcpu.Call(KvmIoctl.KVM_SET_SREGS2, ref sregs);
            return;
        }

        // interrupt_bitmap stays 0: an interrupt in flight is put with the events.
        kvm_sregs old = default;
        CopyCommonPart(&sregs, &old);
        _vcpu.Call(KvmIoctl.KVM_SET_SREGS, ref old);
    }

    // SAFETY: both structures are at least as long as the part they share, which ends with apic_base.
    private static void CopyCommonPart(void* source, void* destination) =>
        Unsafe.CopyBlock(destination, source, (uint)(sizeof(kvm_sregs) - (4 * sizeof(ulong))));

    private void PutLocalApic(ProcessorState state)
    {
        // A state that was built rather than read has no page.
        if (state.LocalApic[ApicVersionOffset] == 0) return;
        _vcpu.Call(KvmIoctl.KVM_SET_LAPIC, ref Unsafe.As<byte, kvm_lapic_state>(ref state.LocalApic[0]));
    }

    private void GetDebugRegs(ProcessorState state)
    {
        kvm_debugregs debug = default;
        _vcpu.Call(KvmIoctl.KVM_GET_DEBUGREGS, ref debug);
        for (int i = 0; i < state.DebugAddress.Length; i++) state.DebugAddress[i] = debug.db[i];
        state.Dr6 = debug.dr6;
        state.Dr7 = debug.dr7;
    }

    private void PutDebugRegs(ProcessorState state)
    {
        var debug = new kvm_debugregs { dr6 = state.Dr6, dr7 = state.Dr7 };
        for (int i = 0; i < state.DebugAddress.Length; i++) debug.db[i] = state.DebugAddress[i];
        _vcpu.Call(KvmIoctl.KVM_SET_DEBUGREGS, ref debug);
    }

    private static byte Bit(bool value) => value ? (byte)1 : (byte)0;
}
