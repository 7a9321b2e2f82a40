using System.Globalization;

namespace Vitrine.Accelerators.Translation;

/// <summary>Writes a listing as text: guest code at the left, the host code that was made of it beside it.</summary>
public static class BlockListingText
{
    private const int GuestColumn = 44;
    private const int NoteColumn = 44;

    /// <summary>Writes a listing.</summary>
    /// <param name="listing">The block.</param>
    /// <param name="output">Where to.</param>
    /// <param name="marked">RIP of an instruction to mark with an arrow; null for none.</param>
    public static void Write(BlockListing listing, TextWriter output, ulong? marked = null)
    {
        ArgumentNullException.ThrowIfNull(listing);
        ArgumentNullException.ThrowIfNull(output);
        double ratio = listing.GuestBytes == 0 ? 0 : (double)listing.HostBytes / listing.GuestBytes;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{listing.Bitness}-bit code at 0x{listing.Rip:x}: {Count(listing.GuestInstructions, "instruction")}, {Count(listing.GuestBytes, "byte")}; " +
            $"host code {Count(listing.HostBytes, "byte")}, {ratio:0.0} for each guest byte"));
        output.WriteLine();
        WriteRow(output, "guest", "host");
        foreach (BlockPart part in listing.Parts) WritePart(output, part, marked);
    }

    private static void WritePart(TextWriter output, BlockPart part, ulong? marked)
    {
        string left = part.Title;
        if (part.Guest is { } guest)
        {
            string arrow = guest.Rip == marked ? "> " : "";
            left = string.Create(CultureInfo.InvariantCulture, $"{arrow}{guest.Rip:x}  {guest.Text}");
        }

        if (part.Host.Count == 0) WriteRow(output, left, "");
        foreach (HostCodeLine line in part.Host)
        {
            string right = string.Create(CultureInfo.InvariantCulture, $"{line.Offset,4:x}  {line.Text}");
            WriteRow(output, left, line.Note.Length == 0 ? right : $"{right.PadRight(NoteColumn)} ; {line.Note}");
            left = "";
        }
    }

    private static void WriteRow(TextWriter output, string left, string right)
    {
        // What doesn't fit beside the host code stands above it.
        if (left.Length >= GuestColumn && right.Length > 0)
        {
            output.WriteLine(left);
            left = "";
        }

        output.WriteLine(right.Length == 0 ? left : $"{left.PadRight(GuestColumn)}{right}");
    }

    private static string Count(int number, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {what}{(number == 1 ? "" : "s")}");
}
