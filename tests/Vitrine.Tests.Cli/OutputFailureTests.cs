using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>Output that nothing takes: /dev/full, a closed descriptor, a pipe without writer for input.</summary>
public sealed class OutputFailureTests
{
    // mov dx,0x3f8; mov al,'A'; again: out dx,al; jmp again
    private static readonly byte[] _printer = [0xBA, 0xF8, 0x03, 0xB0, 0x41, 0xEE, 0xEB, 0xFD];

    [Theory]
    [InlineData("--version > /dev/full", 72, "Make room")]
    [InlineData("--version >&-", 90, "Leave it open")]
    [InlineData("run --help > /dev/full", 72, "Make room")]
    [InlineData("run --kernel /nonexistent >&- <&-", 64, "does not exist")]
    [InlineData("run --accel soft --timeout 50 --mode real --flat '{printer}@0x7c00' --serial file:/dev/full", 90, "/dev/full")]
    [InlineData("run --accel soft --timeout 50 --mode real --flat '{printer}@0x7c00' > /dev/full", 90, "")]
    public void OneMessageAndTheDocumentedStatus(string command, int status, string says)
    {
        using TempFile printer = new(_printer);
        string line = command.Replace("{printer}", printer.Path, StringComparison.Ordinal);
        (int ended, _, string errors) = HostProgram.Run("sh", $"-c \"'{VitrineCommand.Program}' {line}\"", Path.GetTempPath(), []);
        Assert.Equal((status, errors), (ended, errors));
        Assert.Contains(says, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
    }
}
