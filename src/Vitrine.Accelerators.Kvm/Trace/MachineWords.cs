using System.Globalization;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Kvm.Run;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Trace;

/// <summary>Words for the arguments that don't hold registers.</summary>
// SAFETY: for the whole type: takes whole structures; lists are read as far as their counts say, which the accelerator set with the
// room that it gave, and which the kernel only exceeds when it fails.
internal static unsafe class MachineWords
{
    /// <summary>KVM_RUN: how it was entered, and why it came back.</summary>
    public static string? Run(in IoctlCall call, int result, CallArguments to)
    {
        if (call.ImmediateExit) to.Number("immediate_exit", 1);
        if (result < 0 || call.Run == null) return null;
        string name = KvmExitName.Of(call.Run->exit_reason);

        // The decoder withdraws the request for an interrupt window, which is not ours to do.
        if (call.Run->exit_reason == KvmExit.KVM_EXIT_IRQ_WINDOW_OPEN) return name;
        VmExit exit = default;
        KvmExitDecoder.Decode(call.Run, ref exit);
        return $"{name} ({ExitText.Of(ref exit)})";
    }

    public static void MsrIndexList(uint* list, uint room, int result, CallArguments to)
    {
        to.Number("room", room).Number("nmsrs", *list);
        uint count = result < 0 ? 0 : Math.Min(*list, room);
        List<string> indices = [];
        for (uint i = 0; i < count; i++) indices.Add(list[i + 1].ToString("x", CultureInfo.InvariantCulture));
        if (count > 0) to.Add("indices", string.Join(' ', indices));
    }

    public static void Cpuid(kvm_cpuid2* header, uint room, int result, CallArguments to)
    {
        to.Number("nent", header->nent);
        uint count = result < 0 ? 0 : Math.Min(header->nent, room);
        var entries = (kvm_cpuid_entry2*)(header + 1);
        for (uint i = 0; i < count; i++)
        {
            kvm_cpuid_entry2* entry = entries + i;
            bool indexed = (entry->flags & KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0;
            string subleaf = indexed ? string.Create(CultureInfo.InvariantCulture, $".{entry->index:x}") : "";
            string name = string.Create(CultureInfo.InvariantCulture, $"0x{entry->function:x}{subleaf}");
            to.Add(name, string.Create(CultureInfo.InvariantCulture, $"eax={entry->eax:x8} ebx={entry->ebx:x8} ecx={entry->ecx:x8} edx={entry->edx:x8}"));
        }
    }

    public static void EnableCap(kvm_enable_cap* cap, CallArguments to) =>
        to.Add("capability", KvmCapabilities.NameOf(cap->cap)).Hex("flags", cap->flags).Hex("args[0]", cap->args[0]);

    public static void MemoryRegion(kvm_userspace_memory_region* region, CallArguments to) => to
        .Number("slot", region->slot)
        .Add("flags", region->flags == 0 ? "0" : ((Memory.MemorySlotFlags)region->flags).ToString())
        .Hex("guest_phys_addr", region->guest_phys_addr)
        .Hex("memory_size", region->memory_size)
        .Hex("userspace_addr", region->userspace_addr);

    public static void ClearDirtyLog(kvm_clear_dirty_log* log, CallArguments to) =>
        to.Number("slot", log->slot).Number("num_pages", log->num_pages).Number("first_page", (long)log->first_page);

    public static void IrqLine(kvm_irq_level* line, CallArguments to) => to.Number("irq", line->irq).Number("level", line->level);

    public static void Msi(kvm_msi* message, CallArguments to) =>
        to.Hex("address", ((ulong)message->address_hi << 32) | message->address_lo).Hex("data", message->data);

    public static void Routes(kvm_irq_routing* header, CallArguments to)
    {
        to.Number("nr", header->nr);
        var entries = (kvm_irq_routing_entry*)(header + 1);
        for (uint i = 0; i < header->nr; i++)
        {
            ref kvm_irq_routing_msi message = ref entries[i].u.msi;
            to.Add(
                string.Create(CultureInfo.InvariantCulture, $"gsi {entries[i].gsi}"),
                string.Create(CultureInfo.InvariantCulture, $"message 0x{((ulong)message.address_hi << 32) | message.address_lo:x} data 0x{message.data:x}"));
        }
    }

    public static void Translation(kvm_translation* translation, bool read, CallArguments to)
    {
        to.Hex("linear_address", translation->linear_address);
        if (read) to.Hex("physical_address", translation->physical_address).Number("valid", translation->valid);
    }

    public static void GuestDebug(kvm_guest_debug* debug, CallArguments to) => to.Add("control", debug->control switch
    {
        0 => "0",
        KvmConstants.KVM_GUESTDBG_ENABLE | KvmConstants.KVM_GUESTDBG_SINGLESTEP => "KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP",
        uint other => "0x" + other.ToString("x", CultureInfo.InvariantCulture),
    });
}
