using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>CPUID leaves between <see cref="CpuidEntry"/> and KVM.</summary>
internal static unsafe class KvmCpuid
{
    // KVM_MAX_CPUID_ENTRIES; older kernels allow fewer and cut the number down.
    private const int MaximumEntries = 256;

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
        byte[] buffer = new byte[sizeof(kvm_cpuid2) + (MaximumEntries * sizeof(kvm_cpuid_entry2))];

        // SAFETY: the buffer has room for as many entries as nent says, and KVM writes no more.
        fixed (byte* pointer = buffer)
        {
            var header = (kvm_cpuid2*)pointer;
            header->nent = MaximumEntries;
            system.Call(KvmIoctl.KVM_GET_SUPPORTED_CPUID, header);
            var source = (kvm_cpuid_entry2*)(header + 1);
            var entries = new CpuidEntry[Math.Min(header->nent, MaximumEntries)];
            for (int i = 0; i < entries.Length; i++) entries[i] = Offer(source[i], hasTscDeadline);
            return entries;
        }
    }

    /// <summary>KVM_SET_CPUID2.</summary>
    public static void Put(KvmVcpuHandle vcpu, ReadOnlySpan<CpuidEntry> entries)
    {
        if (entries.Length > MaximumEntries)
        {
            throw VitrineException.User(
                $"{entries.Length} CPUID entries were given, where KVM takes at most {MaximumEntries}.",
                "The CPU model has leaves or subleaves that it does not need.",
                "Leave out those that answer zero.");
        }

        byte[] buffer = new byte[sizeof(kvm_cpuid2) + (entries.Length * sizeof(kvm_cpuid_entry2))];

        // SAFETY: the buffer has room for exactly as many entries as nent says.
        fixed (byte* pointer = buffer)
        {
            var header = (kvm_cpuid2*)pointer;
            header->nent = (uint)entries.Length;
            var target = (kvm_cpuid_entry2*)(header + 1);
            for (int i = 0; i < entries.Length; i++)
            {
                CpuidEntry entry = entries[i];
                target[i] = new kvm_cpuid_entry2
                {
                    function = entry.Function,
                    index = entry.Index,
                    flags = entry.IndexMatters ? KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
                    eax = entry.Eax,
                    ebx = entry.Ebx,
                    ecx = entry.Ecx,
                    edx = entry.Edx,
                };
            }

            vcpu.Call(KvmIoctl.KVM_SET_CPUID2, header);
        }
    }

    private static CpuidEntry Offer(in kvm_cpuid_entry2 kvm, bool hasTscDeadline)
    {
        var entry = new CpuidEntry(
            kvm.function,
            kvm.index,
            (kvm.flags & KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0,
            kvm.eax,
            kvm.ebx,
            kvm.ecx,
            kvm.edx);
        return kvm.function switch
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
}
