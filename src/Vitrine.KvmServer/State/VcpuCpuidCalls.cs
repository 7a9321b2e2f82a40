using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.X86.Cpuid;

namespace Vitrine.KvmServer.State;

/// <summary>What CPUID answers on a vCPU (KVM_SET_CPUID2, KVM_SET_CPUID).</summary>
internal static class VcpuCpuidCalls
{
    /// <summary>KVM_SET_CPUID2. When the vCPU has run, only what is set already is taken.</summary>
    /// <returns>0, -E2BIG, -EINVAL or -EFAULT.</returns>
    public static int Set(ServedVcpu vcpu, ulong address)
    {
        int error = CpuidCalls.ReadList(address, out CpuidEntry[] entries);
        return error < 0 ? error : Take(vcpu, entries);
    }

    /// <summary>KVM_SET_CPUID.</summary>
    /// <returns>As <see cref="Set"/>.</returns>
    public static int SetOld(ServedVcpu vcpu, ulong address)
    {
        int error = CpuidCalls.ReadOldList(address, out CpuidEntry[] entries);
        return error < 0 ? error : Take(vcpu, entries);
    }

    private static int Take(ServedVcpu vcpu, CpuidEntry[] entries)
    {
        if (vcpu.HasRun) return entries.AsSpan().SequenceEqual(vcpu.Cpuid) ? 0 : -Errno.EINVAL;
        vcpu.SetCpuid(entries);
        return 0;
    }
}
