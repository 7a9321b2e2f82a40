using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.State;

/// <summary>A vCPU's registers between the client's structures and the engine, each call its part of the state and no more.</summary>
internal static class RegisterCalls
{
    private const int XsaveBytes = 4096;
    private const uint ResetRip = 0xFFF0;
    private const ushort ResetCs = 0xF000;

    /// <summary>KVM_GET_REGS.</summary>
    public static int GetGeneral(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.General);
        return ClientMemory.Write(address, RegsCodec.Encode(vcpu.State));
    }

    /// <summary>KVM_SET_REGS.</summary>
    public static int SetGeneral(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_regs regs);
        if (error < 0) return error;
        RegsCodec.Decode(regs, vcpu.State);
        vcpu.Parts.Put(vcpu.State, StateParts.General);
        vcpu.NoteWritten(MemoryDoubt.Code);
        return 0;
    }

    /// <summary>KVM_GET_SREGS.</summary>
    public static int GetSpecial(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Special | StateParts.Events);
        return ClientMemory.Write(address, SregsCodec.Encode(vcpu.State));
    }

    /// <summary>KVM_SET_SREGS.</summary>
    /// <returns>0, -EINVAL for control registers that no processor can have together, or -EFAULT.</returns>
    public static int SetSpecial(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_sregs sregs);
        if (error < 0) return error;
        vcpu.Parts.Get(vcpu.State, StateParts.Events);
        SregsCodec.Decode(sregs, vcpu.State);
        return PutSpecial(vcpu, StateParts.Special | StateParts.Events);
    }

    /// <summary>KVM_GET_SREGS2.</summary>
    public static int GetSpecialSecond(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Special);
        return ClientMemory.Write(address, SregsCodec.EncodeSecond(vcpu.State));
    }

    /// <summary>KVM_SET_SREGS2.</summary>
    public static int SetSpecialSecond(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_sregs2 sregs);
        if (error < 0) return error;
        return SregsCodec.TryDecode(sregs, vcpu.State) ? PutSpecial(vcpu, StateParts.Special) : -Errno.EINVAL;
    }

    /// <summary>KVM_GET_FPU.</summary>
    public static int GetFpu(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Fpu);
        return ClientMemory.Write(address, FpuCodec.Encode(vcpu.State.Fpu));
    }

    /// <summary>KVM_SET_FPU.</summary>
    public static int SetFpu(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_fpu fpu);
        if (error < 0) return error;
        vcpu.Parts.Get(vcpu.State, StateParts.Fpu);
        FpuCodec.Decode(fpu, vcpu.State.Fpu);
        vcpu.Parts.Put(vcpu.State, StateParts.Fpu);
        return 0;
    }

    /// <summary>KVM_GET_XSAVE.</summary>
    public static int GetXsave(ServedVcpu vcpu, ulong address)
    {
        Span<byte> area = stackalloc byte[XsaveBytes];
        area.Clear();
        vcpu.Parts.Get(vcpu.State, StateParts.Fpu | StateParts.ExtendedControl | StateParts.Pkru);
        XsaveCodec.Encode(vcpu.State, (int)XsaveLayout.PkruOffset, area);
        return ClientMemory.Write(address, area);
    }

    /// <summary>KVM_SET_XSAVE.</summary>
    /// <returns>0, -EINVAL for a header of no XSAVE area, or -EFAULT.</returns>
    public static int SetXsave(ServedVcpu vcpu, ulong address)
    {
        Span<byte> area = stackalloc byte[XsaveBytes];
        int error = ClientMemory.Read(address, area);
        if (error < 0) return error;
        if (!XsaveCodec.TryDecode(area, (int)XsaveLayout.PkruOffset, vcpu.State)) return -Errno.EINVAL;
        vcpu.Parts.Put(vcpu.State, StateParts.Fpu | StateParts.Pkru);
        return 0;
    }

    /// <summary>KVM_GET_XCRS.</summary>
    public static int GetExtendedControl(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.ExtendedControl);
        return ClientMemory.Write(address, XcrsCodec.Encode(vcpu.State));
    }

    /// <summary>KVM_SET_XCRS.</summary>
    /// <returns>0, -EINVAL for what XSETBV would refuse, or -EFAULT.</returns>
    public static int SetExtendedControl(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_xcrs xcrs);
        if (error < 0) return error;
        if (!XcrsCodec.TryDecode(xcrs, vcpu.State) || !IsPossible(vcpu.State.Xcr0, SupportedComponents(vcpu))) return -Errno.EINVAL;
        vcpu.Parts.Put(vcpu.State, StateParts.ExtendedControl);
        return 0;
    }

    /// <summary>KVM_GET_DEBUGREGS.</summary>
    public static int GetDebug(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Debug);
        return ClientMemory.Write(address, DebugRegsCodec.Encode(vcpu.State));
    }

    /// <summary>KVM_SET_DEBUGREGS.</summary>
    /// <returns>0, -EINVAL for reserved bits, or -EFAULT.</returns>
    public static int SetDebug(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_debugregs debug);
        if (error < 0) return error;
        if (!DebugRegsCodec.TryDecode(debug, vcpu.State) || ((vcpu.State.Dr6 | vcpu.State.Dr7) >> 32) != 0) return -Errno.EINVAL;
        vcpu.Parts.Put(vcpu.State, StateParts.Debug);
        return 0;
    }

    private static int PutSpecial(ServedVcpu vcpu, StateParts parts)
    {
        ProcessorState state = vcpu.State;
        if (!IsPossible(state)) return -Errno.EINVAL;
        vcpu.Parts.Put(state, parts);

        // Where the bootstrap processor is put to its first instruction, it runs: clients of old rely on that.
        vcpu.Parts.Get(state, StateParts.General | StateParts.Activity);
        bool first = vcpu.Id == 0 && state.Rip == ResetRip && state.Segments[Seg.Cs].Selector == ResetCs && (state.Cr0 & Cr0.PE) == 0;
        if (first && state.MpState != MpState.Runnable)
        {
            state.MpState = MpState.Runnable;
            vcpu.Parts.Put(state, StateParts.Activity);
        }

        vcpu.NoteWritten(MemoryDoubt.Everything);
        return 0;
    }

    // As KVM asks before it takes them (SDM vol. 3, 2.5): what remains is found at VM entry.
    private static bool IsPossible(ProcessorState state)
    {
        const ulong X2ApicAlone = 1u << 10;
        const ulong ApicModes = X2ApicAlone | (1u << 11);
        if ((state.ApicBase & ApicModes) == X2ApicAlone || (state.Cr4 & ~SoftwareAccelerator.ImplementedCr4) != 0) return false;
        bool pages = (state.Cr0 & Cr0.PG) != 0;
        if ((state.Cr0 >> 32) != 0 || (pages && (state.Cr0 & Cr0.PE) == 0) || ((state.Cr0 & Cr0.NW) != 0 && (state.Cr0 & Cr0.CD) == 0)) return false;
        bool longMode = (state.Efer & Efer.LMA) != 0;
        if (pages && (state.Efer & Efer.LME) != 0) return longMode && (state.Cr4 & Cr4.PAE) != 0;
        return !longMode && !state.Segments[Seg.Cs].Long;
    }

    // XSETBV (SDM vol. 1, 13.3): x87 always, SSE where there is AVX, and nothing that CPUID does not announce.
    private static bool IsPossible(ulong xcr0, ulong components)
    {
        bool hasAvxWithoutSse = (xcr0 & XsaveLayout.Avx) != 0 && (xcr0 & XsaveLayout.Sse) == 0;
        return (xcr0 & XsaveLayout.X87) != 0 && !hasAvxWithoutSse && (xcr0 & ~components) == 0;
    }

    private static ulong SupportedComponents(ServedVcpu vcpu)
    {
        foreach (CpuidEntry entry in vcpu.Cpuid)
        {
            if (entry.Function == 0xD && entry.Index == 0) return ((ulong)entry.Edx << 32) | entry.Eax;
        }

        return XsaveLayout.X87 | XsaveLayout.Sse;
    }
}
