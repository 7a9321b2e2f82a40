using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>A named pipe (mkfifo(1)) in place of a file.</summary>
public sealed class NamedPipeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // mov dx,3f8; mov al,'A'; again: out dx,al; jmp again
    public NamedPipeTests() => File.WriteAllBytes(Path.Combine(_folder, "guest"), Convert.FromHexString("BAF803B041EEEBFD"));

    [Fact]
    public void AStoryComesThroughWhole()
    {
        // The reader comes when the story is told: whoever opens the pipe for reading as well has written it to himself by then.
        (int status, string output, _) = VitrineCommand.RunInShell(
            $"cd {_folder}; mkfifo pipe; (sleep 5; timeout 30 cat pipe) & \"$VITRINE\" explain {Machine} -o pipe; status=$?; wait; exit $status");
        (_, string direct, _) = VitrineCommand.RunInShell($"cd {_folder}; exec \"$VITRINE\" explain {Machine}");
        Assert.Equal(0, status);
        Assert.Equal(direct.Split('\n').Length, output.Split('\n').Length);
    }

    [Fact]
    public void ThatItsReaderIsGoneIsSaid()
    {
        (int status, _, string errors) = VitrineCommand.RunInShell(
            $"cd {_folder}; mkfifo pipe; head -c 1 pipe >/dev/null & exec \"$VITRINE\" run {Machine} --serial file:pipe --timeout 30");
        Assert.Contains("its reader is gone", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("disk", errors, StringComparison.Ordinal);
        Assert.Equal(90, status);
    }

    [Fact]
    public void AStoryWhoseReaderIsGoneSaysSo()
    {
        (int status, _, string errors) = VitrineCommand.RunInShell(
            $"cd {_folder}; mkfifo pipe; head -c 1 pipe >/dev/null & exec \"$VITRINE\" explain {Machine} --instructions 100 -o pipe");
        Assert.Contains("its reader is gone", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("disk", errors, StringComparison.Ordinal);
        Assert.Equal(72, status);
    }

    [Theory]
    [InlineData("run", "--serial file:pipe")]
    [InlineData("run", "--debugcon file:pipe")]
    [InlineData("explain", "-o pipe")]
    public void AReaderIsWaitedForAsLongAsThereIsTime(string command, string output)
    {
        (int status, _, string errors) = VitrineCommand.RunInShell($"cd {_folder}; mkfifo pipe; exec \"$VITRINE\" {command} {Machine} {output} --timeout 1");
        Assert.Contains("Nobody reads the pipe 'pipe'. It had no reader within 1 s", errors, StringComparison.Ordinal);
        Assert.Equal(72, status);
    }

    [Fact]
    public void AReaderThatComesInTimeGetsEverything()
    {
        (int status, string output, _) = VitrineCommand.RunInShell(
            $"cd {_folder}; mkfifo pipe; (sleep 2; timeout 30 cat pipe) & \"$VITRINE\" explain {Machine} -o pipe --timeout 30; status=$?; wait; exit $status");
        Assert.Equal(0, status);
        Assert.Contains("The first instruction has been executed.", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mkfifo image")]
    [InlineData("mkfifo pipe; ln -s pipe image")]
    public void APipeIsNoImage(string make)
    {
        (int status, _, string errors) = VitrineCommand.RunInShell($"cd {_folder}; {make}; exec \"$VITRINE\" run --accel soft --kernel image");
        Assert.Contains("it is no regular file but a pipe", errors, StringComparison.Ordinal);
        Assert.Equal(64, status);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Machine => "--flat guest@0x7c00 --mode real --accel soft --soft interpreter";
}
