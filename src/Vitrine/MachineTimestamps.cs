using System.Diagnostics;

namespace Vitrine;

/// <summary>Points in time of a machine's start, for measuring it. All on one clock; default until reached.</summary>
/// <param name="ProcessStart">When the operating system started this process, to 10 ms (its clock tick).</param>
/// <param name="VcpuReady">When the boot processor had its state.</param>
/// <param name="FirstInstruction">When the boot processor entered the guest for the first time.</param>
public readonly record struct MachineTimestamps(DateTime ProcessStart, DateTime VcpuReady, DateTime FirstInstruction)
{
    internal static DateTime StartOfThisProcess
    {
        get
        {
            using Process self = Process.GetCurrentProcess();
            return self.StartTime.ToUniversalTime();
        }
    }
}
