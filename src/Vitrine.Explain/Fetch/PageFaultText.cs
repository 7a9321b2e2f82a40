using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;

namespace Vitrine.Explain.Fetch;

/// <summary>A page fault in words (SDM vol. 3, 4.7 "Page-Fault Exceptions").</summary>
internal static class PageFaultText
{
    /// <summary>The error code's bits.</summary>
    /// <param name="code">The error code.</param>
    /// <param name="isFetch">The access was a fetch; the error code says so only with execute-disable or SMEP.</param>
    public static string ErrorCode(uint code, bool isFetch) =>
        $"0x{code:x} ({((code & PageFaultError.P) != 0 ? "P: the page is present" : "P=0: not present")}, " +
        $"{Kind(code, isFetch)}, " +
        $"{((code & PageFaultError.US) != 0 ? "user" : "supervisor")}{((code & PageFaultError.RSVD) != 0 ? ", reserved bit set" : "")}" +
        $"{((code & PageFaultError.PK) != 0 ? ", PK: the protection key forbids it" : "")})";

    private static string Kind(uint code, bool isFetch) =>
        (code & PageFaultError.ID) != 0 ? "fetch"
        : (code & PageFaultError.WR) != 0 ? "write"
        : isFetch ? "a fetch, which counts as a read without NX and SMEP"
        : "read";

    /// <summary>Which rule a protection fault breaks (SDM vol. 3, 4.6).</summary>
    public static string Protection(in PagingContext context, PageRights rights, PageAccess access)
    {
        if (context.EntriesPermit(rights, access)) return ByKey(in context, rights, access);
        bool user = (access & PageAccess.User) != 0;
        bool userPage = (rights & PageRights.User) != 0;
        if (user && !userPage) return "a user-mode access to a supervisor page (U/S is 0 in some entry)";
        if ((access & PageAccess.Fetch) != 0)
        {
            return (rights & PageRights.Executable) == 0
                ? "a fetch from a page with execute-disable (XD is 1 in some entry)"
                : "a supervisor-mode fetch from a user page (CR4.SMEP)";
        }

        if (!user && userPage && context.Smap && (access & PageAccess.SmapOverride) == 0) return "a supervisor-mode access to a user page (CR4.SMAP, RFLAGS.AC is 0)";
        return user ? "a user-mode write to a read-only page" : "a supervisor-mode write to a read-only page (CR0.WP)";
    }

    private static string ByKey(in PagingContext context, PageRights rights, PageAccess access)
    {
        bool userPage = (rights & PageRights.User) != 0;
        uint register = userPage ? context.UserKeys : context.SupervisorKeys;
        int key = ProtectionKey.Of(rights);
        string right = ProtectionKey.DisablesAccess(register, key) ? "AD" : "WD";
        string who = (access & PageAccess.User) != 0 ? "user" : "supervisor";
        string what = (access & PageAccess.Write) != 0 ? "write to" : "read of";
        return $"a {who}-mode {what} a {(userPage ? "user" : "supervisor")} page with protection {PageTableEntryText.Key(key)}, " +
            $"whose {right} bit is set in {(userPage ? "PKRU" : "IA32_PKRS")}";
    }
}
