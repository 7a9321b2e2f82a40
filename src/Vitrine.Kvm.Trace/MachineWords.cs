using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>Words for what a client chooses of a machine and its processors.</summary>
internal static unsafe class MachineWords
{
    // SAFETY: for the whole type: the fixed arrays of copied structures are indexed within their lengths.
    // KVM_MAX_CPUID_ENTRIES of the kernel.
    private const int MostLeaves = 256;
    private const int MsrRanges = 16;

    private static readonly (uint Bit, string Name)[] s_debugging =
    [
        (KvmConstants.KVM_GUESTDBG_ENABLE, "KVM_GUESTDBG_ENABLE"), (KvmConstants.KVM_GUESTDBG_SINGLESTEP, "KVM_GUESTDBG_SINGLESTEP"),
        (0x10000, "KVM_GUESTDBG_USE_SW_BP"), (0x20000, "KVM_GUESTDBG_USE_HW_BP"), (0x40000, "KVM_GUESTDBG_INJECT_DB"),
        (0x80000, "KVM_GUESTDBG_INJECT_BP"), (0x100000, "KVM_GUESTDBG_BLOCKIRQ"),
    ];

    public static bool Cpuid(in IoctlCall call, uint room, long result, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_cpuid2 header)) return false;
        to.Number("nent", header.nent);
        uint count = result < 0 ? 0 : Math.Min(header.nent, room);
        foreach (kvm_cpuid_entry2 entry in call.Memory.ReadList<kvm_cpuid_entry2>(call.Argument + (ulong)sizeof(kvm_cpuid2), count, MostLeaves))
        {
            bool indexed = (entry.flags & KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0;
            string subleaf = indexed ? Text($".{entry.index:x}") : "";
            to.Add(Text($"0x{entry.function:x}{subleaf}"), Text($"eax={entry.eax:x8} ebx={entry.ebx:x8} ecx={entry.ecx:x8} edx={entry.edx:x8}"));
        }

        return true;
    }

    public static bool OldCpuid(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_cpuid2 header)) return false;
        to.Number("nent", header.nent);
        return true;
    }

    public static bool EnableCap(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_enable_cap cap)) return false;
        to.Add("capability", KvmCapName.Of(cap.cap)).Hex("flags", cap.flags).Hex("args[0]", cap.args[0]);
        return true;
    }

    public static bool Clock(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_clock_data clock)) return false;
        to.Hex("clock", clock.clock).Hex("flags", clock.flags);
        return true;
    }

    public static bool Device(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_create_device device)) return false;
        to.Number("type", device.type).Hex("flags", device.flags);
        return true;
    }

    public static bool DeviceAttribute(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_device_attr attribute)) return false;
        to.Number("group", attribute.group).Hex("attr", attribute.attr).Hex("addr", attribute.addr);
        return true;
    }

    public static bool MsrFilter(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_msr_filter filter)) return false;
        to.Add("default", (filter.flags & 1) != 0 ? "deny" : "allow");
        var ranges = (kvm_msr_filter_range*)filter.ranges;
        for (int i = 0; i < MsrRanges; i++)
        {
            if (ranges[i].nmsrs != 0) to.Add(Text($"range {i}"), Text($"0x{ranges[i].@base:x}, {ranges[i].nmsrs} MSRs, flags 0x{ranges[i].flags:x}"));
        }

        return true;
    }

    public static bool GuestDebug(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_guest_debug debug)) return false;
        to.Add("control", Flags.Of(debug.control, s_debugging));
        if ((debug.control & 0x20000) == 0) return true;
        for (int i = 0; i < 4; i++) to.Hex(Text($"dr{i}"), debug.arch.debugreg[i]);
        to.Hex("dr7", debug.arch.debugreg[7]);
        return true;
    }

    public static bool SignalMask(in IoctlCall call, CallArguments to)
    {
        if (call.Argument == 0)
        {
            to.Add("mask", "none");
            return true;
        }

        if (!call.Memory.TryRead(call.Argument, out kvm_signal_mask header)) return false;
        to.Number("len", header.len);
        if (header.len == sizeof(ulong) && call.Memory.TryRead(call.Argument + (ulong)sizeof(kvm_signal_mask), out ulong mask)) to.Hex("mask", mask);
        return true;
    }

    public static bool TaskPriorityReporting(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_tpr_access_ctl control)) return false;
        to.Number("enabled", control.enabled).Hex("flags", control.flags);
        return true;
    }

    public static bool MachineCheckCapability(in IoctlCall call, bool known, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out ulong capability)) return false;
        if (known) to.Hex("mcg_cap", capability);
        return true;
    }

    public static bool MachineCheck(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_x86_mce check)) return false;
        to.Number("bank", check.bank).Hex("status", check.status).Hex("addr", check.addr).Hex("misc", check.misc).Hex("mcg_status", check.mcg_status);
        return true;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
