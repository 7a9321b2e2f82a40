using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>Takes a page-table entry apart (SDM vol. 3, tables 4-4 to 4-20).</summary>
internal static class EntryBits
{
    /// <summary>Meaning of bits that must be 0.</summary>
    public const string Reserved = "reserved: must be 0";

    /// <summary>The fields, from the highest bit down.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="wide">It has 8 bytes.</param>
    public static IReadOnlyList<EntryBit> Of(WalkEntry entry, bool wide)
    {
        ulong value = entry.Value;
        if ((value & 1) == 0)
        {
            return [new(wide ? 63 : 31, 1, "", "ignored: the operating system's own while P is 0"), new(0, 0, "P", "not present")];
        }

        bool leaf = entry.IsLeaf();
        List<EntryBit> fields = [];
        if (wide) AddHigh(fields, value, leaf, entry.IsRegister());
        AddAddress(fields, entry, wide, leaf);
        fields.Add(new(11, 9, "", "ignored"));
        if (entry.IsRegister())
        {
            fields.Add(new(8, 5, "", Reserved));
            AddCaching(fields, value);
            fields.Add(new(2, 1, "", Reserved));
        }
        else
        {
            AddLow(fields, entry, leaf);
        }

        fields.Add(new(0, 0, "P", "present"));
        return fields;
    }

    private static void AddHigh(List<EntryBit> fields, ulong value, bool leaf, bool register)
    {
        if (register)
        {
            fields.Add(new(63, 52, "", Reserved));
            return;
        }

        fields.Add(new(63, 63, "XD", Bit(value, 63) ? "execute-disable: no fetches from here" : "fetches are allowed"));
        if (leaf)
        {
            fields.Add(new(62, 59, "key", "protection key, with CR4.PKE or PKS"));
            fields.Add(new(58, 52, "", "ignored"));
        }
        else
        {
            fields.Add(new(62, 52, "", "ignored"));
        }
    }

    private static void AddAddress(List<EntryBit> fields, WalkEntry entry, bool wide, bool leaf)
    {
        int top = wide ? 51 : 31;
        if (!leaf || entry.Level == 1)
        {
            fields.Add(new(top, 12, "address", $"of the {(leaf ? "page" : AddressSplit.TableName(entry.Level - 1))}: {Masked(entry.Value, top, 12)}"));
            return;
        }

        int low = entry.Level == 3 ? 30 : wide ? 21 : 22;
        fields.Add(new(top, low, "address", $"of the page: {Masked(entry.Value, top, low)}"));
        if (wide)
        {
            fields.Add(new(low - 1, 13, "", Reserved));
        }
        else
        {
            fields.Add(new(21, 21, "", Reserved));
            fields.Add(new(20, 13, "high", "bits 39:32 of the page's address (PSE-36)"));
        }

        fields.Add(new(12, 12, "PAT", "memory type, with PCD and PWT"));
    }

    private static void AddLow(List<EntryBit> fields, WalkEntry entry, bool leaf)
    {
        ulong value = entry.Value;
        fields.Add(leaf ? new(8, 8, "G", Bit(value, 8) ? "global: survives a load of CR3 (CR4.PGE)" : "not global") : new(8, 8, "", "ignored"));
        if (entry.Level == 1) fields.Add(new(7, 7, "PAT", "memory type, with PCD and PWT"));
        else if (entry.Level is 2 or 3) fields.Add(new(7, 7, "PS", Bit(value, 7) ? "maps a large page" : "points at a table"));
        else fields.Add(new(7, 7, "", Reserved));
        fields.Add(leaf ? new(6, 6, "D", Bit(value, 6) ? "dirty: written to" : "not written to yet") : new(6, 6, "", "ignored"));
        fields.Add(new(5, 5, "A", Bit(value, 5) ? "accessed: used in a translation" : "not used in a translation yet"));
        AddCaching(fields, value);
        fields.Add(new(2, 2, "U/S", Bit(value, 2) ? "user mode may, if all levels say so" : "supervisor mode only"));
        fields.Add(new(1, 1, "R/W", Bit(value, 1) ? "writes allowed, if all levels say so" : "read-only"));
    }

    private static void AddCaching(List<EntryBit> fields, ulong value)
    {
        fields.Add(new(4, 4, "PCD", Bit(value, 4) ? "not cached" : "cached"));
        fields.Add(new(3, 3, "PWT", Bit(value, 3) ? "write-through" : "write-back"));
    }

    private static bool Bit(ulong value, int bit) => ((value >> bit) & 1) == 1;

    private static string Masked(ulong value, int high, int low) => string.Create(
        CultureInfo.InvariantCulture, $"0x{value & ((1UL << (high + 1)) - 1) & ~((1UL << low) - 1):x}");
}
