using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>The table from an ioctl to the words for its arguments and its result: of those that the accelerator makes, and those that the server answers.</summary>
public static class IoctlDecoder
{
    /// <summary>Decodes a call that has been made. Arguments that the kernel fills in are decoded when it has.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">What it returned, or −errno.</param>
    /// <param name="to">Receives its arguments.</param>
    /// <returns>Its result in words.</returns>
    public static string Decode(in IoctlCall call, long result, CallArguments to)
    {
        ArgumentNullException.ThrowIfNull(to);
        if (!TryDecode(call, result, to, out string? text)) to.Hex("argument", call.Argument);
        return result < 0 ? ResultText.Plain(result) : text ?? ResultText.Plain(result);
    }

    /// <summary>Decodes a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">What it returned, or −errno.</param>
    /// <param name="to">Receives its arguments.</param>
    /// <param name="text">Its result, where it is more than a number.</param>
    /// <returns>False for an ioctl that is not in the table, and for one whose argument can't be read.</returns>
    public static bool TryDecode(in IoctlCall call, long result, CallArguments to, out string? text)
    {
        ArgumentNullException.ThrowIfNull(to);
        text = null;
        return call.Kind switch
        {
            KvmDescriptorKind.System => SystemCalls.TryDecode(call, result, to, ref text),
            KvmDescriptorKind.Vm => VmCalls.TryDecode(call, result, to, ref text),
            _ => VcpuCalls.TryDecode(call, result, to, ref text),
        };
    }
}
