using System.Diagnostics;
using System.Text.RegularExpressions;
using Vitrine.Explain.Model;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Explain;

/// <summary>A story in a real browser, where there is one: it loads without an error, and the page is no wider than the window.</summary>
public sealed partial class StoryInBrowserTests
{
    private static readonly string? s_browser = HostProgram.Find("chromium") ?? HostProgram.Find("chromium-browser") ?? HostProgram.Find("google-chrome");

    [Theory]
    [InlineData(1280)]
    [InlineData(400)]
    public Task NothingOverflowsAndNothingIsComplainedAbout(int width) =>
        MeasureAsync(width, "for (const part of page.querySelectorAll('details')) part.open = true; measured = page.documentElement.scrollWidth;", width, width);

    // The drawing is what a reader comes for: it begins on the first screen, of 900 pixels. (A refused entry has none.)
    [Theory]
    [InlineData(1280)]
    public Task TheDrawingBeginsOnTheFirstScreen(int width) =>
        MeasureAsync(width, "const drawing = page.querySelector('svg'); measured = drawing ? Math.round(drawing.getBoundingClientRect().top) : 1;", 1, 900);

    private static async Task MeasureAsync(int width, string script, int least, int most)
    {
        Assert.SkipWhen(s_browser is null, "no Chromium is installed (Debian package chromium)");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("vitrine-browser-");
        try
        {
            foreach (Story story in SampleStory.All)
            {
                // The story itself runs no script, and its policy forbids any: the page that measures holds it in a frame of the width.
                string file = Path.Combine(folder.FullName, "story.html");
                await File.WriteAllTextAsync(file, StoryHtmlTests.Html(story), TestContext.Current.CancellationToken);
                string measure = Path.Combine(folder.FullName, "measure.html");
                await File.WriteAllTextAsync(measure, Measure(width, script), TestContext.Current.CancellationToken);
                (string page, string log) = await RunAsync(folder.FullName, measure);
                Assert.DoesNotContain("CONSOLE", log, StringComparison.Ordinal);
                Match result = Result().Match(page);
                Assert.True(result.Success, log);
                Assert.InRange(int.Parse(result.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), least, most);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Measure(int width, string script) => $$"""
        <!DOCTYPE html><title>measure</title>
        <iframe id="story" src="story.html" style="width:{{width}}px;height:900px;border:0"></iframe>
        <script>
        document.getElementById("story").onload = event => {
            const page = event.target.contentDocument;
            let measured = 0;
            {{script}}
            document.title = "measured " + measured;
        };
        </script>
        """;

    private static async Task<(string Page, string Log)> RunAsync(string folder, string file)
    {
        ProcessStartInfo start = new(s_browser!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--allow-file-access-from-files", "--enable-logging=stderr",
                $"--user-data-dir={Path.Combine(folder, "profile")}", "--virtual-time-budget=5000", "--window-size=1400,1000", "--dump-dom",
                $"file://{file}",
            },
        };
        using Process browser = Process.Start(start)!;
        try
        {
            CancellationToken cancellation = TestContext.Current.CancellationToken;
            Task<string> page = browser.StandardOutput.ReadToEndAsync(cancellation);
            Task<string> log = browser.StandardError.ReadToEndAsync(cancellation);
            await browser.WaitForExitAsync(cancellation);
            return (await page, await log);
        }
        finally
        {
            if (!browser.HasExited) browser.Kill(entireProcessTree: true);
        }
    }

    [GeneratedRegex("<title>measured ([0-9]+)</title>")]
    private static partial Regex Result();
}
