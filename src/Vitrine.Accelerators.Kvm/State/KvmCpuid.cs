using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>CPUID leaves between <see cref="CpuidEntry"/> and KVM.</summary>
internal static class KvmCpuid
{
    private const uint Leaf1EcxVmx = 1u << 5;
    private const uint Leaf1EcxTscDeadline = 1u << 24;
    private const uint Leaf1EcxHypervisor = 1u << 31;
    private const uint ExtendedLeaf1EcxSvm = 1u << 2;

    /// <summary>
    /// What this host can offer: KVM_GET_SUPPORTED_CPUID, without what the register protocol doesn't carry (VMX, SVM,
    /// performance counters), with what KVM offers but leaves for user space to announce.
    /// </summary>
    public static CpuidEntry[] GetSupported(KvmSystemHandle system, bool hasTscDeadline)
    {
        // Older kernels have room for fewer and cut the number down.
        byte[] buffer = CpuidCodec.Encode(new CpuidEntry[CpuidCodec.MaximumEntries]);
        system.Call(KvmIoctl.KVM_GET_SUPPORTED_CPUID, ref buffer[0]);
        if (!CpuidCodec.TryDecode(buffer, out CpuidEntry[] entries)) throw KvmError.Malformed(nameof(KvmIoctl.KVM_GET_SUPPORTED_CPUID));
        return Array.ConvertAll(entries, entry => Offer(entry, hasTscDeadline));
    }

    /// <summary>KVM_SET_CPUID2.</summary>
    public static void Put(KvmVcpuHandle vcpu, ReadOnlySpan<CpuidEntry> entries)
    {
        if (entries.Length > CpuidCodec.MaximumEntries)
        {
            throw VitrineException.User(
                ErrorCode.KvmCpuidLimit,
                $"{entries.Length} CPUID entries were given, where KVM takes at most {CpuidCodec.MaximumEntries}.",
                "The CPU model has leaves or subleaves that it does not need.",
                "Leave out those that answer zero.").With("entries", entries.Length).With("maximum", CpuidCodec.MaximumEntries);
        }

        byte[] buffer = CpuidCodec.Encode(entries);
        vcpu.Call(KvmIoctl.KVM_SET_CPUID2, ref buffer[0]);
    }

    private static CpuidEntry Offer(CpuidEntry entry, bool hasTscDeadline) => entry.Function switch
    {
        1 => entry with
        {
            Ecx = (entry.Ecx & ~(Leaf1EcxVmx | Leaf1EcxTscDeadline)) | Leaf1EcxHypervisor |
                (hasTscDeadline ? Leaf1EcxTscDeadline : 0),
        },
        0xA or 0x8000000A => entry with { Eax = 0, Ebx = 0, Ecx = 0, Edx = 0 },
        0x80000001 => entry with { Ecx = entry.Ecx & ~ExtendedLeaf1EcxSvm },
        _ => entry,
    };
}
