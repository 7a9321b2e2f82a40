using System.Globalization;
using Vitrine.Explain.Brief;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>
/// A story as one self-contained HTML file: no script, nothing loaded from elsewhere. It tells the same steps as
/// <see cref="StoryText"/> and draws each translation.
/// </summary>
public static class StoryHtml
{
    // With more instructions than these, all but the first and the last are folded.
    private const int UnfoldedInstructions = 4;

    /// <summary>Writes a story.</summary>
    /// <param name="story">The story.</param>
    /// <param name="output">Where to; UTF-8, as the file says of itself.</param>
    /// <param name="view">How much of it; null for the whole.</param>
    public static void Write(Story story, TextWriter output, StoryView? view = null)
    {
        ArgumentNullException.ThrowIfNull(story);
        ArgumentNullException.ThrowIfNull(output);
        view ??= StoryView.Whole;
        HtmlWriter writer = new(output);
        Begin(writer, $"The first instruction of {story.Machine.Guest}");
        writer.Open("header");
        writer.Element("h1", "How this machine comes to its first instruction");
        if (view.Has(StorySections.Machine)) MachineHtml.WriteFacts(story.Machine, story.Symbols, writer);
        WriteLegend(writer);
        if (!view.IsBrief) WriteContents(story, view, writer);
        writer.Close();
        writer.Open("main");
        if (view.Has(StorySections.Drawing)) WriteFirstDrawing(story, writer);
        if (view.IsBrief) WriteBrief(story, writer);
        else WriteSteps(story, view, writer);
        End(writer);
    }

    private static void WriteSteps(Story story, StoryView view, HtmlWriter writer)
    {
        if (view.Has(StorySections.Machine)) Section(writer, "memory", "Memory slots", w => MachineHtml.WriteSlots(story.Machine, w));
        if (view.Has(StorySections.Creation))
        {
            Section(writer, "creation", story.Client is null ? "1. Creation: the calls to the accelerator" : "1. Creation: the calls of the client", w =>
            {
                if (story.Client is { } client) ClientHtml.WriteFunctions(client, w);
                CreationHtml.Write(story.Creation, w);
            });
        }

        Write(new VcpuStory(0, story.State, story.Entry, story.Instructions, story.End), "", "", view, writer);
        foreach (VcpuStory vcpu in story.OtherVcpus)
        {
            Write(
                vcpu,
                string.Create(CultureInfo.InvariantCulture, $"vcpu{vcpu.Vcpu}-"),
                string.Create(CultureInfo.InvariantCulture, $"vCPU {vcpu.Vcpu}: "),
                view,
                writer);
        }
    }

    private static void WriteBrief(Story story, HtmlWriter writer)
    {
        StoryBrief brief = StoryBriefing.Of(story);
        foreach (BriefVcpu vcpu in brief.Vcpus)
        {
            string id = string.Create(CultureInfo.InvariantCulture, $"brief-{vcpu.Vcpu}");
            Section(writer, id, brief.Vcpus.Count == 1 ? "In brief" : $"vCPU {vcpu.Vcpu} in brief", w =>
            {
                BriefHtml.WriteVcpu(vcpu, w);
                if (vcpu == brief.Vcpus[0]) BriefHtml.WriteCalls(brief.Calls, w);
            });
        }
    }

    /// <summary>Writes the story of one address.</summary>
    /// <param name="story">The story.</param>
    /// <param name="output">Where to; UTF-8, as the file says of itself.</param>
    public static void Write(TranslationStory story, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(story);
        ArgumentNullException.ThrowIfNull(output);
        HtmlWriter writer = new(output);
        Begin(writer, $"Translation of {Hex.Of(story.Linear)}");
        writer.Open("header");
        writer.Element("h1", $"Translation of {Hex.Of(story.Linear)}");
        WriteLegend(writer);
        writer.Close();
        writer.Open("main");
        writer.Open("section");
        TranslationHtml.Write(story, writer);
        writer.Close();
        End(writer);
    }

    private static void Begin(HtmlWriter writer, string title)
    {
        writer.Raw("<!DOCTYPE html>\n");
        writer.Open("html", ("lang", "en"));
        writer.Open("head");
        writer.Void("meta", ("charset", "utf-8"));
        writer.Void("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        writer.Void("meta", ("name", "color-scheme"), ("content", "light dark"));

        // The story quotes names of files and words of the guest; should one ever escape the escaping, nothing of it may load or run.
        writer.Void("meta", ("http-equiv", "Content-Security-Policy"), ("content", "default-src 'none'; style-src 'unsafe-inline'"));
        writer.Element("title", title);
        writer.Open("style");
        writer.Raw(StoryStyle.Sheet);
        writer.Close();
        writer.Close();
        writer.Open("body");
    }

    private static void End(HtmlWriter writer)
    {
        writer.Close();
        writer.Close();
        writer.Close();
        writer.Raw("\n");
    }

    private static void WriteLegend(HtmlWriter writer)
    {
        writer.Open("p", ("class", "legend"));
        writer.Mark(Evidence.Observed);
        writer.Text(" observed in this run    ");
        writer.Mark(Evidence.Derived);
        writer.Text(" derived from it by the architecture's rules: user space can't read what it says");
        writer.Close();
    }

    private static void WriteContents(Story story, StoryView view, HtmlWriter writer)
    {
        writer.Open("nav", ("aria-label", "Contents"));
        writer.Open("ol");
        if (story.Instructions.Count > 0) LinkTo(StorySections.Drawing, "#drawing", "Drawing");
        LinkTo(StorySections.Machine, "#memory", "Memory slots");
        LinkTo(StorySections.Creation, "#creation", "1. Creation");
        LinkTo(StorySections.State, "#state", "2. vCPU state");
        LinkTo(StorySections.Entry, "#entry", "3. VM entry");
        if (view.Has(StorySections.Fetch | StorySections.Execution)) LinkInstructions();
        LinkTo(StorySections.End, "#end", "End");
        writer.Close();
        writer.Close();

        void LinkInstructions()
        {
            int number = 4;
            foreach (InstructionStory instruction in story.Instructions.Take(UnfoldedInstructions))
            {
                Link($"#instruction-{instruction.Number}", $"{number}. Instruction {instruction.Number}");
                number += instruction.Execution is null ? 1 : 2;
            }

            if (story.Instructions.Count > UnfoldedInstructions)
            {
                Link($"#instruction-{story.Instructions[^1].Number}", $"… Instruction {story.Instructions[^1].Number}");
            }
        }

        void LinkTo(StorySections section, string target, string text)
        {
            if (view.Has(section)) Link(target, text);
        }

        void Link(string target, string text)
        {
            writer.Open("li");
            writer.Element("a", text, ("href", target));
            writer.Close();
        }
    }

    // What the story is about comes first: where the first instruction is fetched from. The steps to it fill many screens.
    private static void WriteFirstDrawing(Story story, HtmlWriter writer)
    {
        if (story.Instructions.Count == 0) return;
        InstructionStory first = story.Instructions[0];
        Section(writer, "drawing", "Where the first instruction is fetched from", w => FetchHtml.WriteDrawing(first.Fetch, Id(first), w));
    }

    private static void WriteLinkToDrawing(HtmlWriter writer)
    {
        writer.Open("p");
        writer.Element("a", "Its drawing is at the top.", ("href", "#drawing"));
        writer.Close();
    }

    private static string Id(InstructionStory instruction) => $"i{instruction.Number}";

    // Names of elements are unique in the file: those of other vCPUs begin with the vCPU's.
    private static void Write(VcpuStory vcpu, string prefix, string name, StoryView view, HtmlWriter writer)
    {
        if (view.Has(StorySections.State)) Section(writer, $"{prefix}state", $"{name}2. vCPU state: what is set, and who owns it", w => StateHtml.Write(vcpu.State, w));
        if (vcpu.Entry is { } entry && view.Has(StorySections.Entry))
        {
            Section(writer, $"{prefix}entry", $"{name}3. VM entry: what the processor is given, and checks", w => EntryHtml.Write(entry, w));
        }

        if (view.Has(StorySections.Fetch | StorySections.Execution)) WriteInstructions(vcpu.Instructions, prefix, view, writer);
        if (!view.Has(StorySections.End)) return;
        Section(writer, $"{prefix}end", prefix.Length == 0 ? "The end of the story" : $"{name}the end of its story", w => w.Element("p", vcpu.End.Text));
    }

    private static void WriteInstructions(IReadOnlyList<InstructionStory> instructions, string prefix, StoryView view, HtmlWriter writer)
    {
        int number = 4;
        bool isDrawnAbove = prefix.Length == 0 && view.Has(StorySections.Drawing);
        bool fold = instructions.Count > UnfoldedInstructions;
        for (int i = 0; i < instructions.Count; i++)
        {
            InstructionStory instruction = instructions[i];
            writer.Open("section", ("id", $"{prefix}instruction-{instruction.Number}"));
            bool folded = fold && i > 0 && i < instructions.Count - 1;
            if (folded)
            {
                writer.Open("details");
                string text = instruction.Fetch.Instruction.Length > 0 ? instruction.Fetch.Instruction : "not fetched";
                writer.Element("summary", $"Instruction {instruction.Number}: {Hex.Of(instruction.Fetch.Segment.Linear)}  {SymbolHtml.Before(instruction.Symbols)}{text}");
            }

            int fetch = number++;
            if (view.Has(StorySections.Fetch))
            {
                writer.Element("h2", string.Create(CultureInfo.InvariantCulture, $"{fetch}. Fetch of instruction {instruction.Number}"));
                if (i == 0 && isDrawnAbove) WriteLinkToDrawing(writer);
                else FetchHtml.WriteDrawing(instruction.Fetch, prefix + Id(instruction), writer);
                FetchHtml.Write(instruction, prefix + Id(instruction), writer);
            }

            if (instruction.Execution is { } execution)
            {
                int executed = number++;
                if (view.Has(StorySections.Execution))
                {
                    writer.Element("h2", string.Create(CultureInfo.InvariantCulture, $"{executed}. Execution of instruction {instruction.Number}"));
                    ExecutionHtml.Write(execution, instruction.Symbols, writer);
                }
            }

            if (folded) writer.Close();
            writer.Close();
        }
    }

    private static void Section(HtmlWriter writer, string id, string heading, Action<HtmlWriter> content)
    {
        writer.Open("section", ("id", id));
        writer.Element("h2", heading);
        content(writer);
        writer.Close();
    }
}
