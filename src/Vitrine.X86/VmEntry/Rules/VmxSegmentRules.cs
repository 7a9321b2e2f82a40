using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks on the guest's segment registers (SDM vol. 3, 26.3.1.2).</summary>
internal static class VmxSegmentRules
{
    private const string Section = "26.3.1.2";
    private const int CodeSegments = VmxView.Ldtr; // ES CS SS DS FS GS come first
    private const string Cache = "A VMM filled the hidden part of the register by hand and not from a descriptor.";

    private static readonly string[] s_names = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"];

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<VmxRule> All =>
        [.. Selectors(), .. Bases(), .. Limits(), .. CodeAndDataAccess(), .. TaskAccess(), .. LocalTableAccess()];

    private static IEnumerable<VmxRule> Selectors() =>
    [
        Rule("guest.tr.selector", [GuestTrSelector], "TR's selector is of the GDT (TI is zero).", "A task register was loaded from an LDT selector.",
            v => (v[GuestTrSelector] & 4) == 0),
        Rule("guest.ldtr.selector", [GuestLdtrSelector, GuestLdtrAccess], "LDTR's selector is of the GDT (TI is zero).",
            "An LDT selector was put for the LDT itself.",
            v => (v[GuestLdtrSelector] & 4) == 0, v => v.Usable(VmxView.Ldtr)),
        Rule("guest.ss.selector", [GuestSsSelector, GuestCsSelector, GuestRflags, PrimaryControls, SecondaryControls],
            "Without unrestricted guest the RPL of SS is that of CS.", "The guest is between real and protected mode, where selectors are not yet reloaded.",
            v => (v.Selector(VmxView.Ss) & 3) == (v.Selector(VmxView.Cs) & 3), v => !v.Virtual8086 && !v.Unrestricted),
    ];

    private static IEnumerable<VmxRule> Bases()
    {
        for (int i = 0; i < CodeSegments; i++)
        {
            int segment = i;
            yield return Rule(Id(i, "base.vm86"), [GuestEsBase + i, GuestEsSelector + i, GuestRflags],
                $"In virtual-8086 mode the base of {s_names[i]} is its selector times 16.",
                i == VmxView.Cs
                    ? "The processor is just out of reset: CS F000 has base FFFF0000, which virtual-8086 mode can't express, so that KVM emulates."
                    : "A guest that has loaded 32-bit bases is back in real mode (\"unreal mode\").",
                v => v.Base(segment) == v.Selector(segment) << 4, v => v.Virtual8086);
        }

        yield return Canonical(VmxView.Tr);
        yield return Canonical(4);
        yield return Canonical(5);
        yield return Rule(Id(VmxView.Ldtr, "base"), [GuestLdtrBase, GuestLdtrAccess, GuestCr4], "LDTR's base is canonical.", Cache,
            v => v.Canonical(v.Base(VmxView.Ldtr)), v => v.Usable(VmxView.Ldtr));
        yield return Rule(Id(VmxView.Cs, "base"), [GuestCsBase], "Bits 63:32 of CS's base are zero.", Cache, v => v.Base(VmxView.Cs) <= uint.MaxValue);
        foreach (int segment in (int[])[VmxView.Ss, 3, VmxView.Es])
        {
            yield return Rule(Id(segment, "base"), [GuestEsBase + segment, GuestEsAccess + segment], $"Bits 63:32 of {s_names[segment]}'s base are zero.", Cache,
                v => v.Base(segment) <= uint.MaxValue, v => v.Usable(segment));
        }
    }

    private static IEnumerable<VmxRule> Limits()
    {
        for (int i = 0; i < CodeSegments; i++)
        {
            int segment = i;
            yield return Rule(Id(i, "limit.vm86"), [GuestEsLimit + i, GuestRflags], $"In virtual-8086 mode the limit of {s_names[i]} is FFFF.",
                "A guest that has loaded larger limits is back in real mode (\"unreal mode\").",
                v => v.Limit(segment) == 0xFFFF, v => v.Virtual8086);
        }
    }

    private static IEnumerable<VmxRule> CodeAndDataAccess()
    {
        for (int i = 0; i < CodeSegments; i++)
        {
            int segment = i;
            yield return Rule(Id(i, "access.vm86"), [GuestEsAccess + i, GuestRflags], $"In virtual-8086 mode the access rights of {s_names[i]} are F3.",
                "The segment keeps rights from protected mode.",
                v => v.Access(segment) == 0xF3, v => v.Virtual8086);
        }

        yield return Rule("guest.cs.type", [GuestCsAccess, GuestRflags, PrimaryControls, SecondaryControls],
            "CS is accessed code (type 9, 11, 13 or 15); with unrestricted guest it may be type 3.", "CS holds a data segment, or code that isn't marked accessed.",
            v => v.Type(VmxView.Cs) is 9 or 11 or 13 or 15 || (v.Type(VmxView.Cs) == 3 && v.Unrestricted), Protected);
        yield return Rule("guest.ss.type", [GuestSsAccess, GuestRflags],
            "SS is writable, accessed data (type 3 or 7).", "The stack segment is read-only or code.",
            v => v.Type(VmxView.Ss) is 3 or 7, Used(VmxView.Ss));
        foreach (int segment in (int[])[3, VmxView.Es, 4, 5])
        {
            yield return Rule(Id(segment, "type"), [GuestEsAccess + segment, GuestRflags],
                $"{s_names[segment]} is accessed, and readable if it is code.", "The accessed bit is missing: a VMM built the rights from an untouched descriptor.",
                v => (v.Type(segment) & 1) != 0 && (v.Type(segment) & 0xA) != 8, Used(segment));
        }

        for (int i = 0; i < CodeSegments; i++)
        {
            int segment = i;
            yield return Rule(Id(i, "system"), [GuestEsAccess + i, GuestRflags], $"{s_names[i]} is a code or data segment (S is one).",
                "A system descriptor was put into a segment register.",
                v => (v.Access(segment) & 0x10) != 0, Used(i));
        }

        yield return Rule("guest.cs.dpl", [GuestCsAccess, GuestSsAccess, GuestRflags],
            "DPL of CS: zero for type 3, that of SS for nonconforming code, not above that of SS for conforming code.",
            "CS and SS come from different privilege levels.",
            v => v.Type(VmxView.Cs) switch
            {
                3 => v.Dpl(VmxView.Cs) == 0,
                9 or 11 => v.Dpl(VmxView.Cs) == v.Dpl(VmxView.Ss),
                13 or 15 => v.Dpl(VmxView.Cs) <= v.Dpl(VmxView.Ss),
                _ => true, // another type is refused for itself
            },
            Protected);
        yield return Rule("guest.ss.dpl.rpl", [GuestSsAccess, GuestSsSelector, GuestRflags, PrimaryControls, SecondaryControls],
            "Without unrestricted guest the DPL of SS is the RPL of its selector.", "SS's rights and selector come from different privilege levels.",
            v => v.Dpl(VmxView.Ss) == ((int)v.Selector(VmxView.Ss) & 3), v => Protected(v) && !v.Unrestricted);
        yield return Rule("guest.ss.dpl", [GuestSsAccess, GuestCsAccess, GuestCr0, GuestRflags],
            "The DPL of SS is zero in real mode, and when CS has type 3.", "A guest in real mode was given the rights of a user's stack.",
            v => v.Dpl(VmxView.Ss) == 0, v => Protected(v) && (!v.ProtectedMode || v.Type(VmxView.Cs) == 3));
        foreach (int segment in (int[])[3, VmxView.Es, 4, 5])
        {
            yield return Rule(Id(segment, "dpl"), [GuestEsAccess + segment, GuestEsSelector + segment, GuestRflags, PrimaryControls, SecondaryControls],
                $"Without unrestricted guest the DPL of {s_names[segment]} isn't below the RPL of its selector, for data and nonconforming code.",
                "The register was loaded in another mode, where privilege levels aren't compared.",
                v => v.Dpl(segment) >= ((int)v.Selector(segment) & 3), v => !v.Unrestricted && Used(segment)(v) && v.Type(segment) <= 11);
        }

        for (int i = 0; i < CodeSegments; i++)
        {
            int segment = i;
            yield return Rule(Id(i, "present"), [GuestEsAccess + i, GuestRflags], $"{s_names[i]} is present.", "The register was left zero: a VMM must fill the hidden part, or mark it unusable.",
                v => (v.Access(segment) & 0x80) != 0, Used(i));
            yield return Rule(Id(i, "reserved"), [GuestEsAccess + i, GuestRflags], $"Bits 11:8 and 31:17 of {s_names[i]}'s access rights are zero.",
                "The rights were taken from a descriptor without clearing its limit bits.",
                v => (v.Access(segment) & 0xFFFE_0F00) == 0, Used(i));
        }

        yield return Rule("guest.cs.long", [GuestCsAccess, EntryControls, GuestRflags],
            "In IA-32e mode CS hasn't both L and D.", "The 64-bit code segment was built from a 32-bit one with D left set.",
            v => (v.Access(VmxView.Cs) & 0x4000) == 0, v => Protected(v) && v.Ia32e && (v.Access(VmxView.Cs) & 0x2000) != 0);
        for (int i = 0; i < CodeSegments; i++)
        {
            yield return Granularity(i, Used(i));
        }
    }

    private static IEnumerable<VmxRule> TaskAccess() =>
    [
        Rule("guest.tr.type", [GuestTrAccess, EntryControls],
            "TR is a busy TSS: type 11, or outside IA-32e mode also type 3.", "A VMM left TR available (type 9), or empty: the register holds the busy type.",
            v => v.Type(VmxView.Tr) == 11 || (v.Type(VmxView.Tr) == 3 && !v.Ia32e)),
        Rule("guest.tr.system", [GuestTrAccess], "TR is a system segment (S is zero).", "A data segment's rights were put into TR.",
            v => (v.Access(VmxView.Tr) & 0x10) == 0),
        Rule("guest.tr.present", [GuestTrAccess], "TR is present.", "A VMM left TR empty: unlike LDTR it must be loaded.",
            v => (v.Access(VmxView.Tr) & 0x80) != 0),
        Rule("guest.tr.reserved", [GuestTrAccess], "Bits 11:8 and 31:17 of TR's access rights are zero.", Cache,
            v => (v.Access(VmxView.Tr) & 0xFFFE_0F00) == 0),
        Granularity(VmxView.Tr, null),
        Rule("guest.tr.usable", [GuestTrAccess], "TR is usable.", "A VMM left TR empty: unlike LDTR it must be loaded.",
            v => v.Usable(VmxView.Tr)),
    ];

    private static IEnumerable<VmxRule> LocalTableAccess() =>
    [
        Rule("guest.ldtr.type", [GuestLdtrAccess], "LDTR is an LDT (type 2).", Cache, v => v.Type(VmxView.Ldtr) == 2, v => v.Usable(VmxView.Ldtr)),
        Rule("guest.ldtr.system", [GuestLdtrAccess], "LDTR is a system segment (S is zero).", Cache,
            v => (v.Access(VmxView.Ldtr) & 0x10) == 0, v => v.Usable(VmxView.Ldtr)),
        Rule("guest.ldtr.present", [GuestLdtrAccess], "LDTR is present.", "An empty LDTR must be marked unusable.",
            v => (v.Access(VmxView.Ldtr) & 0x80) != 0, v => v.Usable(VmxView.Ldtr)),
        Rule("guest.ldtr.reserved", [GuestLdtrAccess], "Bits 11:8 and 31:17 of LDTR's access rights are zero.", Cache,
            v => (v.Access(VmxView.Ldtr) & 0xFFFE_0F00) == 0, v => v.Usable(VmxView.Ldtr)),
        Granularity(VmxView.Ldtr, v => v.Usable(VmxView.Ldtr)),
    ];

    private static VmxRule Canonical(int segment) =>
        Rule(Id(segment, "base"), [GuestEsBase + segment, GuestCr4], $"{s_names[segment]}'s base is canonical.", Cache, v => v.Canonical(v.Base(segment)));

    // A limit below 1 MiB may have either; one whose low bits aren't all ones can't come from pages, one with high bits only can.
    private static VmxRule Granularity(int segment, Func<VmxView, bool>? applies) =>
        Rule(Id(segment, "granularity"), [GuestEsLimit + segment, GuestEsAccess + segment, GuestRflags],
            $"{s_names[segment]}'s limit fits its granularity: G is zero unless bits 11:0 are ones, and one unless bits 31:20 are zero.",
            "The limit was put in pages, or as 4 GiB without G.",
            v => (v.Access(segment) & 0x8000) != 0 ? (v.Limit(segment) & 0xFFF) == 0xFFF : v.Limit(segment) >> 20 == 0, applies);

    private static bool Protected(VmxView v) => !v.Virtual8086;

    // CS is always checked; the others only when usable. In virtual-8086 mode access rights have one value.
    private static Func<VmxView, bool> Used(int segment) =>
        segment == VmxView.Cs ? Protected : v => !v.Virtual8086 && v.Usable(segment);

    private static string Id(int segment, string what) => $"guest.{s_names[segment].ToLowerInvariant()}.{what}";

    private static VmxRule Rule(
        string id, ReadOnlySpan<VmcsField> fields, string text, string cause, Func<VmxView, bool> holds, Func<VmxView, bool>? applies = null) =>
        new(EntryRefusal.VmxGuest, id, Section, fields, text, cause, holds, applies);
}
