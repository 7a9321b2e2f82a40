using System.Runtime.InteropServices;

namespace Vitrine.Disks.Host;

/// <summary>The kernel's <c>struct flock</c> of 64-bit processors.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileLock
{
    public const short F_RDLCK = 0;
    public const short F_WRLCK = 1;
    public const short F_UNLCK = 2;

    public short Type;
    public short Whence;
    public long Start;
    public long Length;
    public int Process;
}
