using System.Runtime.InteropServices;

namespace Vitrine.Devices.Timing;

/// <summary>Sleeps shorter than a millisecond, which the framework's waits can't.</summary>
internal static class HostSleep
{
    /// <summary>Sleeps for about this long; the host's timer slack (50 us on Linux) comes on top.</summary>
    /// <param name="microseconds">Less than 1,000,000.</param>
    public static void Microseconds(int microseconds)
    {
        if (OperatingSystem.IsWindows()) Thread.Sleep(0);
        else _ = usleep((uint)microseconds);
    }

    [DllImport("libc")]
    private static extern int usleep(uint microseconds);
}
