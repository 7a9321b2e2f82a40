using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Step 2 as text.</summary>
internal static class StateText
{
    private static readonly int[] RegisterWidths = [10, 46];
    private static readonly int[] ChangeWidths = [30, 26];

    /// <summary>Writes it.</summary>
    public static void Write(StateStory state, StoryWriter writer)
    {
        writer.Subheading("Set before any state");
        foreach (SettingFact setting in state.Settings) writer.Fact(setting.Evidence, setting.Name, $"{setting.Value}. {setting.Why}", nameWidth: 22);
        writer.Subheading("The state in force at the first instruction");
        foreach (RegisterFact register in state.Registers) writer.Row(register.Evidence, RegisterWidths, [register.Name, register.Value, register.Note]);
        if (state.ClientPuts.Count > 0)
        {
            ClientText.WritePuts(state.ClientPuts, writer);
            return;
        }

        if (state.Puts.Count == 0) return;
        writer.Subheading("Puts: our copy of the registers goes to the accelerator");
        writer.Prose("While our copy is dirty it is the truth and must be put before the next run; a put makes it clean, and the accelerator's the truth.");
        foreach (PutFact put in state.Puts)
        {
            writer.Fact(put.Evidence, $"put, level {put.Level}", $"dirty {Word(put.DirtyBefore)} -> {Word(put.DirtyAfter)}; {ChangeText(put)}", nameWidth: 22);
            foreach (RegisterChange change in put.Changes)
            {
                writer.Row(put.Evidence, ChangeWidths, [$"    {change.Name}", change.Before, $"-> {change.After}"]);
            }
        }
    }

    private static string Word(bool value) => value ? "true" : "false";

    private static string ChangeText(PutFact put) => put.Changes.Count switch
    {
        0 => "the accelerator already had every register so",
        1 => "one register differs from what the accelerator had by itself:",
        int count => $"{count} registers differ from what the accelerator had by itself:",
    };
}
