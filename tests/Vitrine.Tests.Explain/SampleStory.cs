using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;

namespace Vitrine.Tests.Explain;

/// <summary>
/// Stories made by hand, with the values that real machines have: what the forms of a story are tested with. Their names and texts hold
/// what a file's name may hold.
/// </summary>
internal static partial class SampleStory
{
    private const string NoHostPhysical = "the kernel tells it only to processes with CAP_SYS_ADMIN";

    public static IReadOnlyList<Story> All => [SeaBios, Linux, WrongCr3, Refused];

    private static SlotFact LowMemory => new(0, "ram-low", 0, 0x400_0000, false, 0x7f31_c000_0000);

    private static MmuStory NoMmu(string kind, Evidence evidence) => new(kind, [], [], [], [], [], [], evidence);

    private static CallRecord Call(
        int number, int parent, string target, string name, string result, double microseconds, params (string Name, string Value)[] arguments) => new(
        number,
        parent,
        target,
        name,
        [.. arguments.Select(argument => KeyValuePair.Create(argument.Name, argument.Value))],
        result,
        TimeSpan.FromMicroseconds(microseconds),
        "main");

    private static CreationStory SoftwareCreation(string mmu) => new([
        Call(1, 0, "accelerator", "Open", "ready", 12.4, ("mmu", mmu)),
        Call(2, 0, "accelerator", "SetMemorySlot", "mapped", 3.1, ("slot", "0 ram-low"), ("start", "0x0"), ("size", "64 MiB"), ("flags", "read, write")),
        Call(3, 0, "accelerator", "CreateVcpu", "vcpu 0", 41.8, ("id", "0")),
        Call(4, 0, "vcpu 0", "SetCpuid", "28 leaves", 5.9, ("leaves", "28")),
        Call(5, 0, "vcpu 0", "PutState", "put", 2.2, ("level", "Full"), ("registers", "general, segments, control, MSRs, XSAVE, events")),
    ]);

    private static CreationStory KvmCreation => new([
        Call(1, 0, "accelerator", "Open", "ready", 7391.3),
        Call(2, 1, "/dev/kvm", "KVM_GET_API_VERSION", "12", 0.4),
        Call(3, 1, "/dev/kvm", "KVM_CREATE_VM", "fd 12", 7254.7, ("type", "0")),
        Call(4, 1, "vm fd", "KVM_SET_TSS_ADDR", "0", 1.9, ("address", "0xfeffd000")),
        Call(5, 0, "accelerator", "SetMemorySlot", "mapped", 24.2, ("slot", "0 ram-low")),
        Call(6, 5, "vm fd", "KVM_SET_USER_MEMORY_REGION", "0", 22.8, ("slot", "0"), ("flags", "0"), ("guest_phys_addr", "0x0"), ("memory_size", "0x4000000"), ("userspace_addr", "0x7f31c0000000")),
        Call(7, 0, "accelerator", "CreateVcpu", "vcpu 0", 811.0, ("id", "0")),
        Call(8, 7, "vm fd", "KVM_CREATE_VCPU", "fd 13", 640.5, ("id", "0")),
        Call(9, 7, "/dev/kvm", "KVM_GET_SUPPORTED_CPUID", "-E2BIG", 8.8, ("nent", "64")),
        Call(10, 7, "/dev/kvm", "KVM_GET_SUPPORTED_CPUID", "71 entries", 9.6, ("nent", "128")),
        Call(11, 0, "vcpu 0", "PutState", "put", 71.4, ("level", "Full")),
        Call(12, 11, "vcpu fd 0", "KVM_SET_SREGS2", "0", 9.7, ("cr0", "0x80000011"), ("cr3", "0x40000000"), ("cr4", "0x10"), ("efer", "0x0")),
        Call(13, 11, "vcpu fd 0", "KVM_SET_REGS", "0", 7.3, ("rip", "0x8000"), ("rflags", "0x2")),
    ]);

    private static IReadOnlyList<SettingFact> Settings =>
    [
        new("CPUID", "28 leaves of model qemu64", "Before any state: the widths of CR3 and the bits of CR4 and EFER are checked against it.", Evidence.Observed),
        new("TSC frequency", "2600000 kHz", "The host's own, so that no scaling is needed.", Evidence.Observed),
    ];

    private static EntryStory Entry(string cr0, string cr3, string cr4, string efer, string csBase, string rip, string guest, string shadowGuest, string failed = "") => new(
        [
            new(
                "VMX, EPT with unrestricted guest",
                guest,
                [
                    new("unrestricted guest", "1", "CR0.PE and CR0.PG may be 0 in the guest, so that its reset state runs as it is.", Evidence.Derived),
                    new("EPT pointer", "chosen by the host", "Root of the second-level table; 4 levels, write-back.", Evidence.Derived),
                ],
                VmcsFields(cr0, cr3, cr4, efer, csBase, rip, "as the guest has it"),
                VmxChecks(failed)),
            new(
                "VMX, shadow paging",
                shadowGuest,
                [new("CR3-load exiting", "1", "Each load of CR3 must become a change of the shadow root.", Evidence.Derived)],
                VmcsFields("0x80010031", "chosen by the host", "0x2020", efer, csBase, rip, "of the shadow page table, not the guest's"),
                VmxChecks(failed)),
            new(
                "SVM, nested paging",
                guest,
                [new("NP_ENABLE", "1", "Guest-physical addresses go through nCR3.", Evidence.Derived)],
                [
                    new("0x090", "NP_ENABLE", "0x1", ""),
                    new("0x0b0", "nCR3", "chosen by the host", "Root of the nested page table."),
                    new("0x410", "CS selector", "0xf000", ""),
                    new("0x4d0", "EFER", "0x1000", "SVME must be 1 in the guest's EFER, though the guest sees 0."),
                    new("0x548", "CR4", cr4, ""),
                    new("0x550", "CR3", cr3, ""),
                    new("0x558", "CR0", cr0, ""),
                    new("0x570", "RFLAGS", "0x2", ""),
                    new("0x578", "RIP", rip, ""),
                ],
                [
                    new("svm-efer-svme", "15.5.1", "passed", "EFER.SVME is 1.", ""),
                    new("svm-cr0-nw-cd", "15.5.1", "passed", "CR0.NW is 0 while CR0.CD is 0.", ""),
                    new("svm-lme-pg-pae", "15.5.1", "not applicable", "With EFER.LME and CR0.PG, CR4.PAE is 1.", ""),
                ]),
        ],
        failed.Length > 0 ? $"Entry failed with reason 0x80000021: {failed}." : "");

    private static IReadOnlyList<EntryFieldFact> VmcsFields(
        string cr0, string cr3, string cr4, string efer, string csBase, string rip, string cr3Note) =>
    [
        new("0x0802", "Guest CS selector", "0xf000", ""),
        new("0x2800", "VMCS link pointer", "0xffffffffffffffff", "All ones: no shadow VMCS."),
        new("0x2806", "Guest IA32_EFER", efer, ""),
        new("0x4802", "Guest CS limit", "0xffff", ""),
        new("0x4816", "Guest CS access rights", "0x9b", ""),
        new("0x4824", "Guest interruptibility state", "0x0", ""),
        new("0x4826", "Guest activity state", "0x0", "Active."),
        new("0x6800", "Guest CR0", cr0, ""),
        new("0x6802", "Guest CR3", cr3, cr3Note),
        new("0x6804", "Guest CR4", cr4, ""),
        new("0x6808", "Guest CS base", csBase, ""),
        new("0x681e", "Guest RIP", rip, ""),
        new("0x6820", "Guest RFLAGS", "0x2", "Bit 1 is always 1."),
    ];

    private static IReadOnlyList<EntryCheckFact> VmxChecks(string failed) =>
    [
        new("guest-cr0-fixed", "27.3.1.1", "passed", "CR0 has the bits that IA32_VMX_CR0_FIXED0 and FIXED1 demand; PE and PG are exempt for an unrestricted guest.", ""),
        new("guest-cr4-fixed", "27.3.1.1", "passed", "CR4 has the bits that IA32_VMX_CR4_FIXED0 and FIXED1 demand.", ""),
        new("guest-cr3-width", "27.3.1.1", failed.Length > 0 ? "failed" : "passed", "CR3 has no bit set beyond the physical-address width.", failed),
        new("guest-cs-limit-g", "27.3.1.2", "passed", "CS: a limit with any of bits 31:20 set has G=1; one with any of bits 11:0 clear has G=0.", ""),
        new("guest-rip-canonical", "27.3.1.4", "not applicable", "Outside 64-bit mode bits 63:32 of RIP are 0.", ""),
        new("guest-rflags-reserved", "27.3.1.4", "passed", "RFLAGS: bits 63:22, 15, 5 and 3 are 0 and bit 1 is 1.", ""),
        new("guest-link-pointer", "27.3.1.5", "passed", "The VMCS link pointer is all ones, or names a VMCS.", ""),
    ];

    private static ShadowStep Shadow(int level, int page, ulong table, string role, int index, ulong entry, string flags) =>
        new(level, page, table, role, index, entry != 0, entry, flags, false);
}
