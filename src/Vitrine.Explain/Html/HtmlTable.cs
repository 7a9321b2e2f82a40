using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>A table whose rows carry the mark of their evidence. On a narrow screen each row becomes a card, its cells labelled by the head.</summary>
internal sealed class HtmlTable
{
    private readonly HtmlWriter _writer;
    private readonly HtmlColumn[] _columns;

    /// <summary>Opens a table; <see cref="Close"/> ends it.</summary>
    public HtmlTable(HtmlWriter writer, string caption, params HtmlColumn[] columns)
    {
        _writer = writer;
        _columns = columns;
        writer.Open("div", ("class", "scroll"));
        writer.Open("table");
        writer.Element("caption", caption);
        writer.Open("thead");
        writer.Open("tr");
        writer.Open("th", ("scope", "col"), ("class", "evidence"));
        writer.Element("span", "how it is known", ("class", "spoken"));
        writer.Close();
        foreach (HtmlColumn column in columns) writer.Element("th", column.Name, ("scope", "col"), ("class", column.Style == "number" ? "number" : null));
        writer.Close();
        writer.Close();
        writer.Open("tbody");
    }

    /// <summary>A row. Cells that are empty are left out on a narrow screen.</summary>
    public void Row(Evidence evidence, string? style, params ReadOnlySpan<string> cells)
    {
        _writer.Open("tr", ("class", style));
        _writer.Open("td", ("class", "evidence"));
        _writer.Mark(evidence);
        _writer.Close();
        for (int i = 0; i < cells.Length; i++)
        {
            HtmlColumn column = _columns[i];
            string? classes = cells[i].Length == 0 ? $"{column.Style} empty" : column.Style;
            if (column.IsHead) _writer.Element("th", cells[i], ("scope", "row"), ("class", classes), ("data-label", column.Name));
            else _writer.Element("td", cells[i], ("class", classes), ("data-label", column.Name));
        }

        _writer.Close();
    }

    /// <summary>Ends it.</summary>
    public void Close()
    {
        _writer.Close();
        _writer.Close();
        _writer.Close();
    }
}
