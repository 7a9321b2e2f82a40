namespace Vitrine.Errors;

/// <summary>
/// The codes of <see cref="VitrineException"/>: what happened, for programs. They are stable: a code keeps its meaning, and texts may change.
/// Each says which <see cref="VitrineException.Values"/> come with it.
/// </summary>
public static class ErrorCode
{
    /// <summary>A machine without memory was asked for.</summary>
    public const string MemoryZero = "memory.zero";

    /// <summary>The size of memory is no multiple of a page. Value: bytes.</summary>
    public const string MemoryUnaligned = "memory.unaligned";

    /// <summary>The board has no room for so much memory, or so little. Values: bytes, minimum, maximum.</summary>
    public const string MemoryOutOfRange = "memory.out-of-range";

    /// <summary>The host has less memory available. Values: bytes, available.</summary>
    public const string MemoryBeyondHost = "memory.beyond-host";

    /// <summary>The host refused to map memory. Values: bytes, errno.</summary>
    public const string MemoryRefused = "memory.refused";

    /// <summary>The host refused memory that can be shared. Values: bytes, errno.</summary>
    public const string MemorySharedRefused = "memory.shared-refused";

    /// <summary>A slot's address or size is impossible. Values: slot, start, bytes.</summary>
    public const string MemorySlotInvalid = "memory.slot-invalid";

    /// <summary>Two slots would back one address. Values: slot, start, bytes, other.</summary>
    public const string MemorySlotOverlap = "memory.slot-overlap";

    /// <summary>An alias reaches beyond the slot that it shows. Values: slot, other, offset, bytes.</summary>
    public const string MemoryAliasOutOfRange = "memory.alias-out-of-range";

    /// <summary>The host refused a thread for a device's input and output.</summary>
    public const string IoNoThread = "io.no-thread";

    /// <summary>So many CPUs are impossible. Values: cpus, maximum.</summary>
    public const string CpuCount = "cpu.count";

    /// <summary>The host's processors don't keep the order of stores that several CPUs need. Value: cpus.</summary>
    public const string CpuStoreOrder = "cpu.store-order";

    /// <summary>There is no such CPU model. Value: model.</summary>
    public const string CpuModelUnknown = "cpu.model-unknown";

    /// <summary>The interpreter lacks the CPU model. Values: model, translator (whether this host has it).</summary>
    public const string CpuModelNotInterpreted = "cpu.model-not-interpreted";

    /// <summary>The host lacks what the CPU model has. Values: model, alternatives.</summary>
    public const string CpuModelBeyondHost = "cpu.model-beyond-host";

    /// <summary>An MMU mode of the software CPU was given for KVM.</summary>
    public const string ConfigMmuOnKvm = "config.mmu-on-kvm";

    /// <summary>An engine of the software CPU was given for KVM.</summary>
    public const string ConfigEngineOnKvm = "config.engine-on-kvm";

    /// <summary>It was said what runs user code, for KVM.</summary>
    public const string ConfigUserCodeOnKvm = "config.user-code-on-kvm";

    /// <summary>Shadow page tables were asked for with several CPUs. Value: cpus.</summary>
    public const string ConfigShadowCpus = "config.shadow-cpus";

    /// <summary>Lockstep was asked for where there are not two engines to compare.</summary>
    public const string ConfigLockstepEngine = "config.lockstep-engine";

    /// <summary>Lockstep was asked for with several CPUs. Value: cpus.</summary>
    public const string ConfigLockstepCpus = "config.lockstep-cpus";

    /// <summary>The translator does not run on this host. Value: lockstep (whether that asked for it).</summary>
    public const string ConfigTranslatorHost = "config.translator-host";

    /// <summary>The guest is in a mode whose code is not translated.</summary>
    public const string TranslatorModeInterpreted = "translator.mode-interpreted";

    /// <summary>There is no code to translate at an address. Value: address.</summary>
    public const string TranslatorNoBlock = "translator.no-block";

    /// <summary>The host has no memory left for machine code.</summary>
    public const string TranslatorNoMemory = "translator.no-memory";

    /// <summary>The host refused memory that can be executed. Value: errno.</summary>
    public const string TranslatorMemoryRefused = "translator.memory-refused";

    /// <summary>The device node does not exist. Value: path.</summary>
    public const string KvmNodeMissing = "kvm.node-missing";

    /// <summary>The device node may not be opened. Value: path.</summary>
    public const string KvmNodeDenied = "kvm.node-denied";

    /// <summary>No driver answers the device node. Value: path.</summary>
    public const string KvmNodeDead = "kvm.node-dead";

    /// <summary>The process has too many files open.</summary>
    public const string KvmTooManyFiles = "kvm.too-many-files";

    /// <summary>KVM runs guests of another architecture here.</summary>
    public const string KvmArchitecture = "kvm.architecture";

    /// <summary>The device node has another API. Values: path, version.</summary>
    public const string KvmApiVersion = "kvm.api-version";

    /// <summary>KVM lacks a capability that is needed. Value: capability.</summary>
    public const string KvmCapabilityMissing = "kvm.capability-missing";

    /// <summary>KVM lacks a capability that was asked for. Value: capability.</summary>
    public const string KvmOptionalCapabilityMissing = "kvm.optional-capability-missing";

    /// <summary>The pages that KVM shares could not be mapped. Value: errno.</summary>
    public const string KvmMapFailed = "kvm.map-failed";

    /// <summary>The signal that interrupts a vCPU could not be set up. Value: errno.</summary>
    public const string KvmSignalFailed = "kvm.signal-failed";

    /// <summary>KVM refused the value of an MSR. Values: msr, value.</summary>
    public const string KvmMsrRefused = "kvm.msr-refused";

    /// <summary>KVM returned what its ABI does not allow. Value: request.</summary>
    public const string KvmMalformed = "kvm.malformed";

    /// <summary>Another hypervisor holds the processor. Values: request, errno.</summary>
    public const string KvmBusy = "kvm.busy";

    /// <summary>A sandbox forbids the call. Values: request, errno.</summary>
    public const string KvmForbidden = "kvm.forbidden";

    /// <summary>The host is out of memory. Values: request, errno.</summary>
    public const string KvmNoMemory = "kvm.no-memory";

    /// <summary>KVM allows fewer vCPUs. Values: request, errno.</summary>
    public const string KvmVcpuLimit = "kvm.vcpu-limit";

    /// <summary>KVM allows fewer memory slots. Values: slot, maximum.</summary>
    public const string KvmSlotLimit = "kvm.slot-limit";

    /// <summary>KVM takes fewer CPUID entries. Values: entries, maximum.</summary>
    public const string KvmCpuidLimit = "kvm.cpuid-limit";

    /// <summary>A call failed for a reason that its message names. Values: request, errno.</summary>
    public const string KvmCallFailed = "kvm.call-failed";

    /// <summary>A call failed, and KVM gives no reason. Values: request, errno, or path.</summary>
    public const string KvmUnexplained = "kvm.unexplained";

    /// <summary>KVM did not run the first instructions of a guest.</summary>
    public const string KvmProbeFailed = "kvm.probe-failed";

    /// <summary>The path of a file to boot is empty. Value: role.</summary>
    public const string ImagePathEmpty = "image.path-empty";

    /// <summary>A file to boot does not exist. Values: role, path.</summary>
    public const string ImageMissing = "image.missing";

    /// <summary>A file to boot can't be read. Values: role, path.</summary>
    public const string ImageUnreadable = "image.unreadable";

    /// <summary>A file to boot can't be read in any order. Values: role, path.</summary>
    public const string ImageNotRegular = "image.not-regular";

    /// <summary>A file to boot is empty. Values: role, path.</summary>
    public const string ImageEmpty = "image.empty";

    /// <summary>The host failed to read a file to boot. Values: role, path.</summary>
    public const string ImageReadFailed = "image.read-failed";

    /// <summary>A file to boot ends too early. Values: role, path.</summary>
    public const string ImageTruncated = "image.truncated";

    /// <summary>A file to boot is not what it has to be. Values: role, path.</summary>
    public const string ImageInvalid = "image.invalid";

    /// <summary>A disk image does not exist. Value: path.</summary>
    public const string DiskMissing = "disk.missing";

    /// <summary>A disk image may not be opened so. Values: path, writing (whether it was to be written).</summary>
    public const string DiskDenied = "disk.denied";

    /// <summary>What a disk is to be kept in is neither a file nor a block device. Value: path.</summary>
    public const string DiskNotRegular = "disk.not-regular";

    /// <summary>The host failed to open a disk image. Values: path, errno.</summary>
    public const string DiskOpenFailed = "disk.open-failed";

    /// <summary>A disk image can't be created. Values: path, errno.</summary>
    public const string DiskNotCreated = "disk.not-created";

    /// <summary>Another program uses a disk image. Values: path, writing (whether it was to be written).</summary>
    public const string DiskInUse = "disk.in-use";

    /// <summary>A disk image has a format that is not known here. Values: path, format.</summary>
    public const string DiskFormatOther = "disk.format-other";

    /// <summary>A disk can't have such a size. Values: path, bytes, maximum.</summary>
    public const string DiskSize = "disk.size";

    /// <summary>The guest's memory has no room for something. Values: what, bytes, otherwise (what to do other than to give it more memory).</summary>
    public const string BootNoRoom = "boot.no-room";

    /// <summary>Two things would lie at one address. Values: what, other.</summary>
    public const string BootOverlap = "boot.overlap";

    /// <summary>The memory that something is loaded to has no slot. Value: address.</summary>
    public const string BootNoSlot = "boot.no-slot";

    /// <summary>The entry lies outside the code. Value: entry.</summary>
    public const string BootEntryOutside = "boot.entry-outside";

    /// <summary>The mode does not reach the entry. Values: entry, limit.</summary>
    public const string BootEntryUnreachable = "boot.entry-unreachable";

    /// <summary>The kernel takes a shorter command line. Values: bytes, limit.</summary>
    public const string BootCommandLineTooLong = "boot.command-line-too-long";

    /// <summary>The command line contains a zero byte.</summary>
    public const string BootCommandLineZeroByte = "boot.command-line-zero-byte";

    /// <summary>A path is impossible in an initramfs. Value: path.</summary>
    public const string InitramfsPath = "initramfs.path";

    /// <summary>A path is in the initramfs already. Value: path.</summary>
    public const string InitramfsTaken = "initramfs.taken";

    /// <summary>More devices are attached than the board has room for. Values: devices, maximum.</summary>
    public const string ConfigDevices = "config.devices";

    /// <summary>A disk's serial number is too long or not printable. Value: serial.</summary>
    public const string ConfigDiskSerial = "config.disk-serial";

    /// <summary>The guest's memory has no room for the ACPI tables. Values: bytes, address.</summary>
    public const string AcpiNoRoom = "acpi.no-room";

    /// <summary>A saved state can't be loaded. Values: part, problem.</summary>
    public const string InvalidState = "state.invalid";

    /// <summary>A saved state is another configuration's. Values: what, machine, saved.</summary>
    public const string StateConfiguration = "state.configuration";

    /// <summary>A story of so many instructions is impossible. Values: instructions, maximum.</summary>
    public const string StoryLength = "story.length";

    /// <summary>A section of a story was named that there is not. Values: section.</summary>
    public const string StorySection = "story.section";

    /// <summary>A line of a dump has something else than a number. Values: file, line.</summary>
    public const string DumpNumber = "dump.number";

    /// <summary>A dump gives a value twice. Values: file, line.</summary>
    public const string DumpTwice = "dump.twice";

    /// <summary>A dump is cut off. Values: file, line.</summary>
    public const string DumpCutOff = "dump.cut-off";

    /// <summary>A file has no dump that is known. Value: file.</summary>
    public const string DumpUnknown = "dump.unknown";

    /// <summary>A file has the message of a failure without its registers. Value: file.</summary>
    public const string DumpOnlyAnnounced = "dump.only-announced";

    /// <summary>A file is no text. Value: file.</summary>
    public const string DumpBinary = "dump.binary";

    /// <summary>A file is too long to be a dump. Values: file, maximum.</summary>
    public const string DumpTooLong = "dump.too-long";

    /// <summary>A file of JSON has another form. Values: file, line.</summary>
    public const string DumpJson = "dump.json";
}
