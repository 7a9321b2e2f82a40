namespace Vitrine.Disks;

/// <summary>The host failed to do what a disk was asked for. The guest sees it as an error of the request, as from a broken disk.</summary>
public sealed class DiskException : IOException
{
    /// <summary>Creates the error.</summary>
    /// <param name="fault">What kind of failure it is.</param>
    /// <param name="message">What happened to which file, in one sentence.</param>
    /// <param name="inner">The exception that led here, if any.</param>
    public DiskException(DiskFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>What kind of failure it is.</summary>
    public DiskFault Fault { get; }
}
