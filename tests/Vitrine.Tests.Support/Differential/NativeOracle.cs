using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.HostExecution;

namespace Vitrine.Tests.Differential;

/// <summary>The host CPU: <see cref="NativeProgram"/> running as a child process, and the memory shared with it.</summary>
// SAFETY: the view is mapped for the life of the object and SharedSize long; indexes are below BatchSize.
internal sealed unsafe class NativeOracle : IDisposable
{
    public const string Missing = "the oracle is the host CPU, and this one is not an x86-64 under Linux";

    /// <summary>Why <see cref="LocalSegments"/> can't be used.</summary>
    public const string NoLocalTable = "the host's Linux has no modify_ldt, which makes 16-bit code";

    private const int AnswerMilliseconds = 20_000;
    private readonly string _folder;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Process _process;
    private readonly byte* _shared;
    private readonly byte[] _answer = new byte[1];

    public NativeOracle()
    {
        _folder = Directory.CreateTempSubdirectory("vitrine-oracle-").FullName;
        string program = Path.Combine(_folder, "oracle");
        string shared = Path.Combine(_folder, "shared");
        File.WriteAllBytes(program, NativeProgram.Build(HostProcessor.HasAvx));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _file = MemoryMappedFile.CreateFromFile(shared, FileMode.Create, null, OracleLayout.SharedSize);
        _view = _file.CreateViewAccessor();
        byte* pointer = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        _shared = pointer;
        _process = Process.Start(new ProcessStartInfo(program, [shared])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Finish();
    }

    public static bool IsAvailable =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>The native program has <see cref="LocalSegments"/>.</summary>
    public bool HasLocalTable => *(int*)(_shared + OracleLayout.SharedLocalTable) == 0;

    /// <summary>What the writable pages hold before each case.</summary>
    public Span<byte> Pristine => new(_shared + OracleLayout.SharedPristine, OracleLayout.DataSize);

    /// <summary>The page that may only be read.</summary>
    public Span<byte> ReadOnly => new(_shared + OracleLayout.SharedReadOnly, 0x1000);

    public OracleCase* Case(int index) => (OracleCase*)(_shared + OracleLayout.SharedCases + (index * OracleLayout.CaseStride));

    public OracleOutcome* Outcome(int index) =>
        (OracleOutcome*)(_shared + OracleLayout.SharedOutcomes + (index * OracleLayout.OutcomeStride));

    /// <summary>Starts a batch; <see cref="Finish"/> waits for its end.</summary>
    public void Start(int count)
    {
        *(long*)(_shared + OracleLayout.SharedCount) = count;
        _process.StandardInput.BaseStream.Write(_answer);
        _process.StandardInput.BaseStream.Flush();
    }

    public void Finish()
    {
        ValueTask<int> read = _process.StandardOutput.BaseStream.ReadAsync(_answer);
        int got = 0;
        if (read.IsCompleted) got = read.Result;
        else if (read.AsTask() is { } task && task.Wait(AnswerMilliseconds)) got = task.Result;
        if (got == 1) return;
        long current = *(long*)(_shared + OracleLayout.SharedCurrent);
        byte[] code = Case((int)current)->Instructions();
        throw new InvalidOperationException($"The native program ended or hangs at case {current} of the batch: {Convert.ToHexString(code)}.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(2000)) _process.Kill();
        _process.Dispose();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
