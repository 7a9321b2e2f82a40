namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>Who may open a device node, and who wants to: what an EACCES is explained from.</summary>
internal sealed record NodeRights
{
    private const int Read = 4;
    private const int Write = 2;
    private const int ReadWrite = Read | Write;

    /// <summary>The node's path.</summary>
    public required string Path { get; init; }

    /// <summary>The node's owner.</summary>
    public required Account Owner { get; init; }

    /// <summary>The node's group.</summary>
    public required Account Group { get; init; }

    /// <summary>The permission bits of its mode; with an ACL those of its group are the ACL's mask.</summary>
    public required int Mode { get; init; }

    /// <summary>The ACL's entries, as acl(5) has them; empty where the mode says everything.</summary>
    public IReadOnlyList<AclEntry> Acl { get; init; } = [];

    /// <summary>The user of this process.</summary>
    public required Account User { get; init; }

    /// <summary>The groups of this process, as numbers.</summary>
    public required IReadOnlyList<uint> Groups { get; init; }

    /// <summary>The user is listed as a member of the node's group, whether or not this process is in it.</summary>
    public bool UserIsListed { get; init; }

    /// <summary>A user or group, with its name where it has one.</summary>
    /// <param name="Id">The number.</param>
    /// <param name="Name">The name; null where /etc/passwd or /etc/group has none.</param>
    internal readonly record struct Account(uint Id, string? Name)
    {
        /// <inheritdoc/>
        public override string ToString() => Name ?? $"{Id}";
    }

    /// <summary>One entry of an ACL.</summary>
    /// <param name="Kind">What it is about.</param>
    /// <param name="Rights">4 to read, 2 to write.</param>
    /// <param name="Who">The user or group of a named entry.</param>
    internal readonly record struct AclEntry(AclKind Kind, int Rights, Account Who = default);

    /// <summary>Tags of ACL entries (&lt;linux/posix_acl.h&gt;).</summary>
    internal enum AclKind
    {
        /// <summary>ACL_USER_OBJ: the owner.</summary>
        Owner = 0x01,

        /// <summary>ACL_USER: a user.</summary>
        User = 0x02,

        /// <summary>ACL_GROUP_OBJ: the node's group.</summary>
        OwningGroup = 0x04,

        /// <summary>ACL_GROUP: a group.</summary>
        Group = 0x08,

        /// <summary>ACL_MASK: the most that groups and named users get.</summary>
        Mask = 0x10,

        /// <summary>ACL_OTHER: everybody else.</summary>
        Other = 0x20,
    }

    /// <summary>Why the process may not open the node, and what to do, each one sentence.</summary>
    public (string Why, string Remedy) Explain()
    {
        string node = $"It belongs to {Owner}:{Group} with mode {Convert.ToString(Mode, toBase: 8)}{NamedEntries()}";
        if (Permits())
        {
            return ($"{node}, which lets this user in, so a container's device rules or a security module forbid it.",
                $"Start the container with --device {Path}, or allow the device in the security module's policy.");
        }

        bool groupMay = Has(GroupRights());
        if (groupMay && UserIsListed)
        {
            return ($"{node}; the user {User} is a member of {Group}, but this session began before that.", "Log in again.");
        }

        if (groupMay && Group.Id != 0)
        {
            string enter = Group.Name is { } name
                ? $"Run `sudo usermod -aG {name} $USER` and log in again"
                : $"Give the process the group with that number (docker run --group-add {Group.Id})";
            return ($"{node}, and this user ({User}) is not in the group {Group}.", $"{enter}.");
        }

        return ($"{node}, which does not let this user ({User}) in.", $"Run `sudo setfacl -m u:$USER:rw {Path}`.");
    }

    // acl(5), "ACCESS CHECK ALGORITHM".
    private bool Permits()
    {
        if (User.Id == 0) return true;
        if (User.Id == Owner.Id) return Has(Mode >> 6);
        foreach (AclEntry entry in Acl)
        {
            if (entry.Kind == AclKind.User && entry.Who.Id == User.Id) return Has(entry.Rights & Mask);
        }

        bool inGroup = Groups.Contains(Group.Id);
        if (inGroup && Has(GroupRights())) return true;
        foreach (AclEntry entry in Acl)
        {
            if (entry.Kind != AclKind.Group || !Groups.Contains(entry.Who.Id)) continue;
            if (Has(entry.Rights & Mask)) return true;
            inGroup = true;
        }

        return !inGroup && Has(Mode);
    }

    private int Mask => Acl.Where(static entry => entry.Kind == AclKind.Mask).Select(static entry => entry.Rights).DefaultIfEmpty(ReadWrite).First();

    private int GroupRights() =>
        Acl.Where(static entry => entry.Kind == AclKind.OwningGroup).Select(static entry => entry.Rights).DefaultIfEmpty(Mode >> 3).First() & Mask;

    private static bool Has(int rights) => (rights & ReadWrite) == ReadWrite;

    private string NamedEntries()
    {
        string[] named = [.. Acl.Where(entry => entry.Kind is AclKind.User or AclKind.Group && Has(entry.Rights & Mask))
            .Select(static entry => $"{(entry.Kind == AclKind.User ? "user" : "group")} {entry.Who}")];
        return named.Length == 0 ? "" : $" and an ACL for {string.Join(", ", named)}";
    }
}
