using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Vitrine.Accelerators.Kvm;

namespace Vitrine;

/// <summary>
/// Whether KVM is worth using on this host. Measuring takes a while, so the answer is kept in the user's cache folder until
/// the host boots again or runs another kernel.
/// </summary>
/// <param name="Problem">Why KVM doesn't work; null when it does.</param>
/// <param name="NanosecondsPerInstruction">Time of one ring-0 instruction; 0 when it could not be measured.</param>
internal sealed record KvmVerdict(string? Problem, double NanosecondsPerInstruction)
{
    private const string FileName = "kvm-ring0";
    private const string DeviceNode = "/dev/kvm";

    /// <summary>True when KVM works and the host's CPU runs ring 0 itself.</summary>
    public bool WorthUsing => Problem is null && NanosecondsPerInstruction is > 0 and <= KvmReport.EmulationThreshold;

    /// <summary>The verdict on this host, measured now or earlier.</summary>
    public static KvmVerdict Current => (CacheFolder.Path is { } folder ? Read(folder, HostKey()) : null) ?? Measure();

    /// <summary>The verdict that a report amounts to.</summary>
    public static KvmVerdict Of(KvmReport report) => report switch
    {
        { Problem: { } problem } => new KvmVerdict(problem.What, 0),
        { NanosecondsPerInstruction: null } => new KvmVerdict("It could not run the first instructions of a guest.", 0),
        _ => new KvmVerdict(null, report.NanosecondsPerInstruction.Value),
    };

    /// <summary>Keeps a verdict, when it was measured. What can't be kept is measured again next time.</summary>
    internal static void Write(string folder, string hostKey, KvmVerdict verdict)
    {
        if (verdict.Problem is not null) return;
        try
        {
            Directory.CreateDirectory(folder);
            string text = string.Create(CultureInfo.InvariantCulture, $"{hostKey}\n{verdict.NanosecondsPerInstruction:R}\n");
            OutputFile.Replace(Path.Combine(folder, FileName), file => file.Write(Encoding.UTF8.GetBytes(text)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A read-only or missing home folder is no reason to fail.
        }
    }

    /// <summary>The verdict kept for this host, or null.</summary>
    internal static KvmVerdict? Read(string folder, string hostKey)
    {
        try
        {
            string[] lines = File.ReadAllLines(Path.Combine(folder, FileName));
            return lines.Length >= 2 && lines[0] == hostKey && IsAccessible() &&
                double.TryParse(lines[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double nanoseconds) && nanoseconds > 0
                    ? new KvmVerdict(null, nanoseconds)
                    : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static KvmVerdict Measure()
    {
        KvmVerdict verdict = Of(KvmProbe.Examine());
        if (CacheFolder.Path is { } folder) Write(folder, HostKey(), verdict);
        return verdict;
    }

    // The kernel and its boot: modules and nesting change only with them, or rarely enough. The architecture: an emulated process has KVM not as others have.
    private static string HostKey() =>
        $"{ReadLine("/proc/sys/kernel/osrelease")} {ReadLine("/proc/sys/kernel/random/boot_id")} {RuntimeInformation.ProcessArchitecture}";

    // Rights and container options change without a boot.
    private static bool IsAccessible()
    {
        try
        {
            using FileStream node = new(DeviceNode, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string ReadLine(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }
}
