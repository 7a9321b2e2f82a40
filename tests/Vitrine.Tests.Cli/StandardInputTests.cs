using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>What comes from standard input reaches the guest's serial port once, or not at all where it is the guest itself.</summary>
public sealed class StandardInputTests : IDisposable
{
    private const int Nothing = 1;
    private const int Something = (7 << 1) | 1;

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // Looks 16 times 65,536 times for a byte, and ends with what it found: 0 for none, 7 for one.
    // mov dx,3fd; mov bx,10; xor cx,cx; again: in al,dx; test al,1; jnz found; loop again; dec bx; jnz again; mov al,0; out f4,al; found: mov al,7; out f4,al
    private const string Guest = "BAFD03" + "BB1000" + "31C9" + "EC" + "A801" + "7509" + "E2F9" + "4B" + "75F6" + "B000" + "E6F4" + "B007" + "E6F4";

    [Theory]
    [InlineData("--flat guest@0x1000 --mode real", "</dev/null", Nothing)]
    [InlineData("--flat guest@0x1000 --mode real", "<text", Something)]
    [InlineData("--flat /dev/stdin@0x1000 --mode real", "<guest", Nothing)]
    [InlineData("--flat /dev/fd/0@0x1000 --mode real", "<guest", Nothing)]
    [InlineData("--flat guest@0x1000 --mode real", "<guest", Nothing)]
    public void AFileThatIsBootedIsNotTypedToo(string boot, string input, int status)
    {
        File.WriteAllBytes(Path.Combine(_folder, "guest"), Convert.FromHexString(Guest));
        File.WriteAllText(Path.Combine(_folder, "text"), "text");
        Assert.Equal((status, "", ""), VitrineCommand.RunInShell($"cd {_folder}; exec \"$VITRINE\" run {boot} --accel soft {input}"));
    }

    [Theory]
    [InlineData("echo poweroff |", true)]
    [InlineData(": |", false)]
    public void AGuestThatOutlivesItsInputGetsOneHint(string typing, bool hint)
    {
        // sti; hlt; jmp to the hlt: it lives as long as with a jmp $, but leaves the processor to other tests.
        File.WriteAllBytes(Path.Combine(_folder, "guest"), [0xFB, 0xF4, 0xEB, 0xFD]);
        (int status, _, string errors) = VitrineCommand.RunInShell(
            $"cd {_folder}; {typing} \"$VITRINE\" run --flat guest@0x1000 --mode real --accel soft --timeout 13");
        Assert.Equal(124, status);
        Assert.Equal(hint ? 2 : 1, errors.Split('\n').Count(static line => line.StartsWith("vitrine: ", StringComparison.Ordinal)));
        Assert.Equal(hint, errors.Contains("Standard input has ended", StringComparison.Ordinal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
