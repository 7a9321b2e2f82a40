using System.Collections.Immutable;
using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>Which accesses to model-specific registers come to the client (KVM_X86_SET_MSR_FILTER, KVM_CAP_X86_USER_SPACE_MSR).</summary>
internal static class MsrFilterCalls
{
    // KVM_MSR_FILTER_MAX_BITMAP_SIZE, in bytes.
    private const int LongestBitmap = 0x600;
    private const uint InvalidReason = 1;
    private const uint UnknownReason = 2;
    private const uint FilterReason = 4;

    /// <summary>KVM_MSR_EXIT_REASON_* as the engine has them.</summary>
    public static MsrExitReasons ReasonsOf(uint mask) =>
        ((mask & InvalidReason) != 0 ? MsrExitReasons.Invalid : 0) |
        ((mask & UnknownReason) != 0 ? MsrExitReasons.Unknown : 0) |
        ((mask & FilterReason) != 0 ? MsrExitReasons.Filter : 0);

    /// <summary>KVM_X86_SET_MSR_FILTER.</summary>
    /// <returns>0, -EINVAL or -EFAULT.</returns>
    public static unsafe int Set(ulong address, VmBehavior behavior)
    {
        // SAFETY: ranges are read within the structure.
        int error = ClientMemory.Read(address, out kvm_msr_filter filter);
        if (error < 0) return error;
        if ((filter.flags & ~KvmConstants.KVM_MSR_FILTER_DEFAULT_DENY) != 0) return -Errno.EINVAL;
        ImmutableArray<MsrFilterRange>.Builder ranges = ImmutableArray.CreateBuilder<MsrFilterRange>();
        ReadOnlySpan<kvm_msr_filter_range> given = new(filter.ranges, KvmConstants.KVM_MSR_FILTER_MAX_RANGES);
        foreach (ref readonly kvm_msr_filter_range range in given)
        {
            if (range.nmsrs == 0) continue;
            const uint Known = KvmConstants.KVM_MSR_FILTER_READ | KvmConstants.KVM_MSR_FILTER_WRITE;
            uint bytes = (range.nmsrs + 7) / 8;
            if (range.nmsrs > LongestBitmap * 8 || (range.flags & ~Known) != 0 || (range.flags & Known) == 0) return -Errno.EINVAL;

            // As the kernel keeps it: whole words.
            byte[] allowed = new byte[(bytes + 7) & ~7u];
            error = ClientMemory.Read(range.bitmap, allowed);
            if (error < 0) return error;
            ranges.Add(new MsrFilterRange(
                range.@base,
                (range.flags & KvmConstants.KVM_MSR_FILTER_READ) != 0,
                (range.flags & KvmConstants.KVM_MSR_FILTER_WRITE) != 0,
                (int)range.nmsrs,
                [.. allowed]));
        }

        bool denies = (filter.flags & KvmConstants.KVM_MSR_FILTER_DEFAULT_DENY) != 0;
        if (ranges.Count == 0 && denies) return -Errno.EINVAL;
        behavior.MsrFilter = ranges.Count == 0 ? null : new MsrFilter(!denies, ranges.ToImmutable());
        return 0;
    }
}
