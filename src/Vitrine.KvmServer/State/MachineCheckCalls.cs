using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.State;

/// <summary>Machine-check banks of a vCPU (KVM_X86_SETUP_MCE, KVM_X86_SET_MCE; SDM vol. 3, 16.3).</summary>
internal static class MachineCheckCalls
{
    private const uint FirstBank = 0x400;
    private const uint BankRegisters = 4;
    private const uint Capability = 0x179;
    private const uint GlobalStatus = 0x17A;
    private const uint GlobalControl = 0x17B;
    private const ulong HasGlobalControl = 1UL << 8;
    private const ulong InProgress = 1UL << 2;
    private const ulong Valid = 1UL << 63;
    private const ulong Overflow = 1UL << 62;
    private const ulong Uncorrected = 1UL << 61;

    /// <summary>KVM_X86_SETUP_MCE.</summary>
    /// <returns>0, -EINVAL for what no processor here can have, or -EFAULT.</returns>
    public static int SetUp(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out ulong capability);
        if (error < 0) return error;
        if (!MachineCheck.IsSupported(capability)) return -Errno.EINVAL;
        vcpu.Parts.SetMachineCheck(capability);
        return 0;
    }

    /// <summary>
    /// KVM_X86_SET_MCE: an error is noted in its bank. An uncorrected one raises #MC, or shuts the processor down where the guest is handling one or has not asked for
    /// them; where it has switched reports of them off, nothing happens (SDM vol. 3, 16.3).
    /// </summary>
    /// <returns>0; -EINVAL for a bank that there isn't or a status without an error; or -EFAULT.</returns>
    public static int Inject(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_x86_mce mce);
        if (error < 0) return error;
        if (!vcpu.Parts.TryReadMsr(Capability, out ulong capability) || mce.bank >= (capability & 0xFF)) return -Errno.EINVAL;
        if ((mce.status & Valid) == 0) return -Errno.EINVAL;
        uint bank = FirstBank + (mce.bank * BankRegisters);
        ulong present = Read(vcpu, bank + 1);
        if ((mce.status & Uncorrected) == 0)
        {
            // What an uncorrected error has left there is worth more.
            if ((present & (Valid | Uncorrected)) == (Valid | Uncorrected)) vcpu.Parts.TryWriteMsr(bank + 1, present | Overflow);
            else Note(vcpu, bank, present, mce);
            return 0;
        }

        bool isReported = Read(vcpu, bank) == ulong.MaxValue && ((capability & HasGlobalControl) == 0 || Read(vcpu, GlobalControl) == ulong.MaxValue);
        if (!isReported) return 0;
        vcpu.Parts.Get(vcpu.State, StateParts.Special | StateParts.Events);
        PendingEvents events = vcpu.State.Events;
        bool isTaken = (vcpu.State.Cr4 & Cr4.MCE) != 0 && (Read(vcpu, GlobalStatus) & InProgress) == 0;
        if (isTaken)
        {
            Note(vcpu, bank, present, mce);
            vcpu.Parts.TryWriteMsr(GlobalStatus, mce.mcg_status);
            (events.ExceptionPending, events.ExceptionInjected) = (true, false);
            (events.ExceptionVector, events.ExceptionHasErrorCode, events.ExceptionHasPayload) = (ExceptionVector.MC, false, false);
        }
        else
        {
            events.TripleFaultPending = true;
        }

        vcpu.State.Events = events;
        vcpu.Parts.Put(vcpu.State, StateParts.Events);
        return 0;
    }

    private static void Note(ServedVcpu vcpu, uint bank, ulong present, in kvm_x86_mce mce)
    {
        vcpu.Parts.TryWriteMsr(bank + 1, (present & Valid) != 0 ? mce.status | Overflow : mce.status);
        vcpu.Parts.TryWriteMsr(bank + 2, mce.addr);
        vcpu.Parts.TryWriteMsr(bank + 3, mce.misc);
    }

    private static ulong Read(ServedVcpu vcpu, uint index) => vcpu.Parts.TryReadMsr(index, out ulong value) ? value : 0;
}
