using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>The program that KVM was served to, as text.</summary>
internal static class ClientText
{
    private static readonly int[] s_widths = [9, 6, 44];
    private static readonly int[] s_putWidths = [5, 22, 14];
    private static readonly int[] s_changeWidths = [30, 26];

    /// <summary>Writes which functions stand behind its calls.</summary>
    public static void WriteFunctions(ClientStory client, StoryWriter writer)
    {
        writer.Fact(client.Evidence, "client", string.Create(CultureInfo.InvariantCulture, $"{client.Program}, process {client.Process}"));
        if (client.Functions.Count == 0)
        {
            writer.Prose("Which of its functions make the calls isn't known.");
            return;
        }

        writer.Subheading($"Which functions of {client.Monitor} stand behind the calls");
        writer.Head(s_widths, ["calls", "", "function", "what it is there for"]);
        foreach (ClientFunctionFact fact in client.Functions)
        {
            string numbers = fact.FirstCall == fact.LastCall ? Number(fact.FirstCall) : $"{Number(fact.FirstCall)}-{Number(fact.LastCall)}";
            writer.Row(fact.Evidence, s_widths, [numbers, fact.Calls > 1 ? $"×{Number(fact.Calls)}" : "", fact.Function, fact.Purpose]);
        }
    }

    /// <summary>Writes the puts.</summary>
    public static void WritePuts(IReadOnlyList<ClientPutFact> puts, StoryWriter writer)
    {
        writer.Subheading("Puts: the client's copy of the registers goes to KVM");
        foreach (ClientPutFact put in puts)
        {
            writer.Gap();
            writer.Fact(put.Evidence, "put", put.Level.Length > 0 ? $"{put.Level}. {put.Why}" : put.Why, nameWidth: 5);
            foreach (ClientPutCallFact call in put.Calls)
            {
                string changes = call.Changes.Count switch
                {
                    0 => "nothing: all was there already",
                    1 => "one register:",
                    int count => $"{Number(count)} registers:",
                };
                string function = call.Function.Length > 0 ? $" ({call.Function})" : "";
                writer.Row(call.Evidence, s_putWidths, [$"#{Number(call.Call)}", call.Name, $"{Number(call.Values)} values", $"changed {changes}{function}"]);
                foreach (RegisterChange change in call.Changes) writer.Row(call.Evidence, s_changeWidths, [$"    {change.Name}", change.Before, $"-> {change.After}"]);
            }
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
