using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>The program that KVM was served to.</summary>
internal static class ClientHtml
{
    /// <summary>Writes which functions stand behind its calls.</summary>
    public static void WriteFunctions(ClientStory client, HtmlWriter writer)
    {
        writer.Open("p");
        writer.Mark(client.Evidence);
        writer.Text(string.Create(CultureInfo.InvariantCulture, $" {client.Program}, process {client.Process}"));
        writer.Close();
        if (client.Functions.Count == 0) return;
        writer.Element("h3", $"Which functions of {client.Monitor} stand behind the calls");
        HtmlTable table = new(
            writer, "Functions, in the order of their calls", new("calls", "code"), new("how many", "number"), new("function", "code", IsHead: true), new("what it is there for"));
        foreach (ClientFunctionFact fact in client.Functions)
        {
            string numbers = fact.FirstCall == fact.LastCall ? Number(fact.FirstCall) : $"{Number(fact.FirstCall)}-{Number(fact.LastCall)}";
            table.Row(fact.Evidence, null, numbers, Number(fact.Calls), fact.Function, fact.Purpose);
        }

        table.Close();
    }

    /// <summary>Writes its puts.</summary>
    public static void WritePuts(IReadOnlyList<ClientPutFact> puts, HtmlWriter writer)
    {
        writer.Element("h3", "Puts: the client's copy of the registers goes to KVM");
        foreach (ClientPutFact put in puts)
        {
            writer.Open("p");
            writer.Mark(put.Evidence);
            writer.Text(put.Level.Length > 0 ? $" {put.Level}. {put.Why}" : $" {put.Why}");
            writer.Close();
            foreach (ClientPutCallFact call in put.Calls) WriteCall(call, writer);
        }
    }

    private static void WriteCall(ClientPutCallFact call, HtmlWriter writer)
    {
        string function = call.Function.Length > 0 ? $", {call.Function}" : "";
        string text = string.Create(CultureInfo.InvariantCulture, $" #{call.Call} {call.Name}{function}: {call.Values} values, {Changed(call.Changes.Count)}");
        bool folds = call.Changes.Count > 0;
        writer.Open(folds ? "details" : "p");
        if (folds) writer.Open("summary");
        writer.Mark(call.Evidence);
        writer.Text(text);
        if (folds) writer.Close();
        StateHtml.WriteChanges(call.Changes, call.Evidence, "Registers that the call changed", writer);
        writer.Close();
    }

    private static string Changed(int count) => count switch
    {
        0 => "nothing changed: all was there already",
        1 => "one register changed",
        _ => $"{Number(count)} registers changed",
    };

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
