using System.Buffers.Binary;
using System.Globalization;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>A piece of code that all blocks share, as calls to it are listed.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Site">What the bytes behind the call hold.</param>
internal readonly record struct SharedCode(string Name, SiteKind Site)
{
    /// <summary>How many bytes behind the call are data.</summary>
    public int SiteBytes => Site switch
    {
        SiteKind.None => 0,
        SiteKind.Offset => 2,
        SiteKind.Access => MissSite.Bytes,
        _ => 7,
    };

    /// <summary>What the data says.</summary>
    /// <param name="data">The bytes behind the call.</param>
    /// <param name="marks">Knows RIPs.</param>
    public string Note(ReadOnlySpan<byte> data, CodeMarks marks)
    {
        if (Site == SiteKind.None) return "";
        string rip = marks.Rip(BinaryPrimitives.ReadUInt16LittleEndian(Site == SiteKind.Access ? data[MissSite.Offset..] : data));
        return Site switch
        {
            SiteKind.Offset => rip,
            SiteKind.Access => string.Create(CultureInfo.InvariantCulture, $"{rip}, size {data[MissSite.Size] + 1}"),
            _ => $"{rip}, {LinkName((LinkTraits)data[6])}",
        };
    }

    private static string LinkName(LinkTraits traits) => traits switch
    {
        LinkTraits.Backwards => "backwards",
        LinkTraits.Unshared => "each access alone",
        _ => "forwards",
    };
}
