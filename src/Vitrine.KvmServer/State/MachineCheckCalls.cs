using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>Machine-check banks of a vCPU (KVM_X86_SETUP_MCE, KVM_X86_SET_MCE; SDM vol. 3, 16.3).</summary>
internal static class MachineCheckCalls
{
    private const uint FirstBank = 0x400;
    private const uint BankRegisters = 4;
    private const uint Capability = 0x179;
    private const uint GlobalStatus = 0x17A;
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

    /// <summary>KVM_X86_SET_MCE of an error that has been corrected: noted in its bank. An uncorrected one needs an exception that the engine has not.</summary>
    /// <returns>0; -EINVAL for a bank that there isn't, a status without an error, or an uncorrected error; or -EFAULT.</returns>
    public static int Inject(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_x86_mce mce);
        if (error < 0) return error;
        if (!vcpu.Parts.TryReadMsr(Capability, out ulong capability) || mce.bank >= (capability & 0xFF)) return -Errno.EINVAL;
        if ((mce.status & Valid) == 0 || (mce.status & Uncorrected) != 0) return -Errno.EINVAL;
        uint bank = FirstBank + (mce.bank * BankRegisters);
        if (vcpu.Parts.TryReadMsr(bank + 1, out ulong present) && (present & Valid) != 0) mce.status |= Overflow;
        vcpu.Parts.TryWriteMsr(bank + 1, mce.status);
        vcpu.Parts.TryWriteMsr(bank + 2, mce.addr);
        vcpu.Parts.TryWriteMsr(bank + 3, mce.misc);
        vcpu.Parts.TryWriteMsr(GlobalStatus, mce.mcg_status);
        return 0;
    }
}
