using System.Diagnostics;
using System.Text;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>A debugger on a QEMU that runs, which does something each time one of QEMU's functions begins.</summary>
internal sealed class QemuPatch : IDisposable
{
    private const string Ready = "patch is there";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly TempFile _script;

    /// <summary>Attaches; returns when it is there. Skips the running test where one process may not debug another.</summary>
    /// <param name="process">QEMU's process id.</param>
    /// <param name="function">The function.</param>
    /// <param name="command">gdb's command.</param>
    public QemuPatch(int process, string function, string command)
    {
        _script = new TempFile(Encoding.UTF8.GetBytes(string.Join('\n',
            "set pagination off", "handle all nostop noprint pass", "handle SIGTRAP stop nopass", $"break {function}",
            "commands", "silent", command, "continue", "end", $"echo {Ready}\\n", "continue", "")));
        _process = Process.Start(new ProcessStartInfo("gdb", ["-nx", "-batch", "-p", $"{process}", "-x", _script.Path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginErrorReadLine();
        string? line;
        do line = _process.StandardOutput.ReadLine();
        while (line is not null && !line.Contains(Ready, StringComparison.Ordinal));
        Assert.SkipWhen(line is null, "gdb may not attach to a process here");
        _ = _process.StandardOutput.ReadToEndAsync();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // It ends with what it debugs.
        if (!_process.WaitForExit(Patience)) _process.Kill();
        _process.Dispose();
        _script.Dispose();
    }
}
