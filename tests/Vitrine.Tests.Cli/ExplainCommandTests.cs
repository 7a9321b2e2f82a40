using System.Text.Json;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>vitrine explain and translate as a user meets them: forms, ends, statuses, mistakes.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private const int UserError = 64;
    private const int TripleFault = 80;
    private const int Timeout = 124;

    // mov eax, 0x200000; mov cr3, eax; mov eax, cr0; or eax, 0x80000000; mov cr0, eax; hlt: paging with tables of zeros.
    private static readonly byte[] s_wrongCr3 =
        [0xB8, 0, 0, 0x20, 0, 0x0F, 0x22, 0xD8, 0x0F, 0x20, 0xC0, 0x0D, 0, 0, 0, 0x80, 0x0F, 0x22, 0xC0, 0xF4];

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-explain-").FullName;

    public static TheoryData<string, string> Mistakes => new()
    {
        { "explain", "Nothing to boot" },
        { "explain --flat {flat}@0x1000 --mode real --instructions 0", "0 instructions" },
        { "explain --flat {flat}@0x1000 --mode real --instructions 1001", "1001 instructions" },
        { "explain --flat {flat}@0x1000 --mode real --instructions -3", "-3 instructions" },
        { "explain --flat {flat}@0x1000 --mode real --instructions many", "many" },
        { "explain --flat {flat}@0x1000 --mode real --until nowhere", "nowhere" },
        { "explain --flat {flat}@0x1000 --mode real --until 0x10 --until-exit", "More than one" },
        { "explain --flat {flat}@0x1000 --mode real --format yaml", "yaml" },
        { "explain --flat {flat}@0x1000 --mode real --symbols /nonexistent/System.map", "The symbol file '/nonexistent/System.map' does not exist." },
        { "explain --flat {flat}@0x1000 --mode real --symbols {flat}", "is no symbol file" },
        { "explain --flat {flat}@0x1000 --mode real --until start_kernel", "start_kernel" },
        { "explain --flat {flat}@0x1000 --mode real --section entri", "Did you mean 'entry'?" },
        { "explain --flat {flat}@0x1000 --mode real --section what", "The sections are machine, creation, state, entry, drawing, fetch, execution and end." },
        { "explain --flat {flat}@0x1000 --mode real --section entry --brief", "--brief and --section were both given." },
        { "explain --flat {flat}@0x1000 --mode real --output /nonexistent/folder/story", "/nonexistent/folder/story" },
        { "explain --flat {flat}@0x1000 --mode real --mmu sideways", "sideways" },
        { "explain --flat {flat}@0x1000 --mode real --accel kvm --mmu shadow", "MMU mode was given for KVM" },
        { "translate --flat {flat}@0x1000 --mode real", "No address" },
        { "translate --flat {flat}@0x1000 --mode real --gva here", "here" },
        { "translate --flat {flat}@0x1000 --mode real --gva 0 --access execute", "execute" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void AMistakeIsToldInThreeSentences(string command, string named)
    {
        string flat = Write([0xF4]);
        string[] accelerator = command.Contains("--accel", StringComparison.Ordinal) || command == "explain" ? [] : ["--accel", "soft"];
        (int status, string output, string errors) = VitrineCommand.Run(
            [.. command.Replace("{flat}", flat, StringComparison.Ordinal).Split(' '), .. accelerator]);
        Assert.Equal(UserError, status);
        Assert.Equal("", output);
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("vitrine: ", line, StringComparison.Ordinal);
        Assert.Contains(named, line, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAddressThatIsNeverReachedEndsAtTheTimeoutWithTheStateSoFar()
    {
        // jmp $
        (int status, string output, _) = Explain([0xEB, 0xFE], "--until 0x9999 --timeout 1");
        Assert.Equal(Timeout, status);
        Assert.Contains("0x9999 was not reached", output, StringComparison.Ordinal);
        string end = output[output.IndexOf("The end of the story", StringComparison.Ordinal)..];
        Assert.Contains("RIP        0x1000", end, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAddressThatIsReachedIsTold()
    {
        // dec cx; jnz $-1; mov al, 1; hlt
        (int status, string output, _) = Explain([0x49, 0x75, 0xFD, 0xB0, 0x01, 0xF4], "--until 0x1003");
        Assert.Equal(0, status);
        Assert.Contains("mov al,0x1", output, StringComparison.Ordinal);

        // CX counts from 0 down to 0: 65,536 times two instructions lie between.
        Assert.Contains("Fetch of instruction 131073", output, StringComparison.Ordinal);
    }

    [Fact]
    public void TheFirstExitIsToldWithTheDeviceThatAnswered()
    {
        // nop; mov al, 'A'; mov dx, 0x3f8; out dx, al; hlt
        (int status, string output, _) = Explain([0x90, 0xB0, 0x41, 0xBA, 0xF8, 0x03, 0xEE, 0xF4], "--until-exit");
        Assert.Equal(0, status);
        Assert.Contains("out 1 byte to port 0x3f8: 0x41; handled by uart0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void WrittenMemoryIsShownBeforeAndAfter()
    {
        // mov word [0x2000], 0x1234
        (_, string output, _) = Explain([0xC7, 0x06, 0x00, 0x20, 0x34, 0x12], "");
        Assert.Contains("linear 0x2000, guest-physical 0x2000: 00 00 -> 34 12", output, StringComparison.Ordinal);
    }

    [Fact]
    public void JsonIsParsedAndHasItsSchema()
    {
        string path = Path.Combine(_folder, "story.json");
        (int status, string output, string errors) = Explain([0x90, 0xF4], $"--format json --output {path}");
        Assert.Equal((0, "", ""), (status, output, errors));
        using JsonDocument story = JsonDocument.Parse(File.ReadAllBytes(path));
        Assert.Equal("vitrine.story/1", story.RootElement.GetProperty("schema").GetString());
        JsonElement fetch = story.RootElement.GetProperty("instructions")[0].GetProperty("fetch");
        Assert.Equal("90", fetch.GetProperty("bytes").GetString());
        Assert.Equal("0x1000", fetch.GetProperty("translation").GetProperty("gpa").GetString());
    }

    [Fact]
    public void AStoryInBriefIsOnOneScreen()
    {
        (int status, string output, string errors) = Explain([0xB0, 0x01, 0xF4], "--instructions 2 --brief");
        Assert.Equal((0, ""), (status, errors));
        Assert.InRange(output.Split('\n').Length, 10, 45);
        Assert.Contains("mov al,0x1", output, StringComparison.Ordinal);
        Assert.Contains("entry checks", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text", "5. Execution of instruction 1", "2. vCPU state")]
    [InlineData("json", "\"execution\"", "\"state\"")]
    [InlineData("html", "5. Execution of instruction 1", "2. vCPU state")]
    public void SectionsAreLeftOutInEachForm(string form, string told, string leftOut)
    {
        (int status, string output, string errors) = Explain([0xB0, 0x01, 0xF4], $"--section execution,end --format {form}");
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.DoesNotContain(leftOut, output, StringComparison.Ordinal);
    }

    /// <summary>Until a symbol: its name and those of the addresses are told.</summary>
    [Fact]
    public void SymbolsNameAddressesAndPlacesToStop()
    {
        string map = Path.Combine(_folder, "System.map");
        File.WriteAllText(map, "0000000000001000 T entry\n0000000000001003 T finish\n0000000000001005 T _end\n");

        // dec cx; jnz $-1; mov al, 1; hlt
        byte[] code = [0x49, 0x75, 0xFD, 0xB0, 0x01, 0xF4];
        (int status, string output, string errors) = Explain(code, $"--symbols {map} --until finish --brief");
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("entry: dec cx", output, StringComparison.Ordinal);
        Assert.Contains("finish: mov al,0x1", output, StringComparison.Ordinal);
        (status, _, errors) = Explain(code, $"--symbols {map} --until finsh");
        Assert.Equal(UserError, status);
        Assert.Contains("Did you mean 'finish'?", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void HtmlIsOneFile()
    {
        string path = Path.Combine(_folder, "story.html");
        (int status, _, string errors) = Explain([0x90, 0xF4], $"--format html --output {path}");
        Assert.Equal((0, ""), (status, errors));
        string page = File.ReadAllText(path);
        Assert.StartsWith("<!DOCTYPE html>", page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("<svg", page, StringComparison.Ordinal);
    }

    [Fact]
    public void TextForAFileHasNoColourAndNoLineOver100Columns()
    {
        (_, string output, _) = Explain([0x90, 0xF4], "--instructions 2");
        Assert.DoesNotContain('\u001b', output);
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Fact]
    public void ARunThatTripleFaultsEndsWithTheWayThatLedThere()
    {
        string flat = Write(s_wrongCr3);
        (int status, _, string errors) = VitrineCommand.Run(["run", "--flat", $"{flat}@0x100000", "--mode", "protected", "--accel", "soft"]);
        Assert.Equal(TripleFault, status);
        string text = string.Join(' ', errors.Split((char[])['\n', ' '], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("#PF: the PDE is not present", text, StringComparison.Ordinal);
        Assert.Contains("#PF (vector 14) is looked up at linear 0x70", text, StringComparison.Ordinal);
        Assert.Contains("#DF (vector 8) is looked up at linear 0x40", text, StringComparison.Ordinal);
        Assert.Contains("This is a triple fault.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ATranslationOfAGuestThatRanShowsWhereItStands()
    {
        (int status, string output, string errors) = VitrineCommand.Run(
            ["translate", "--flat", $"{Write(s_wrongCr3)}@0x100000", "--mode", "protected", "--accel", "soft", "--until", "0x100013", "--gva", "0x1234"]);
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("32-bit paging", output, StringComparison.Ordinal);
        Assert.Contains("the PDE is not present", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0xffffffff81000000", "", true)]
    [InlineData("0xffffffff81000000", "console=ttyS0", true)]
    [InlineData("0xffffffff81000000", "console=ttyS0 nokaslr", false)]
    [InlineData("0x100000", "", false)]
    [InlineData("0x7fffffff0000", "", false)]
    public void AKernelsAddressThatIsNotMappedMayHaveMoved(string address, string commandLine, bool isTold)
    {
        string kernel = Write(new BzImageBuilder().Build());
        (int status, _, string errors) = VitrineCommand.Run(["translate", "--gva", address, "--kernel", kernel, "--append", commandLine, "--accel", "soft"]);
        Assert.Equal(0, status);
        Assert.Equal(isTold, errors.Contains("--append nokaslr", StringComparison.Ordinal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (int Status, string Output, string Errors) Explain(byte[] code, string options) => VitrineCommand.Run(
        ["explain", "--flat", $"{Write(code)}@0x1000", "--mode", "real", "--accel", "soft", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

    private string Write(byte[] code)
    {
        string path = Path.Combine(_folder, "code.bin");
        File.WriteAllBytes(path, code);
        return path;
    }
}
