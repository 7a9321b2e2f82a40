using System.Globalization;
using System.Text;

namespace Vitrine.Boot;

/// <summary>
/// Writes a cpio archive in the "new ASCII" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst),
/// which is what the kernel unpacks as its initramfs.
/// </summary>
internal sealed class CpioWriter(Stream output)
{
    /// <summary>File type bits of a directory in a mode (S_IFDIR).</summary>
    internal const uint Directory = 0x4000;

    /// <summary>File type bits of a regular file (S_IFREG).</summary>
    internal const uint Regular = 0x8000;

    /// <summary>File type bits of a symbolic link (S_IFLNK).</summary>
    internal const uint SymbolicLink = 0xA000;

    /// <summary>File type bits of a character device (S_IFCHR).</summary>
    internal const uint CharacterDevice = 0x2000;

    private const string Magic = "070701";
    private const string Trailer = "TRAILER!!!";
    private const int Alignment = 4;

    private long _written;
    private uint _inode;

    /// <summary>Writes one entry, owned by root and dated 1970, so that equal content gives equal archives.</summary>
    /// <param name="name">Path without a leading slash.</param>
    /// <param name="mode">File type and permission bits.</param>
    /// <param name="content">A file's bytes, or a link's target.</param>
    /// <param name="major">Major number of a device.</param>
    /// <param name="minor">Minor number of a device.</param>
    internal void Write(string name, uint mode, ReadOnlySpan<byte> content, uint major = 0, uint minor = 0)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name + '\0');
        uint links = (mode & Directory) != 0 && (mode & Regular) == 0 ? 2u : 1u;
        uint inode = name == Trailer ? 0 : ++_inode;

        // ino, mode, uid, gid, nlink, mtime, filesize, dev major and minor, rdev major and minor, namesize, check.
        uint[] fields = [inode, mode, 0, 0, links, 0, (uint)content.Length, 0, 0, major, minor, (uint)nameBytes.Length, 0];
        string header = Magic + string.Concat(fields.Select(static field => field.ToString("X8", CultureInfo.InvariantCulture)));
        Put(Encoding.ASCII.GetBytes(header));
        Put(nameBytes);
        Pad();
        Put(content);
        Pad();
    }

    /// <summary>Writes the entry that ends the archive.</summary>
    internal void Finish() => Write(Trailer, 0, []);

    private void Put(ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        _written += bytes.Length;
    }

    private void Pad() => Put("\0\0\0"u8[..(int)(-_written & (Alignment - 1))]);
}
