using System.Globalization;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Trace;

/// <summary>What a call is made on, in words.</summary>
internal static class CallNames
{
    /// <summary>"system", "vm 1" or "vcpu 1.0".</summary>
    public static string Target(in KvmCall call) => call.Kind switch
    {
        KvmDescriptorKind.System => "system",
        KvmDescriptorKind.Vm => string.Create(CultureInfo.InvariantCulture, $"vm {call.Machine}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"vcpu {call.Machine}.{call.Vcpu}"),
    };
}
