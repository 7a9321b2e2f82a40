using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>
/// Standard descriptors that are closed when the command starts, as shells (`>&amp;-`) and daemons do it: input has ended, output has status 90,
/// messages are dropped, and no file that is opened later is taken for one of them.
/// </summary>
public sealed class StandardDescriptorTests : IDisposable
{
    private const int Stopped = 90;

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;
    private readonly string _guest;

    // Writes H to the first serial port, and 0x5A to the debug port; then ends with status (5 << 1) | 1 through port 0xF4.
    public StandardDescriptorTests()
    {
        string path = Write("guest", "BAF803" + "B048" + "EE" + "BA0204" + "B05A" + "EE" + "B005" + "E6F4");
        _guest = $"run --flat {path}@0x1000 --mode real --accel soft --debugcon file:{Log}";
    }

    private string Log => Path.Combine(_folder, "log");

    [Theory]
    [InlineData("--version")]
    [InlineData("--help")]
    [InlineData("run --help")]
    [InlineData("check")]
    [InlineData("explain --flat {flat}@0x1000 --mode real --accel soft")]
    [InlineData("explain --flat {flat}@0x1000 --mode real --accel soft --format json")]
    [InlineData("translate --gva 0x1000 --flat {flat}@0x1000 --mode real --accel soft")]
    [InlineData("run --flat {serial}@0x1000 --mode real --accel soft")]
    public void ClosedOutputHasItsStatus(string command)
    {
        (int status, string output, string errors) = Run(Named(command), ">&-");
        Assert.Equal(Stopped, status);
        Assert.Equal("", output);
        Assert.Contains("closed", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<&-", "H", 11)]
    [InlineData("2>&-", "H", 11)]
    [InlineData("<&- 2>&-", "H", 11)]
    [InlineData(">&-", "", Stopped)]
    [InlineData("<&- >&- 2>&-", "", Stopped)]
    public void NoFileIsTakenForAClosedDescriptor(string closed, string output, int status)
    {
        // --times says something on standard error at the end.
        (int Status, string Output, string Errors) result = Run($"{_guest} --times", closed);
        Assert.Equal((status, output), (result.Status, result.Output));
        Assert.Equal("Z", File.ReadAllText(Log));
    }

    [Theory]
    [InlineData("run --flat {flat}@0x1000 --frobnicate", 64)]
    [InlineData("check-entry {flat}", 64)]
    public void MessagesForClosedErrorsAreDropped(string command, int status) =>
        Assert.Equal((status, "", ""), Run(Named(command), "2>&-"));

    [Fact]
    public void ClosedInputHasEnded()
    {
        // Waits for a byte as long as a loop of 65,536 turns takes, and ends with what it found: 1 for none.
        // mov dx,3fd; xor cx,cx; again: in al,dx; test al,1; jnz found; loop again; mov al,0; out f4,al; found: mov al,7; out f4,al
        string guest = Write("input", "BAFD03" + "31C9" + "EC" + "A801" + "7506" + "E2F9" + "B000" + "E6F4" + "B007" + "E6F4");
        Assert.Equal((1, "", ""), Run($"run --flat {guest}@0x1000 --mode real --accel soft", "<&-"));
    }

    // Where it was closed, descriptor 0 is a file of the runtime's by the time it is opened by name.
    [Theory]
    [InlineData("-")]
    [InlineData("/dev/stdin")]
    [InlineData("/dev/fd/0")]
    [InlineData("/dev/../proc/self/fd/0")]
    public void ClosedInputOfACommandThatReadsAFileIsEmpty(string file)
    {
        (int status, _, string errors) = Run($"check-entry {file}", "<&-");
        Assert.Equal(64, status);
        Assert.Contains("no dump", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void FullOutputIsTheHostsError()
    {
        (int status, _, string errors) = Run("check", ">/dev/full");
        Assert.Equal(72, status);
        Assert.Contains("full", errors, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static (int Status, string Output, string Errors) Run(string command, string redirections) =>
        VitrineCommand.RunInShell($"exec \"$VITRINE\" {command} {redirections}");

    private string Named(string command) => command
        .Replace("{flat}", Write("flat", "F4"), StringComparison.Ordinal)
        .Replace("{serial}", Write("serial", "BAF803" + "B048" + "EE" + "F4"), StringComparison.Ordinal);

    private string Write(string name, string code)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, Convert.FromHexString(code));
        return path;
    }
}
