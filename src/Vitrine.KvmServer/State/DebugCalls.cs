using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>What a debugger of the guest asks of a vCPU.</summary>
internal static unsafe class DebugCalls
{
    // SAFETY: for the whole type: the structures' arrays are indexed within their lengths.
    private const int ControlRegister = 7;

    /// <summary>KVM_SET_GUEST_DEBUG. Flags that there are not mean nothing, as in the kernel.</summary>
    /// <returns>0; -EBUSY when an exception is to be injected while another one waits, or -EFAULT.</returns>
    public static int Set(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_guest_debug debug);
        if (error < 0) return error;
        bool enabled = (debug.control & KvmConstants.KVM_GUESTDBG_ENABLE) != 0;
        bool injects = (debug.control & (KvmConstants.KVM_GUESTDBG_INJECT_DB | KvmConstants.KVM_GUESTDBG_INJECT_BP)) != 0;
        if (injects)
        {
            vcpu.Parts.Get(vcpu.State, StateParts.Events);
            if (vcpu.State.Events.ExceptionPending || vcpu.State.Events.ExceptionInjected) return -Errno.EBUSY;
        }

        if (!enabled && !injects)
        {
            vcpu.Parts.Debugging = null;
            return 0;
        }

        vcpu.Parts.Debugging = new VcpuDebugging
        {
            SingleStep = enabled && Has(debug, KvmConstants.KVM_GUESTDBG_SINGLESTEP),
            SoftwareBreakpoints = enabled && Has(debug, KvmConstants.KVM_GUESTDBG_USE_SW_BP),
            HardwareBreakpoints = enabled && Has(debug, KvmConstants.KVM_GUESTDBG_USE_HW_BP),
            Addresses = [debug.arch.debugreg[0], debug.arch.debugreg[1], debug.arch.debugreg[2], debug.arch.debugreg[3]],
            Dr7 = debug.arch.debugreg[ControlRegister],
            BlockInterrupts = enabled && Has(debug, KvmConstants.KVM_GUESTDBG_BLOCKIRQ),
            InjectDebugException = Has(debug, KvmConstants.KVM_GUESTDBG_INJECT_DB),
            InjectBreakpoint = !Has(debug, KvmConstants.KVM_GUESTDBG_INJECT_DB) && Has(debug, KvmConstants.KVM_GUESTDBG_INJECT_BP),
        };
        return 0;
    }

    /// <summary>KVM_TRANSLATE. Rights are not looked at, as in KVM: what can be translated is writable, and not the user's.</summary>
    public static int Translate(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_translation translation);
        if (error < 0) return error;
        bool valid = vcpu.Cpu.Inspection.TryTranslate(translation.linear_address, out ulong physical);
        translation.physical_address = valid ? physical : ulong.MaxValue;
        translation.valid = valid ? (byte)1 : (byte)0;
        translation.writeable = 1;
        translation.usermode = 0;
        return ClientMemory.Write(address, translation);
    }

    private static bool Has(in kvm_guest_debug debug, uint flag) => (debug.control & flag) != 0;
}
