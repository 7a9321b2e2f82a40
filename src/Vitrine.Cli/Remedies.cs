using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>
/// What to do about an error, in words of the command line. The library says it in its own, because a program that uses it may have other options or none.
/// </summary>
internal static class Remedies
{
    // One row for each code of the library. None means that the library's sentence serves: it speaks of the host, of a file or of the guest.
    private static readonly Dictionary<string, Func<VitrineException, string>?> s_rows = new()
    {
        [ErrorCode.MemoryZero] = static _ => "Give a size such as --memory 512M.",
        [ErrorCode.MemoryUnaligned] = static _ => "Give a size with a unit, such as --memory 512M.",
        [ErrorCode.MemoryOutOfRange] = static _ => "Give a size in that range, such as --memory 512M.",
        [ErrorCode.MemoryBeyondHost] = static _ => "Give a smaller --memory, or end other programs first.",
        [ErrorCode.MemoryRefused] = static _ => "Choose a smaller --memory, or raise the limit shown by `ulimit -v`.",
        [ErrorCode.MemorySharedRefused] = null,
        [ErrorCode.MemorySlotInvalid] = null,
        [ErrorCode.MemorySlotOverlap] = null,
        [ErrorCode.MemoryAliasOutOfRange] = null,

        [ErrorCode.CpuCount] = static error => $"Give --cpus with a number from 1 to {error.Values["maximum"]}.",
        [ErrorCode.CpuStoreOrder] = static _ => "Leave --cpus out, or give --cpus 1.",
        [ErrorCode.CpuModelUnknown] = null,
        [ErrorCode.CpuModelNotInterpreted] = static error => error.Values["translator"] is true ? "Choose one of these with --cpu, or give --soft translator." : "Choose one of these with --cpu.",
        [ErrorCode.CpuModelBeyondHost] = static error => $"Choose --cpu {error.Values["like-host"]}, which has what the host has, or --cpu {error.Values["everywhere"]}.",

        [ErrorCode.ConfigMmuOnKvm] = static _ => "Leave --mmu out, or give --accel soft.",
        [ErrorCode.ConfigUserCodeOnKvm] = static _ => "Leave --user out, or give --accel soft.",
        [ErrorCode.ConfigEngineOnKvm] = static _ => "Leave --soft out, or give --accel soft.",
        [ErrorCode.ConfigShadowCpus] = static _ => "Leave --mmu out or give --mmu two-dimensional, or give --cpus 1.",
        [ErrorCode.ConfigLockstepEngine] = static _ => "Leave --accel and --soft out, or --lockstep.",
        [ErrorCode.ConfigLockstepCpus] = static _ => "Give --cpus 1.",
        [ErrorCode.ConfigTranslatorHost] = static error => error.Values["lockstep"] is true
            ? "Leave --lockstep out: it compares the translator with the interpreter, which alone runs on every host."
            : "Leave --soft out, or give --soft interpreter, which runs on every host.",

        [ErrorCode.TranslatorModeInterpreted] = null,
        [ErrorCode.TranslatorNoBlock] = null,
        [ErrorCode.TranslatorNoMemory] = static _ => "End other programs, or give --soft interpreter.",
        [ErrorCode.TranslatorMemoryRefused] = static _ => "Give --soft interpreter, which needs no such memory, or permit it.",

        [ErrorCode.IoNoThread] = static _ => "Raise it with `ulimit -u`, or run fewer machines at once.",

        [ErrorCode.KvmNodeMissing] = OrSoftwareCpu,
        [ErrorCode.KvmNodeDenied] = OrSoftwareCpu,
        [ErrorCode.KvmNodeDead] = OrSoftwareCpu,
        [ErrorCode.KvmTooManyFiles] = null,
        [ErrorCode.KvmArchitecture] = static _ => "Use the software CPU with --accel soft, which runs on every host.",
        [ErrorCode.KvmApiVersion] = OrSoftwareCpu,
        [ErrorCode.KvmCapabilityMissing] = OrSoftwareCpu,
        [ErrorCode.KvmOptionalCapabilityMissing] = null,
        [ErrorCode.KvmMapFailed] = null,
        [ErrorCode.KvmSignalFailed] = OrSoftwareCpu,
        [ErrorCode.KvmMsrRefused] = null,
        [ErrorCode.KvmMalformed] = SeeCheck,
        [ErrorCode.KvmBusy] = OrSoftwareCpu,
        [ErrorCode.KvmForbidden] = OrSoftwareCpu,
        [ErrorCode.KvmNoMemory] = static _ => "Close other programs, or choose a smaller --memory.",
        [ErrorCode.KvmVcpuLimit] = static _ => "Give fewer --cpus; `vitrine check` shows the limit.",
        [ErrorCode.KvmSlotLimit] = null,
        [ErrorCode.KvmCpuidLimit] = null,
        [ErrorCode.KvmCallFailed] = null,
        [ErrorCode.KvmUnexplained] = SeeCheck,
        [ErrorCode.KvmProbeFailed] = OrSoftwareCpu,

        [ErrorCode.ImagePathEmpty] = null,
        [ErrorCode.ImageMissing] = OrNoInitrd,
        [ErrorCode.ImageUnreadable] = null,
        [ErrorCode.ImageNotRegular] = null,
        [ErrorCode.ImageEmpty] = OrNoInitrd,
        [ErrorCode.ImageReadFailed] = null,
        [ErrorCode.ImageTruncated] = null,
        [ErrorCode.ImageInvalid] = null,

        [ErrorCode.ConfigDevices] = null,
        [ErrorCode.ConfigDiskSerial] = static _ => "Give a shorter one after serial=, or none.",

        [ErrorCode.DiskMissing] = null,
        [ErrorCode.DiskDenied] = null,
        [ErrorCode.DiskNotRegular] = null,
        [ErrorCode.DiskOpenFailed] = null,
        [ErrorCode.DiskNotCreated] = null,
        [ErrorCode.DiskInUse] = null,
        [ErrorCode.DiskFormatOther] = null,
        [ErrorCode.DiskSize] = null,

        [ErrorCode.BootNoRoom] = static error => $"Give the guest more memory (--memory), or {error.Values["otherwise"]}.",
        [ErrorCode.BootOverlap] = null,
        [ErrorCode.BootNoSlot] = null,
        [ErrorCode.BootEntryOutside] = null,
        [ErrorCode.BootEntryUnreachable] = null,
        [ErrorCode.BootCommandLineTooLong] = static _ => "Shorten it (--append).",
        [ErrorCode.BootCommandLineZeroByte] = static _ => "Remove the zero byte (--append).",

        [ErrorCode.InitramfsPath] = null,
        [ErrorCode.InitramfsTaken] = null,

        [ErrorCode.AcpiNoRoom] = null,

        [ErrorCode.InvalidState] = null,
        [ErrorCode.StateConfiguration] = null,

        [ErrorCode.StoryLength] = null,
        [ErrorCode.StorySection] = null,

        [ErrorCode.DumpNumber] = null,
        [ErrorCode.DumpTwice] = null,
        [ErrorCode.DumpCutOff] = null,
        [ErrorCode.DumpUnknown] = null,
        [ErrorCode.DumpOnlyAnnounced] = null,
        [ErrorCode.DumpBinary] = null,
        [ErrorCode.DumpTooLong] = null,
        [ErrorCode.DumpJson] = null,
    };

    /// <summary>The codes that have a row.</summary>
    internal static IEnumerable<string> Codes => s_rows.Keys;

    /// <summary>The three sentences of an error, the last in words of the command line.</summary>
    public static string Tell(VitrineException error) => $"{error.What} {error.Why} {Of(error)}";

    /// <summary>What to do about an error.</summary>
    public static string Of(VitrineException error) => s_rows.GetValueOrDefault(error.Code) is { } row ? row(error) : error.Remedy;

    /// <summary>How a machine ended: its report, and the options that may help where the library knows settings that may.</summary>
    public static string Tell(VmEnd end) =>
        end.Error is { } error ? Tell(error)
        : end.Advice is { } advice ? $"{end.Report}\n\nOn the command line that is {Options(advice)}."
        : end.Report;

    private static string Options(EndAdvice advice) => advice switch
    {
        { LessMemory: true } => "a smaller --memory",
        { Engine: { } engine, CpuModel: { } model } => $"--soft {engine.ToString().ToLowerInvariant()} --cpu {model}",
        { CpuModel: { } model } => $"--cpu {model}, or --accel soft",
        _ => "--accel soft",
    };

    private static string OrNoInitrd(VitrineException error) =>
        error.Values["role"] is "initrd" ? "Give an initramfs file such as /boot/initrd.img-*, or leave --initrd out." : error.Remedy;

    private static string OrSoftwareCpu(VitrineException error) => $"{error.Remedy.TrimEnd('.')}, or use --accel soft.";

    private static string SeeCheck(VitrineException error) =>
        "Run `vitrine check` to see what this host offers, or use the software CPU with --accel soft.";
}
