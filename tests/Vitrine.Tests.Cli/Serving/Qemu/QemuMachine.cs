using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>Debian's QEMU as a process: with KVM served to it, or with its own translator as the oracle. Its serial port and its monitor are here.</summary>
internal sealed class QemuMachine : IDisposable
{
    /// <summary>The program.</summary>
    public const string Program = "qemu-system-x86_64";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-qemu-").FullName;
    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly StringBuilder _serial = new();
    private QmpClient? _monitor;
    private int _read;

    /// <summary>Starts it.</summary>
    /// <param name="engine">What executes the guest.</param>
    /// <param name="arguments">QEMU's arguments; the accelerator, the serial port and the monitor come by themselves.</param>
    public QemuMachine(QemuEngine engine, params string[] arguments)
        : this(engine, null, arguments)
    {
    }

    /// <summary>Starts it with a folder for temporary files.</summary>
    /// <param name="engine">What executes the guest.</param>
    /// <param name="temporary">The folder, in TMPDIR; null for the tests' own.</param>
    /// <param name="arguments">As above.</param>
    public QemuMachine(QemuEngine engine, string? temporary, string[] arguments)
    {
        string[] common =
        [
            Program, "-accel", Accelerator(engine), "-nodefaults", "-display", "none", "-serial", "stdio",
            "-qmp", $"unix:{MonitorPath},server=on,wait=off", .. arguments,
        ];
        ProcessStartInfo start = engine == QemuEngine.Translator
            ? new(common[0], common[1..])
            : new(VitrineCommand.Program, ["kvm", "--force", "--", .. common]);
        if (temporary is not null) start.Environment["TMPDIR"] = temporary;
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.StandardOutputEncoding = Encoding.Latin1;
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Its process id: the command has become QEMU.</summary>
    public int Id => _process.Id;

    private string MonitorPath => Path.Combine(_folder, "qmp");

    /// <summary>Skips the running test where QEMU, or what serves KVM to it, is not there.</summary>
    public static void SkipUnlessPresent()
    {
        ServingParts.SkipUnlessPresent();
        Assert.SkipWhen(HostProgram.Find(Program) is null, $"{Program} is not installed");
    }

    /// <summary>What the guest writes to its serial port, from where the last call ended to the end of a text.</summary>
    public string ReadUntil(string text)
    {
        using CancellationTokenSource limit = new(Patience);
        char[] buffer = new char[4096];
        while (true)
        {
            string all = _serial.ToString();
            int at = all.IndexOf(text, _read, StringComparison.Ordinal);
            if (at >= 0)
            {
                string part = all[_read..(at + text.Length)];
                _read = at + text.Length;
                return part;
            }

            int count;
            try
            {
                count = _process.StandardOutput.ReadAsync(buffer, limit.Token).AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"'{text}' did not come. The guest wrote: {all[_read..]}");
            }

            if (count == 0) Assert.Fail($"QEMU ended before '{text}'. It said: {_errors.Result} The guest wrote: {all[_read..]}");
            _serial.Append(buffer, 0, count);
        }
    }

    /// <summary>Types into the guest's serial port.</summary>
    public void Send(string text)
    {
        _process.StandardInput.Write(text);
        _process.StandardInput.Flush();
    }

    /// <summary>Executes a command of the human monitor, and returns what it answers.</summary>
    public string Monitor(string command)
    {
        JsonNode answer = (_monitor ??= new QmpClient(MonitorPath)).Execute("human-monitor-command", new JsonObject { ["command-line"] = command });
        return answer.GetValue<string>();
    }

    /// <summary>Waits for its end. Returns the exit status and the rest of what the guest wrote. QEMU may have said warnings,
    /// and nothing that it calls an error.</summary>
    public (int Status, string Output) WaitForExit()
    {
        Task<string> rest = _process.StandardOutput.ReadToEndAsync();
        if (!_process.WaitForExit(Patience) || !rest.Wait(Patience)) throw new TimeoutException($"QEMU did not end. The guest wrote: {_serial}");
        string[] lines = _errors.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, static line => Assert.True(
            line.StartsWith("vitrine: KVM is served to ", StringComparison.Ordinal) || line.Contains(": warning: ", StringComparison.Ordinal) ||
            line.Contains(": terminating on signal ", StringComparison.Ordinal), line));
        return (_process.ExitCode, _serial.ToString()[_read..] + rest.Result);
    }

    /// <summary>Ends it as nothing can refuse, and waits until it is gone.</summary>
    public void Kill()
    {
        _process.Kill();
        Assert.True(_process.WaitForExit(Patience), "QEMU did not end after SIGKILL");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _monitor?.Dispose();
        if (!_process.HasExited) Kill();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Accelerator(QemuEngine engine) => engine switch
    {
        QemuEngine.Translator => "tcg",
        QemuEngine.ServedSplit => "kvm,kernel-irqchip=split",
        QemuEngine.ServedOff => "kvm,kernel-irqchip=off",
        _ => "kvm",
    };
}
