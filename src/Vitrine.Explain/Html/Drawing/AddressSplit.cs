using System.Numerics;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>Splits a linear address as the paging mode does (SDM vol. 3, figures 4-2 to 4-11).</summary>
internal static class AddressSplit
{
    /// <summary>The fields, from the highest bit down.</summary>
    public static IReadOnlyList<AddressField> Of(TranslationStory story)
    {
        (int bits, int levels, int indexBits) = story.PagingMode switch
        {
            "5-level paging" => (64, 5, 9),
            "4-level paging" => (64, 4, 9),
            "PAE paging" => (32, 3, 9),
            "32-bit paging" => (32, 2, 10),
            _ => (story.Linear > uint.MaxValue ? 64 : 32, 0, 0),
        };
        if (levels == 0) return [new("no fields: paging is off, no table is looked at", bits - 1, 0, 0, Used: true)];
        List<AddressField> fields = [];
        int top = 12 + (levels * indexBits);
        if (top < bits) fields.Add(new("sign extension", bits - 1, top, -1, Used: true));
        int offset = OffsetBits(story, indexBits);
        for (int level = levels; level > 0; level--)
        {
            int low = 12 + ((level - 1) * indexBits);
            if (low < offset) break;
            fields.Add(new(TableName(level), Math.Min(low + indexBits, bits) - 1, low, level, story.Walk.Any(entry => entry.Level == level)));
        }

        fields.Add(new("offset", offset - 1, 0, 0, story.Gpa is not null));
        return fields;
    }

    /// <summary>The short name of a level's table.</summary>
    public static string TableName(int level) => level switch { 5 => "PML5", 4 => "PML4", 3 => "PDPT", 2 => "page directory", _ => "page table" };

    // A large page leaves more bits to the offset; so does an entry with PS that then forbids the access.
    private static int OffsetBits(TranslationStory story, int indexBits)
    {
        if (story.PageSize is { } size) return BitOperations.Log2(size);
        return story.Walk is [.., { } last] && last.IsLeaf() ? 12 + ((last.Level - 1) * indexBits) : 12;
    }
}
