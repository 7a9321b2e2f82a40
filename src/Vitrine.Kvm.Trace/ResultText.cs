using System.Globalization;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>What a system call returned, in words.</summary>
public static class ResultText
{
    /// <summary>A number, or the name of an error: "0", "-E2BIG".</summary>
    public static string Plain(long result) => result < 0 ? "-" + Errno.Name((int)-result) : result.ToString(CultureInfo.InvariantCulture);

    /// <summary>A descriptor: "fd 12".</summary>
    public static string Descriptor(long result) => result < 0 ? Plain(result) : "fd " + Plain(result);

    /// <summary>An address.</summary>
    public static string Address(nint result) => "0x" + result.ToString("x", CultureInfo.InvariantCulture);
}
