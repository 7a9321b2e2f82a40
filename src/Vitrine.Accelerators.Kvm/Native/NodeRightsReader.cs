using System.Buffers.Binary;
using System.Globalization;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>Reads <see cref="NodeRights"/> from the host.</summary>
internal static unsafe class NodeRightsReader
{
    private const string AclAttribute = "system.posix_acl_access";
    private const int AclVersion = 2;
    private const int AclHeader = 4;
    private const int AclEntrySize = 8;
    private const int MostGroups = 65536;

    /// <summary>The rights of a node; null when they can't be read.</summary>
    public static NodeRights? Read(string path)
    {
        statx_result node;

        // SAFETY: statx fills the structure, which has its size and lies on the stack.
        if (Libc.Statx(Libc.AT_FDCWD, path, 0, Libc.STATX_BASIC_STATS, &node) != 0) return null;
        string[] users = Lines("/etc/passwd");
        string[] groups = Lines("/etc/group");
        uint user = Libc.GetEffectiveUser();
        string? userName = NameOf(users, user);
        return new NodeRights
        {
            Path = path,
            Owner = new NodeRights.Account(node.stx_uid, NameOf(users, node.stx_uid)),
            Group = new NodeRights.Account(node.stx_gid, NameOf(groups, node.stx_gid)),
            Mode = node.stx_mode & 0x1FF,
            Acl = ReadAcl(path, users, groups),
            User = new NodeRights.Account(user, userName),
            Groups = OwnGroups(),
            UserIsListed = userName is not null && Members(groups, node.stx_gid).Contains(userName),
        };
    }

    /// <summary>Reads the value of the attribute that holds an ACL: a version, then 8 bytes for each entry (&lt;linux/posix_acl_xattr.h&gt;).</summary>
    internal static IReadOnlyList<NodeRights.AclEntry> ParseAcl(ReadOnlySpan<byte> value, string[] users, string[] groups)
    {
        List<NodeRights.AclEntry> entries = [];
        if (value.Length < AclHeader || BinaryPrimitives.ReadInt32LittleEndian(value) != AclVersion) return entries;
        for (value = value[AclHeader..]; value.Length >= AclEntrySize; value = value[AclEntrySize..])
        {
            NodeRights.AclKind kind = (NodeRights.AclKind)BinaryPrimitives.ReadUInt16LittleEndian(value);
            uint id = BinaryPrimitives.ReadUInt32LittleEndian(value[4..]);
            string? name = kind switch
            {
                NodeRights.AclKind.User => NameOf(users, id),
                NodeRights.AclKind.Group => NameOf(groups, id),
                _ => null,
            };
            entries.Add(new NodeRights.AclEntry(kind, BinaryPrimitives.ReadUInt16LittleEndian(value[2..]), new NodeRights.Account(id, name)));
        }

        return entries;
    }

    private static IReadOnlyList<NodeRights.AclEntry> ReadAcl(string path, string[] users, string[] groups)
    {
        byte[] value = new byte[4096];

        // SAFETY: the array is pinned for the call, and its length goes with it.
        fixed (byte* start = value)
        {
            nint length = Libc.GetAttribute(path, AclAttribute, start, (nuint)value.Length);
            return length <= 0 ? [] : ParseAcl(value.AsSpan(0, (int)length), users, groups);
        }
    }

    private static uint[] OwnGroups()
    {
        uint[] groups = new uint[MostGroups];

        // SAFETY: the array is pinned for the call, and its length goes with it.
        fixed (uint* first = groups)
        {
            int count = Libc.GetGroups(groups.Length, first);
            return [Libc.GetEffectiveGroup(), .. groups.AsSpan(0, Math.Max(0, count))];
        }
    }

    // passwd(5) and group(5): name:password:number:..., in a group's fourth field its members.
    private static string? NameOf(string[] lines, uint id) => Entry(lines, id)?[0];

    private static string[] Members(string[] groups, uint id) => Entry(groups, id) is { Length: > 3 } fields ? fields[3].Split(',') : [];

    private static string[]? Entry(string[] lines, uint id) => lines.Select(static line => line.Split(':'))
        .FirstOrDefault(fields => fields.Length > 2 && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number == id);

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
