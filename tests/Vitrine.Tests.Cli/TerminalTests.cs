using System.Diagnostics;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>
/// A real terminal, made by script(1): raw while the guest has it, and with its old settings afterwards, however the
/// command ends. The settings are read by stty(1), not by code of ours.
/// </summary>
public sealed class TerminalTests : IDisposable
{
    private const string Script = "/usr/bin/script";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // EB FE: jmp $, so that the guest runs until it is stopped. B0 05 E6 F4: debug exit with 5.
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    [Theory]
    [InlineData("EBFE", "kill -TERM $pid", 90)]
    [InlineData("EBFE", "kill -HUP $pid", 90)]
    [InlineData("EBFE", "kill -USR1 $pid", 90)]
    [InlineData("EBFE", "kill -USR2 $pid", 90)]
    [InlineData("EBFE", "kill -ALRM $pid", 90)]
    [InlineData("EBFE", "kill -ABRT $pid", 90)]
    [InlineData("EBFE", "kill -VTALRM $pid", 90)]
    [InlineData("EBFE", "kill -IO $pid", 90)]
    [InlineData("EBFE", "printf ''", 124)]
    public void TheTerminalIsRawWhileTheGuestRunsAndRestoredAfter(string code, string act, int status)
    {
        string flat = Path.Combine(_folder, "guest");
        File.WriteAllBytes(flat, Convert.FromHexString(code));
        string timeout = status == 124 ? "--timeout 3" : "";
        string output = RunInTerminal(
            $"""
            before=$(stty -g)
            exec 3<&0
            "{VitrineCommand.Program}" run --flat {flat}@0x1000 --mode real --accel soft {timeout} <&3 2>/dev/null &
            pid=$!
            turns=0
            while [ "$(stty -g)" = "$before" ] && [ $turns -lt 400 ]; do sleep 0.05; turns=$((turns + 1)); done
            stty -a | tr ';' '\n' | tr ' ' '\n' | grep -x -e '-icanon' -e '-echo' -e '-isig' -e '-ixon' | sort | tr '\n' ' '
            {act}
            wait $pid
            echo "status=$?"
            [ "$(stty -g)" = "$before" ] && echo restored
            """);
        Assert.Contains("-echo -icanon -isig -ixon", output, StringComparison.Ordinal);
        Assert.Contains($"status={status}", output, StringComparison.Ordinal);
        Assert.Contains("restored", output, StringComparison.Ordinal);
    }

    [Fact]
    public void ControlAXLeaves()
    {
        string flat = Path.Combine(_folder, "guest");
        File.WriteAllBytes(flat, [0xEB, 0xFE]);
        string output = RunInTerminal(
            $"""
            before=$(stty -g)
            "{VitrineCommand.Program}" run --flat {flat}@0x1000 --mode real --accel soft 2>/dev/null
            echo "status=$?"
            [ "$(stty -g)" = "$before" ] && echo restored
            """,
            typed: "\u0001x");
        Assert.Contains("status=90", output, StringComparison.Ordinal);
        Assert.Contains("restored", output, StringComparison.Ordinal);
    }

    [Fact]
    public void AGuestThatComesToTheForegroundGetsTheKeys()
    {
        string flat = Path.Combine(_folder, "guest");

        // sti; hlt; jmp to the hlt: it waits.
        File.WriteAllBytes(flat, [0xFB, 0xF4, 0xEB, 0xFD]);
        string output = RunInTerminal(
            $"""
            set -m
            before=$(stty -g)
            "{VitrineCommand.Program}" run --flat {flat}@0x1000 --mode real --accel soft --timeout 30 2>/dev/null &
            sleep 3
            [ "$(stty -g)" = "$before" ] && echo untouched
            fg >/dev/null
            echo "status=$?"
            [ "$(stty -g)" = "$before" ] && echo restored
            """,
            typed: "\u0001x");
        Assert.Contains("untouched", output, StringComparison.Ordinal);
        Assert.Contains("status=90", output, StringComparison.Ordinal);
        Assert.Contains("restored", output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string RunInTerminal(string shellScript, string? typed = null)
    {
        Assert.SkipUnless(File.Exists(Script), $"{Script} (Debian package bsdutils) is not installed");
        string file = Path.Combine(_folder, "script.sh");
        File.WriteAllText(file, shellScript);
        ProcessStartInfo start = new(Script, ["-qec", $"/bin/sh {file}", "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();

        // Typed ahead: what comes before raw mode is kept, because the mode is changed without throwing input away.
        if (typed is not null)
        {
            process.StandardInput.Write(typed);
            process.StandardInput.Flush();
        }

        if (process.WaitForExit(Patience)) return output.Result;
        process.Kill(entireProcessTree: true);
        throw new TimeoutException($"No end within {Patience}.");
    }
}
