using System.Globalization;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>The bits of a linear address, in the fields that select entries.</summary>
internal static class AddressBar
{
    private const int Height = 62;

    /// <summary>Draws it.</summary>
    /// <returns>The middle of each field, by level.</returns>
    public static IReadOnlyDictionary<int, int> Draw(SvgCanvas canvas, ulong linear, IReadOnlyList<AddressField> fields)
    {
        Dictionary<int, int> middles = [];
        int bits = fields.Sum(field => field.Size);
        int pitch = bits == 64 ? SvgCanvas.Width / 64 : 32;
        int x = (SvgCanvas.Width - (bits * pitch)) / 2;
        int y = canvas.Bottom;
        foreach (AddressField field in fields)
        {
            int width = field.Size * pitch;
            string style = field.Level < 0 ? "plain" : $"level{field.Level}";
            canvas.Begin("g", ("class", field.Used ? "field" : "field unused"));
            canvas.Box(x, y, width, Height, $"box {style}");
            canvas.Text(x + (width / 2), y + 18, field.Level > 0 ? ShortName(field, width) : field.Name, "middle small");
            for (int bit = field.High; bit >= field.Low; bit--)
            {
                canvas.Text(x + ((field.High - bit) * pitch) + (pitch / 2), y + 36, ((linear >> bit) & 1) == 1 ? "1" : "0", "middle code");
            }

            canvas.Text(x + (width / 2), y + 54, Value(field, linear), "middle small faint");
            canvas.End();
            middles[field.Level] = x + (width / 2);
            x += width;
        }

        canvas.Bottom = y + Height;
        return middles;
    }

    private static string ShortName(AddressField field, int width) => width < 100 ? field.Name : $"{field.Name} index";

    private static string Value(AddressField field, ulong linear)
    {
        ulong value = field.ValueIn(linear);
        return field.Level > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{field.High}:{field.Low} = {value}")
            : string.Create(CultureInfo.InvariantCulture, $"{field.High}:{field.Low} = 0x{value:x}");
    }
}
