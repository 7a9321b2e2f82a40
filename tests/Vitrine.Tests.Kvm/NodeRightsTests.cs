using Vitrine.Accelerators.Kvm.Native;
using Xunit;
using static Vitrine.Accelerators.Kvm.Native.NodeRights;

namespace Vitrine.Tests.Kvm;

/// <summary>What a user reads who may not open /dev/kvm: taken from the node's rights, as acl(5) has them, not from what distributions do.</summary>
public sealed class NodeRightsTests
{
    private const uint Alice = 1000;
    private static readonly string[] s_users = ["root:x:0:0::/root:/bin/sh", "alice:x:1000:1000::/home/alice:/bin/sh"];
    private static readonly string[] s_groups = ["root:x:0:", "kvm:x:104:bob,alice", "virt:x:36:bob"];

    public static TheoryData<string, uint, string?, string, uint[], bool, string, string> Cases => new()
    {
        // mode, group, its name, ACL, groups of the process, listed, cause, remedy
        { "600", 0, "root", "", [Alice], false, "root:root with mode 600, which does not let this user (alice) in", "setfacl -m u:$USER:rw /dev/kvm" },
        { "660", 36, "virt", "", [Alice], false, "root:virt with mode 660, and this user (alice) is not in the group virt", "usermod -aG virt" },
        { "660", 104, "kvm", "", [Alice], true, "is a member of kvm, but this session", "Log in again" },
        { "660", 993, null, "", [Alice], false, "root:993 with mode 660, and this user (alice) is not in the group 993", "--group-add 993" },
        { "660", 104, "kvm", "", [Alice, 104], true, "lets this user in", "--device /dev/kvm" },
        { "666", 0, "root", "", [Alice], false, "lets this user in", "--device /dev/kvm" },
        { "606", 36, "virt", "", [Alice, 36], false, "does not let this user (alice) in", "setfacl" },
        { "660", 0, "root", "u::rw- u:1000:rw- g::--- m::rw- o::---", [Alice], false, "lets this user in", "--device" },
        { "660", 0, "root", "u::rw- u:7:rw- g:36:rw- g::--- m::rw- o::---", [Alice], false, "an ACL for user 7, group virt", "setfacl" },
        { "660", 0, "root", "u::rw- g:36:rw- g::--- m::rw- o::---", [Alice, 36], false, "lets this user in", "--device" },
        { "640", 0, "root", "u::rw- u:1000:rw- g::--- m::r-- o::---", [Alice], false, "does not let this user (alice) in", "setfacl" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheCauseComesFromTheNode(
        string mode, uint group, string? groupName, string acl, uint[] groups, bool listed, string cause, string remedy)
    {
        NodeRights rights = new()
        {
            Path = "/dev/kvm",
            Owner = new Account(0, "root"),
            Group = new Account(group, groupName),
            Mode = Convert.ToInt32(mode, 8),
            Acl = NodeRightsReader.ParseAcl(Attribute(acl), s_users, s_groups),
            User = new Account(Alice, "alice"),
            Groups = groups,
            UserIsListed = listed,
        };
        (string why, string whatToDo) = rights.Explain();
        Assert.Contains(cause, why, StringComparison.Ordinal);
        Assert.Contains(remedy, whatToDo, StringComparison.Ordinal);
        Assert.EndsWith(".", whatToDo, StringComparison.Ordinal);
    }

    [Fact]
    public void AFilesRightsAreRead()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            NodeRights rights = NodeRightsReader.Read(path)!;
            Assert.Equal(0b110_100_000, rights.Mode);
            Assert.Equal(rights.User, rights.Owner);
            Assert.Equal(Environment.UserName, rights.User.Name);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void ANodeThatIsNotThereHasNoRights() => Assert.Null(NodeRightsReader.Read("/nonexistent/kvm"));

    // <linux/posix_acl_xattr.h>: a version, 2, then for each entry a tag, rights and a number.
    private static byte[] Attribute(string acl)
    {
        if (acl.Length == 0) return [];
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(2);
        foreach (string entry in acl.Split(' '))
        {
            string[] fields = entry.Split(':');
            bool named = fields[1].Length > 0;
            writer.Write((ushort)(fields[0] switch { "u" => named ? 0x02 : 0x01, "g" => named ? 0x08 : 0x04, "m" => 0x10, _ => 0x20 }));
            writer.Write((ushort)((fields[2].Contains('r') ? 4 : 0) | (fields[2].Contains('w') ? 2 : 0)));
            writer.Write(named ? uint.Parse(fields[1], null) : uint.MaxValue);
        }

        return stream.ToArray();
    }
}
