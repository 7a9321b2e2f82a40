using System.Globalization;
using System.Runtime.InteropServices;

namespace Vitrine.Disks.Host;

/// <summary>What an error number of the host means for a disk.</summary>
internal static class HostError
{
    /// <summary>The error of a call on an open file.</summary>
    /// <param name="name">The file.</param>
    /// <param name="action">What was tried, as a gerund: "Reading".</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="error">The error number.</param>
    public static DiskException Of(string name, string action, long offset, long length, int error) => new(
        Fault(error),
        string.Create(
            CultureInfo.InvariantCulture,
            $"{action} {length} bytes at {offset} of '{name}' failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})."));

    /// <summary>The error of a call on a whole file.</summary>
    public static DiskException Of(string name, string action, int error) =>
        new(Fault(error), $"{action} '{name}' failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error.ToString(CultureInfo.InvariantCulture)}).");

    private static DiskFault Fault(int error) => error is HostCalls.ENOSPC or HostCalls.EDQUOT or HostCalls.EFBIG ? DiskFault.NoSpace : DiskFault.HostError;
}
