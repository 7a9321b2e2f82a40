using Vitrine.Accelerators;
using Vitrine.Devices.Buses;

namespace Vitrine.Bench.KvmExit;

/// <summary>The loop under measurement.</summary>
internal static class Measurement
{
    public static void Run(IVirtualCpu vcpu, PortBus ports, int exits)
    {
        for (int i = 0; i < exits; i++)
        {
            ref VmExit exit = ref vcpu.Run();
            if (exit.Reason != VmExitReason.PortIo) throw new InvalidOperationException($"unexpected exit {exit.Reason}");
            ports.Access(exit.Port, exit.Size, exit.IsWrite, exit.Data);
        }
    }
}
