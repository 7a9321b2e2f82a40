using System.Globalization;
using Vitrine.Cli.Terminal;

namespace Vitrine.Cli;

/// <summary>When the operating system started this process.</summary>
internal static class ProcessStart
{
    private const string Status = "/proc/self/stat";
    private const string Schedule = "/proc/self/schedstat";

    // proc(5), /proc/pid/stat: starttime is field 22. Field 2 is in parentheses and may hold anything, so fields are counted from its end.
    private const int FieldsBeforeState = 2;
    private const int StartField = 22;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>
    /// The time in UTC, off by less than a tick of 10 ms, which is all that Linux gives; null without /proc. Within its tick it is as long ago as the
    /// first thread has run, or waited for a processor, since: what it has slept meanwhile is not known, so ask early.
    /// </summary>
    public static DateTime? Estimate()
    {
        try
        {
            long now = Libc.NanosecondsSinceBoot();
            DateTime clock = DateTime.UtcNow;
            long started = Estimate(File.ReadAllText(Status), ReadSchedule(), Libc.TicksPerSecond(), now);
            return clock.AddTicks((started - now) / TimeSpan.NanosecondsPerTick);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The time of the start in nanoseconds since boot.</summary>
    /// <param name="status">The content of /proc/self/stat.</param>
    /// <param name="schedule">That of /proc/self/schedstat: nanoseconds run, nanoseconds waited, turns. Empty where the kernel doesn't count them.</param>
    /// <param name="ticksPerSecond">The unit of the former.</param>
    /// <param name="now">Nanoseconds since boot.</param>
    internal static long Estimate(string status, string schedule, long ticksPerSecond, long now)
    {
        string[] fields = status[(status.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long tick = NanosecondsPerSecond / ticksPerSecond;
        long earliest = Number(fields[StartField - FieldsBeforeState - 1]) * tick;
        long latest = Math.Min(earliest + tick, now);
        string[] spent = schedule.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return spent.Length < 2 ? latest : Math.Clamp(now - Number(spent[0]) - Number(spent[1]), earliest, latest);
    }

    private static string ReadSchedule() => File.Exists(Schedule) ? File.ReadAllText(Schedule) : "";

    private static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
