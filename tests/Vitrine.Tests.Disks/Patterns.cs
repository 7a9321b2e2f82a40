using Vitrine.Disks;

namespace Vitrine.Tests.Disks;

/// <summary>Content to write, and the content of whole disks.</summary>
internal static class Patterns
{
    public static byte[] Random(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    public static byte[] ReadAll(DiskImage disk)
    {
        byte[] bytes = new byte[disk.Length];
        disk.Read(0, bytes);
        return bytes;
    }
}
