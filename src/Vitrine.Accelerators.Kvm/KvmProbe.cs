using System.Runtime.InteropServices;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Kvm.Probe;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm;

/// <summary>Finds out whether KVM works here, and whether it is worth using. Prints nothing.</summary>
public static class KvmProbe
{
    /// <summary>Examines a device node; takes some ten milliseconds.</summary>
    /// <param name="devicePath">The device node.</param>
    public static KvmReport Examine(string devicePath = "/dev/kvm") => Examine(devicePath, RuntimeInformation.ProcessArchitecture);

    internal static KvmReport Examine(string devicePath, Architecture host) => KvmError.OfArchitecture(host) is { } problem
        ? new KvmReport { DevicePath = devicePath, DeviceNodePresent = File.Exists(devicePath), Host = new HostFacts { IsX8664 = false }, Problem = problem }
        : Examine(devicePath, LinuxKvmSystem.Instance, HostFacts.Read());

    internal static KvmReport Examine(string devicePath, IKvmSystem calls, HostFacts host)
    {
        var report = new KvmReport { DevicePath = devicePath, DeviceNodePresent = File.Exists(devicePath), Host = host };
        try
        {
            using KvmSystemHandle system = KvmSystemHandle.Open(calls, devicePath);
            var capabilities = new KvmCapabilities(system);
            report = report with { ApiVersion = KvmConstants.KVM_API_VERSION, Capabilities = capabilities.All };
            return capabilities.FirstMissing() is { } missing
                ? report with { Problem = KvmError.MissingCapability(missing) }
                : report with { NanosecondsPerInstruction = Ring0Timing.Measure(system) };
        }
        catch (VitrineException e)
        {
            return report with { Problem = e };
        }
    }
}
