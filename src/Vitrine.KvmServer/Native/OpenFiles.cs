using System.Globalization;

namespace Vitrine.KvmServer.Native;

/// <summary>Which files this process has open, or mapped beside the mapping of the server itself.</summary>
internal static class OpenFiles
{
    /// <summary>Those of some files that have a descriptor in this process, or more than the one mapping that the server has.</summary>
    public static HashSet<FileIdentity> List(ICollection<FileIdentity> wanted)
    {
        HashSet<FileIdentity> open = [];
        foreach (string path in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            bool isNumber = int.TryParse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out int descriptor);
            if (isNumber && Libc.Identify(descriptor, out FileIdentity identity) == 0 && wanted.Contains(identity)) open.Add(identity);
        }

        Dictionary<ulong, int> mappings = [];
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            // address perms offset dev inode path
            if (!line.Contains("/memfd:kvm-", StringComparison.Ordinal)) continue;
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            ulong inode = ulong.Parse(words[4], CultureInfo.InvariantCulture);
            mappings[inode] = mappings.GetValueOrDefault(inode) + 1;
        }

        foreach (FileIdentity identity in wanted)
        {
            if (mappings.GetValueOrDefault(identity.Inode) > 1) open.Add(identity);
        }

        return open;
    }
}
