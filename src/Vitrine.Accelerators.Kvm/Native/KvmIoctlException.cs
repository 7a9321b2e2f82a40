namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>
/// A failed ioctl with its number, for programs. People get the <see cref="Errors.VitrineException"/> around it.
/// </summary>
public sealed class KvmIoctlException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="request">The ioctl's name in &lt;linux/kvm.h&gt;.</param>
    /// <param name="errno">What it failed with, a number of Linux.</param>
    public KvmIoctlException(string request, int errno)
        : base($"{request}: {Vitrine.Kvm.Abi.Errno.Name(errno)}")
    {
        Request = request;
        Errno = errno;
    }

    /// <summary>The ioctl's name in &lt;linux/kvm.h&gt;.</summary>
    public string Request { get; }

    /// <summary>What it failed with, a number of Linux.</summary>
    public int Errno { get; }
}
