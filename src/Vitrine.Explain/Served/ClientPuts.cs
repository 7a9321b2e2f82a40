using Vitrine.Explain.Model;
using Vitrine.Kvm.Abi;

namespace Vitrine.Explain.Served;

/// <summary>Groups the calls that put registers into puts, and tells their level as far as it can be told.</summary>
internal static class ClientPuts
{
    /// <summary>The puts of a vCPU, in order.</summary>
    /// <param name="calls">The calls.</param>
    /// <param name="isQemu">The client's functions are QEMU's.</param>
    public static IReadOnlyList<ClientPutFact> Of(IReadOnlyList<PutCall> calls, bool isQemu)
    {
        List<ClientPutFact> puts = [];
        bool hasFull = false;
        foreach (List<PutCall> group in Groups(calls))
        {
            (string level, string why) = isQemu ? QemuLevel(group, ref hasFull) : ("", "The client's own levels aren't known.");
            puts.Add(new ClientPutFact(level, why, [.. group.Select(call => new ClientPutCallFact(call.Number, call.Name, isQemu ? QemuFunctions.OfVcpu(call.Request) : "", call.Values, call.Changes))]));
        }

        return puts;
    }

    // What follows each other on one thread, with no run and no reading between. The registers of a local APIC are a device's in QEMU; a put of the same structure begins anew.
    private static List<List<PutCall>> Groups(IReadOnlyList<PutCall> calls)
    {
        List<List<PutCall>> groups = [];
        foreach (PutCall call in calls)
        {
            bool joins = groups.Count > 0 && groups[^1] is { } last && last[^1].Run == call.Run && last[^1].Thread == call.Thread &&
                IsLocalApic(last[^1]) == IsLocalApic(call) && (call.Name == nameof(KvmIoctl.KVM_SET_MSRS) || last.TrueForAll(other => other.Name != call.Name));
            if (joins) groups[^1].Add(call);
            else groups.Add([call]);
        }

        // QEMU's first call of a put that is more than a runtime's is a list of one MSR (IA32_FEATURE_CONTROL): it belongs to what follows it.
        for (int i = 0; i + 1 < groups.Count; i++)
        {
            List<PutCall> before = groups[i];
            List<PutCall> after = groups[i + 1];
            bool isLead = before[^1] is { Name: nameof(KvmIoctl.KVM_SET_MSRS), Values: <= 2 } && after[0].Name.StartsWith("KVM_SET_SREGS", StringComparison.Ordinal) &&
                before[^1].Run == after[0].Run && before[^1].Thread == after[0].Thread && after[0].Number - before[^1].Number == 1;
            if (!isLead) continue;
            after.Insert(0, before[^1]);
            before.RemoveAt(before.Count - 1);
        }

        groups.RemoveAll(static group => group.Count == 0);
        return groups;
    }

    private static (string Level, string Why) QemuLevel(List<PutCall> group, ref bool hasFull)
    {
        if (IsLocalApic(group[0])) return ("", "kvm_apic_put: the local APIC is a device in QEMU, which resets it with the others.");
        bool isWhole = group.Exists(static call => call.Name == nameof(KvmIoctl.KVM_SET_MP_STATE));
        if (!isWhole)
        {
            return group.Exists(static call => call.Name == nameof(KvmIoctl.KVM_SET_REGS))
                ? ("KVM_PUT_RUNTIME_STATE", "Without KVM_SET_MP_STATE: kvm_cpu_exec puts what QEMU has changed since the last exit.")
                : ("", "Part of the registers only.");
        }

        if (hasFull) return ("KVM_PUT_RESET_STATE", "With KVM_SET_MP_STATE, and not the first: do_kvm_cpu_synchronize_post_reset.");
        hasFull = true;
        return ("KVM_PUT_FULL_STATE", "The first with KVM_SET_MP_STATE: do_kvm_cpu_synchronize_post_init.");
    }

    private static bool IsLocalApic(PutCall call) => call.Name == nameof(KvmIoctl.KVM_SET_LAPIC);
}
