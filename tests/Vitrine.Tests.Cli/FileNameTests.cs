using System.Text;
using Vitrine.Cli;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>File names are bytes on Linux. In 'caf\xe9', Latin-1's name for a place with coffee, the last is no UTF-8.</summary>
public sealed class FileNameTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // mov dx,3f8; mov al,'H'; out dx,al; mov al,5; out f4,al
    private static readonly byte[] s_guest = Convert.FromHexString("BAF803B048EEB005E6F4");

    [Theory]
    [InlineData("run --flat \"$name\"@0x1000 --mode real --accel soft", 11, "H", "")]
    [InlineData("run --flat plain@0x1000 --mode real --accel soft --serial file:\"$name\"2; cat \"$name\"2", 0, "H", "")]
    [InlineData("run --flat \"$name\"@0x1000 --mode real --accel soft --serial file:\"$name\"2; cat \"$name\"2", 0, "H", "")]
    [InlineData("explain --flat \"$name\"@0x1000 --mode real --accel soft --format json -o \"$name\"3; head -c 1 \"$name\"3", 0, "{", "")]
    [InlineData("explain --flat plain@0x1000 --mode real --accel soft --format json -o \"$name\"5/story; head -c 1 \"$name\"5/story", 0, "{", "")]
    [InlineData("explain --flat plain@0x1000 --mode real --accel soft -o \"$name\"5", 64, "", "it is a folder")]
    [InlineData("run --flat \"$name\"@0x1000 --mode real --accel soft --serial file:\"$name\"", 64, "", "It is the same file as 'caf\\xe9'.")]
    [InlineData("run --kernel \"$name\" --accel soft", 64, "", "The kernel 'caf\\xe9' is no kernel")]
    [InlineData("run --firmware \"$name\" --accel soft", 64, "", "The firmware 'caf\\xe9' has 10 bytes")]
    [InlineData("check-entry \"$name\"", 64, "", "no dump")]
    [InlineData("run --kernel \"$name\"4 --accel soft", 64, "", "The file 'caf\\xe94' can't be opened")]
    [InlineData("check-entry \"$name\"4", 64, "", "The file 'caf\\xe94' can't be opened")]
    public void ANameThatIsNotUtf8IsAName(string command, int status, string output, string errors)
    {
        File.WriteAllBytes(Path.Combine(_folder, "plain"), s_guest);
        (int Status, string Output, string Errors) result = VitrineCommand.RunInShell(
            $"cd {_folder}; name=$(printf 'caf\\351'); cat plain > \"$name\"; mkdir \"$name\"5; \"$VITRINE\" {command}");
        Assert.Equal((status, output), (result.Status, result.Output));
        Assert.Contains(errors, result.Errors, StringComparison.Ordinal);
    }

    // UTF-16 code units: PEP 383 has U+DC00 and the byte for what is not UTF-8, which a surrogate in UTF-8 isn't either.
    [Theory]
    [InlineData("706C61696E", "0070 006C 0061 0069 006E")]
    [InlineData("636166E9", "0063 0061 0066 DCE9")]
    [InlineData("636166C3A9", "0063 0061 0066 00E9")]
    [InlineData("FFF09F9880FE", "DCFF D83D DE00 DCFE")]
    [InlineData("F09F98", "DCF0 DC9F DC98")]
    [InlineData("EDB3A9", "DCED DCB3 DCA9")]
    public void BytesBecomeTextAndBytesAgain(string bytes, string text)
    {
        string decoded = HostPath.Decode(Convert.FromHexString(bytes));
        Assert.Equal(text, string.Join(' ', decoded.Select(static unit => $"{(int)unit:X4}")));
        Assert.Equal(bytes, Convert.ToHexString(HostPath.Encode(decoded)));
    }

    [Fact]
    public void OnlyArgumentsThatTheRuntimeHasChangedAreRestored()
    {
        byte[] commandLine = [.. "dotnet\0vitrine.dll\0run\0caf"u8, 0xE9, .. "\0a\uFFFDb\0"u8];
        string[] arguments = ["run", Encoding.UTF8.GetString([.. "caf"u8, 0xE9]), "a\uFFFDb"];
        Assert.Equal(["run", "caf\uDCE9", "a\uFFFDb"], HostPath.Restore(arguments, commandLine));
        Assert.Equal(arguments, HostPath.Restore(arguments, "other\0"u8));
    }

    public void Dispose()
    {
        // The framework can't delete what it can't name.
        VitrineCommand.RunInShell($"rm -rf {_folder}");
    }
}
