using System.Globalization;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Trace;

namespace Vitrine.KvmServer.Trace;

/// <summary>A client's call in words.</summary>
public static unsafe class CallWords
{
    /// <summary>Notes a call before it is carried out, for <see cref="IoctlDecoder"/> to decode behind it.</summary>
    public static IoctlCall Note(in KvmCall call)
    {
        // SAFETY: the pages are the vCPU's, which lives as long as a call on it.
        nuint length = call.Pages == 0 ? 0 : call.PagesLength;
        return new IoctlCall(call.Kind, call.Request, call.Argument, ClientArguments.Instance, (kvm_run*)call.Pages, length);
    }

    /// <summary>What it is made on: "system", "vm 1" or "vcpu 1.0".</summary>
    public static string Target(in KvmCall call) => call.Kind switch
    {
        KvmDescriptorKind.System => "system",
        KvmDescriptorKind.Vm => string.Create(CultureInfo.InvariantCulture, $"vm {call.Machine}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"vcpu {call.Machine}.{call.Vcpu}"),
    };
}
