using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>Step 2.</summary>
internal static class StateHtml
{
    /// <summary>Writes it.</summary>
    public static void Write(StateStory state, HtmlWriter writer)
    {
        WriteSettings(state.Settings, "Set before any state", writer);
        writer.Element("h3", "The state in force at the first instruction");
        int remarkable = state.Registers.Count(register => register.Note.Length > 0);
        writer.Open("details", ("open", state.Registers.Count <= 12 ? "open" : null));
        writer.Element("summary", $"{state.Registers.Count} registers, {remarkable} with a note");
        HtmlTable registers = new(writer, "Registers", new("register", "code", IsHead: true), new("value", "code"), new("note"));
        foreach (RegisterFact register in state.Registers)
        {
            registers.Row(register.Evidence, null, register.Name, register.Value, register.Note);
        }

        registers.Close();
        writer.Close();
        if (state.ClientPuts.Count > 0)
        {
            ClientHtml.WritePuts(state.ClientPuts, writer);
            return;
        }

        if (state.Puts.Count == 0) return;
        writer.Element("h3", "Puts: our copy of the registers goes to the accelerator");
        writer.Element(
            "p",
            "While our copy is dirty it is the truth and must be put before the next run; a put makes it clean, and the accelerator's the truth.");
        foreach (PutFact put in state.Puts) WritePut(put, writer);
    }

    /// <summary>Writes settings as a table.</summary>
    public static void WriteSettings(IReadOnlyList<SettingFact> settings, string caption, HtmlWriter writer)
    {
        if (settings.Count == 0) return;
        HtmlTable table = new(writer, caption, new("setting", null, IsHead: true), new("value", "code"), new("why"));
        foreach (SettingFact setting in settings) table.Row(setting.Evidence, null, setting.Name, setting.Value, setting.Why);
        table.Close();
    }

    private static void WritePut(PutFact put, HtmlWriter writer)
    {
        string changed = put.Changes.Count switch
        {
            0 => "the accelerator already had every register so",
            1 => "one register differs from what the accelerator had by itself",
            int count => string.Create(CultureInfo.InvariantCulture, $"{count} registers differ from what the accelerator had by itself"),
        };
        string text = $" put, level {put.Level}: dirty {Word(put.DirtyBefore)} → {Word(put.DirtyAfter)}; {changed}";
        if (put.Changes.Count == 0)
        {
            writer.Open("p");
            writer.Mark(put.Evidence);
            writer.Text(text);
            writer.Close();
            return;
        }

        writer.Open("details", ("open", put.Changes.Count <= 12 ? "open" : null));
        writer.Open("summary");
        writer.Mark(put.Evidence);
        writer.Text(text);
        writer.Close();
        WriteChanges(put.Changes, put.Evidence, "Registers that the put changes", writer);
        writer.Close();
    }

    /// <summary>Writes registers that changed.</summary>
    public static void WriteChanges(IReadOnlyList<RegisterChange> changes, Evidence evidence, string caption, HtmlWriter writer)
    {
        if (changes.Count == 0) return;
        HtmlTable table = new(writer, caption, new("register", "code", IsHead: true), new("before", "code"), new("after", "code"));
        foreach (RegisterChange change in changes) table.Row(evidence, null, change.Name, change.Before, change.After);
        table.Close();
    }

    private static string Word(bool value) => value ? "true" : "false";
}
