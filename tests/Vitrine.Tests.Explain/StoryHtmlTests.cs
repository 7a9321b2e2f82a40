using System.Xml;
using System.Xml.Linq;
using Vitrine.Explain.Html;
using Vitrine.Explain.Model;
using Xunit;

namespace Vitrine.Tests.Explain;

public sealed class StoryHtmlTests
{
    public static TheoryData<string> Names => [.. s_stories.Keys];

    private static readonly Dictionary<string, Story> s_stories = new()
    {
        ["SeaBIOS"] = SampleStory.SeaBios,
        ["Linux"] = SampleStory.Linux,
        ["wrong CR3"] = SampleStory.WrongCr3,
        ["refused"] = SampleStory.Refused,
        ["beyond the limit"] = SampleStory.WrongCr3 with { Instructions = [SampleStory.BeyondLimit] },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void IsWellFormedAndHasUniqueIds(string name)
    {
        XDocument page = Parse(Html(s_stories[name]));
        string[] ids = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Distinct(), ids);
        foreach (XAttribute link in page.Descendants().Attributes("href")) Assert.Contains(link.Value[1..], ids);
        foreach (XElement svg in page.Descendants("svg"))
        {
            string[] labels = svg.Attribute("aria-labelledby")!.Value.Split(' ');
            Assert.All(labels, label => Assert.Contains(label, ids));
            Assert.NotEmpty(svg.Element("title")!.Value);
            Assert.NotEmpty(svg.Element("desc")!.Value);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void LoadsNothingFromElsewhere(string name)
    {
        string html = Html(s_stories[name]);
        foreach (string reference in (string[])["http:", "https:", "src=", "url(", "@import", "<link", "<script", "<iframe", "<object"])
        {
            Assert.DoesNotContain(reference, html, StringComparison.OrdinalIgnoreCase);
        }

        Assert.All(Parse(html).Descendants().Attributes("href"), link => Assert.StartsWith("#", link.Value, StringComparison.Ordinal));
        Assert.DoesNotContain(Parse(html).Descendants().Attributes(), attribute => attribute.Name.LocalName.StartsWith("on", StringComparison.Ordinal));
    }

    // A circle marks a box as observed or derived.
    [Fact]
    public void OnlyAHostPhysicalAddressThatIsKnownHasAMark()
    {
        XElement[] boxes =
        [
            .. s_stories.Values.SelectMany(story => Parse(Html(story)).Descendants("g"))
                .Where(box => box.Elements("text").Any(text => text.Value == "host-physical address")),
        ];
        Assert.Contains(boxes, IsUnknown);
        Assert.All(boxes, box => Assert.Equal(IsUnknown(box), !box.Elements("circle").Any()));

        static bool IsUnknown(XElement box) => box.Elements("text").Any(text => text.Value == "not known");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void IsTheSameEachTime(string name) => Assert.Equal(Html(s_stories[name]), Html(s_stories[name]));

    [Theory]
    [MemberData(nameof(Names))]
    public void TablesHaveACaptionAndScopedHeads(string name)
    {
        foreach (XElement table in Parse(Html(s_stories[name])).Descendants("table"))
        {
            Assert.NotEmpty(table.Element("caption")!.Value);
            int columns = table.Element("thead")!.Element("tr")!.Elements("th").Count();
            Assert.All(table.Descendants("th"), head => Assert.NotNull(head.Attribute("scope")));
            Assert.All(table.Element("tbody")!.Elements("tr"), row =>
            {
                Assert.Equal(columns, row.Elements().Count());
                Assert.Single(row.Elements("th"));
            });
        }
    }

    /// <summary>A file's name may hold markup and control characters: they are text, and the control characters are gone.</summary>
    [Fact]
    public void NamesAreText()
    {
        XDocument page = Parse(Html(SampleStory.SeaBios));
        string shown = SampleStory.HostileName.Replace('\u001b', '\uFFFD');
        Assert.Contains(shown, page.Descendants("dd").Select(element => element.Value).First(), StringComparison.Ordinal);
        Assert.Contains(shown, page.Descendants("title").First().Value, StringComparison.Ordinal);
        Assert.Empty(page.Descendants("script"));
    }

    /// <summary>Every text of a story, wherever it goes, comes back as it was from a parser.</summary>
    [Fact]
    public void EveryTextIsEscaped()
    {
        const string Evil = "</td></svg><b onclick='x'>&amp;\"\ud800\u0000";
        string shown = Evil.Replace('\ud800', '\uFFFD').Replace('\0', '\uFFFD');
        Story story = SampleStory.Linux;
        InstructionStory instruction = story.Instructions[0];
        TranslationStory translation = instruction.Fetch.Translation! with { Access = Evil, PagingMode = Evil, Cr3Use = Evil, Outcome = Evil, Gpa = null };
        XDocument page = Parse(Html(story with
        {
            Machine = story.Machine with { CpuModel = Evil, Accelerator = Evil, Mmu = Evil, Slots = [story.Machine.Slots[0] with { Name = Evil }] },
            State = new StateStory([new(Evil, Evil, Evil, Evidence.Derived)], [new(Evil, Evil, Evil, Evidence.Derived)], [new(Evil, true, true, [new(Evil, Evil, Evil)], Evidence.Derived)]),
            Entry = new EntryStory([new(Evil, Evil, [], [new(Evil, Evil, Evil, Evil)], [new(Evil, Evil, Evil, Evil, Evil)])], Evil),
            Instructions = [instruction with { Fetch = instruction.Fetch with { Instruction = Evil, Translation = translation } }],
            End = story.End with { Text = Evil },
        }));
        Assert.Empty(page.Descendants("b"));
        Assert.True(page.Descendants().Count(element => !element.HasElements && element.Value == shown) > 20);
    }

    [Fact]
    public void LinuxHasABoxForEachTableAndTheEntryTaken()
    {
        XElement drawing = Drawing(SampleStory.Linux, "i1");
        Assert.Equal(["PML4", "PDPT", "page directory", "2-MiB page"], Tables(drawing));
        Assert.Equal(
            ["0x000000000000a003", "0x000000000000b003", "0x0000000001000083", "0x200"],
            Groups(drawing, "table").Select(table => table.Elements("text").First(text => text.Attribute("class")!.Value == "code strong").Value));
        Assert.All(Groups(drawing, "table"), table => Assert.Single(table.Elements("rect"), rect => Has(rect, "entry") && Has(rect, "taken")));
        Assert.DoesNotContain(drawing.Descendants("rect"), rect => Has(rect, "stop"));
    }

    /// <summary>Index fields as the manual splits a 4-level address with a 2-MiB page (SDM vol. 3, figure 4-9).</summary>
    [Fact]
    public void LinuxHasTheFieldsOfTheAddress()
    {
        XElement drawing = Drawing(SampleStory.Linux, "i1");
        Assert.Equal(
            ["63:48 = 0x0", "47:39 = 0", "38:30 = 0", "29:21 = 8", "20:0 = 0x200"],
            Groups(drawing, "field").Select(field => field.Elements("text").Last().Value));
    }

    /// <summary>Four guest levels less one with a 2-MiB page: 3 × (4 + 1) references for the tables and 4 for the page.</summary>
    [Fact]
    public void LinuxHasTheGridOfTheTwoDimensionalWalk()
    {
        XElement after = Drawing(SampleStory.Linux, "i1-two-dimensional-after");
        Assert.Equal(19, Groups(after, "cell").Count());
        Assert.Equal(Enumerable.Range(1, 19).Select(number => $"{number}"), Groups(after, "cell").Select(cell => cell.Element("text")!.Value));
        XElement before = Drawing(SampleStory.Linux, "i1-two-dimensional-before");
        XElement stop = Assert.Single(Groups(before, "cell"), cell => Has(cell, "stop"));
        Assert.Equal("18", stop.Element("text")!.Value);
    }

    /// <summary>What an entry's bits mean shows up over it: the PDE 0x1000083 has P, R/W and PS.</summary>
    [Fact]
    public void AnEntryTellsItsBits()
    {
        XElement drawing = Drawing(SampleStory.Linux, "i1");
        XElement[] hot = [.. Groups(drawing, "hot")];
        Assert.Equal(3, hot.Length);
        Assert.All(hot, entry => Assert.Equal("0", entry.Attribute("tabindex")!.Value));
        string label = hot[2].Attribute("aria-label")!.Value;
        Assert.Contains("PS maps a large page", label, StringComparison.Ordinal);
        Assert.Contains("address of the page: 0x1000000", label, StringComparison.Ordinal);
        Assert.Equal(3, hot[2].Descendants("rect").Count(rect => Has(rect, "set")));
    }

    [Fact]
    public void SeaBiosHasNoTableButAShadowPageTableBeforeAndAfter()
    {
        XElement drawing = Drawing(SampleStory.SeaBios, "i1");
        Assert.Equal(["shadow page #1", "shadow page #1", "shadow page #2", "shadow page #3", "shadow page #4"], Tables(drawing));
        Assert.Single(Groups(drawing, "table"), table => Has(table, "absent"));
        Assert.Equal(4, Groups(drawing, "table").Count(table => Has(table, "filled")));
        XElement code = Assert.Single(Groups(drawing, "instruction"));
        Assert.Equal("ea 5b e0 00 f0", code.Elements("text").First().Value);
    }

    [Fact]
    public void AWrongCR3StopsInRedAtThePageDirectory()
    {
        XElement drawing = Drawing(SampleStory.WrongCr3, "i1");
        Assert.Equal(["page directory"], Tables(drawing));
        Assert.Single(Groups(drawing, "table"), table => Has(table, "stop"));
        XElement halt = Assert.Single(Groups(drawing, "halt"));
        Assert.Contains("#PF: the PDE lies where there is no memory", string.Join(' ', halt.Elements("text").Select(text => text.Value)), StringComparison.Ordinal);

        // The offset wasn't used, and nothing comes after the stop.
        Assert.Equal(["offset"], Groups(drawing, "field").Where(field => Has(field, "unused")).Select(field => field.Element("text")!.Value));
        Assert.DoesNotContain("guest-physical address", drawing.Descendants("text").Select(text => text.Value));
    }

    [Fact]
    public void AFailedCheckIsOpenAndFirst()
    {
        XElement[] failing = [.. Parse(Html(SampleStory.Refused)).Descendants("details").Where(details => Has(details, "failing"))];
        Assert.Equal(2, failing.Length);
        Assert.All(failing, details =>
        {
            Assert.NotNull(details.Attribute("open"));
            Assert.StartsWith("7 entry checks: 1 failed, 5 passed, 1 not applicable", details.Element("summary")!.Value, StringComparison.Ordinal);
            Assert.Equal("guest-cr3-width", details.Descendants("tbody").Elements("tr").First().Element("th")!.Value);
        });
    }

    // Only what fails is unfolded: a row that doesn't fail is within a part that is closed.
    [Fact]
    public void NoCheckThatDoesNotFailIsUnfolded()
    {
        XElement entry = Parse(Html(SampleStory.Refused)).Descendants("section").Single(section => section.Attribute("id")?.Value == "entry");
        XElement[] rows = [.. entry.Descendants("tr").Where(row => row.Element("td")?.ElementsAfterSelf().First().Value is "passed" or "not applicable" or "not checked")];
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.Contains(row.Ancestors("details"), details => details.Attribute("open") is null));
    }

    // Each count is that of its outcome, and together they are all: none is what the others leave.
    [Fact]
    public void ChecksAreCountedByOutcome()
    {
        EntryCheckFact[] checks = [.. ((string[])["passed", "not checked", "failed", "not applicable", "not checked", "passed", "not checked", "passed"])
            .Select((outcome, index) => new EntryCheckFact($"rule-{index}", "26", outcome, "It holds.", ""))];
        Story story = SampleStory.Linux with { Entry = new EntryStory([new EntryModeStory("Intel VMX, EPT", "The guest's own.", [], [], checks)], "") };
        string[] summaries = [.. Parse(Html(story)).Descendants("summary").Select(summary => summary.Value)];
        Assert.Contains("8 entry checks: 1 failed, 3 passed, 1 not applicable, 3 not checked", summaries);
    }

    [Fact]
    public void TheDrawingComesBeforeTheSteps()
    {
        foreach (Story story in s_stories.Values.Where(story => story.Instructions.Count > 0))
        {
            XElement main = Parse(Html(story)).Descendants("main").Single();
            Assert.Equal("drawing", main.Elements("section").First().Attribute("id")!.Value);
            Assert.Single(main.Elements("section").First().Descendants("svg"));
        }
    }

    [Fact]
    public void ARefusedSegmentEndsTheDrawing()
    {
        XElement drawing = Drawing(SampleStory.WrongCr3 with { Instructions = [SampleStory.BeyondLimit] }, "i1");
        Assert.Contains("Stops here: #GP(0): RIP is beyond the limit of CS, 0xffff.", drawing.Descendants("text").Select(text => text.Value));
        Assert.Empty(Groups(drawing, "field"));
    }

    [Fact]
    public void ATranslationHasItsOwnPage()
    {
        using StringWriter text = new();
        StoryHtml.Write(SampleStory.FiveLevel, text);
        XDocument page = Parse(text.ToString());
        XElement drawing = page.Descendants("svg").First();
        Assert.Equal(["PML5", "PML4", "PDPT", "page directory", "page table", "4-KiB page"], Tables(drawing));

        // Five levels, each with four second-level references and its own, and four for the page.
        Assert.Equal(29, Groups(page.Descendants("svg").Last(), "cell").Count());
        Assert.Contains("0x123456abc", drawing.Descendants("text").Select(element => element.Value));
    }

    /// <summary>Nothing of a drawing lies outside it: a box that does would be cut off.</summary>
    [Fact]
    public void BoxesLieInsideTheirDrawing()
    {
        foreach (XElement svg in s_stories.Values.SelectMany(story => Parse(Html(story)).Descendants("svg")))
        {
            int[] view = [.. svg.Attribute("viewBox")!.Value.Split(' ').Select(number => int.Parse(number, System.Globalization.CultureInfo.InvariantCulture))];
            foreach (XElement rect in svg.Descendants("rect").Where(rect => !rect.Ancestors("g").Any(group => Has(group, "tip"))))
            {
                (int x, int y, int width, int height) = (Number(rect, "x"), Number(rect, "y"), Number(rect, "width"), Number(rect, "height"));
                Assert.True(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= view[2] && y + height <= view[3], rect.ToString());
            }
        }
    }

    [Fact]
    public void ManyInstructionsAreFoldedButForTheFirstAndTheLast()
    {
        InstructionStory one = SampleStory.Linux.Instructions[0];
        XDocument page = Parse(Html(SampleStory.Linux with { Instructions = [.. Enumerable.Range(1, 9).Select(number => one with { Number = (ulong)number })] }));
        Assert.Equal(7, page.Descendants("section").Count(section => section.Element("details") is not null && section.Attribute("id")!.Value.StartsWith("instruction", StringComparison.Ordinal)));
    }

    /// <summary>In brief: the drawing, the instructions, and what failed; no step, and no link to one.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void AStoryInBriefHasTheDrawingAndWhatFailed(string name)
    {
        Story story = s_stories[name];
        XDocument page = Parse(Html(story, StoryView.Brief));
        XElement[] sections = [.. page.Descendants("main").Single().Elements("section")];
        Assert.Equal(story.Instructions.Count > 0 ? ["drawing", "brief-0"] : (string[])["brief-0"], sections.Select(section => section.Attribute("id")!.Value));
        Assert.Empty(page.Descendants("nav"));
        string text = sections[^1].Value;
        foreach (EntryCheckFact check in story.Entry.Modes.SelectMany(mode => mode.Checks).Where(check => check.Outcome == "failed")) Assert.Contains(check.Rule, text, StringComparison.Ordinal);
        Assert.Contains(story.End.Text, text, StringComparison.Ordinal);
        string[] ids = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Distinct(), ids);
    }

    [Fact]
    public void AddressesHaveTheirNames()
    {
        XDocument page = Parse(Html(SampleStory.Linux));
        Assert.Equal(
            ["startup_64", "0xffffffff832b4000, idt_table", "0x1000201, startup_64+0x1", "0x9000, early_top_pgt+0x10"],
            Values("symbol", "operand", "next", "CR2"));
        Assert.Contains("The kernel was moved by 0x1a200000 (KASLR).", Values("symbols").Single(), StringComparison.Ordinal);

        IEnumerable<string> Values(params string[] names) => names.SelectMany(name => page.Descendants("dl").Elements("div")
            .Where(fact => fact.Element("dt")!.Nodes().OfType<XText>().Last().Value.Trim() == name).Select(fact => fact.Element("dd")!.Value));
    }

    [Theory]
    [InlineData("entry", "entry")]
    [InlineData("machine,state,end", "memory state end")]
    [InlineData("drawing,fetch", "drawing instruction-1")]
    [InlineData("fetch", "instruction-1")]
    public void OnlyTheSectionsThatWereAskedForAreThere(string names, string ids)
    {
        XDocument page = Parse(Html(SampleStory.Linux, StoryView.Of(names)));
        Assert.Equal(ids.Split(' '), page.Descendants("section").Select(section => section.Attribute("id")!.Value));
        string[] all = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.All(page.Descendants().Attributes("href"), link => Assert.Contains(link.Value[1..], all));
        if (names.Contains("fetch", StringComparison.Ordinal)) Assert.NotEmpty(page.Descendants("svg"));
    }

    internal static string Html(Story story, StoryView? view = null)
    {
        using StringWriter text = new();
        StoryHtml.Write(story, text, view);
        return text.ToString();
    }

    private static XDocument Parse(string html)
    {
        using XmlReader reader = XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    private static XElement Drawing(Story story, string id) =>
        Parse(Html(story)).Descendants("svg").Single(svg => svg.Element("title")!.Attribute("id")!.Value == $"{id}-title");

    private static IEnumerable<XElement> Groups(XElement drawing, string style) => drawing.Descendants("g").Where(group => Has(group, style));

    private static IEnumerable<string> Tables(XElement drawing) => Groups(drawing, "table").Select(table => table.Attribute("data-title")!.Value);

    private static bool Has(XElement element, string style) => element.Attribute("class")?.Value.Split(' ').Contains(style) == true;

    private static int Number(XElement element, string name) => int.Parse(element.Attribute(name)!.Value, System.Globalization.CultureInfo.InvariantCulture);
}
