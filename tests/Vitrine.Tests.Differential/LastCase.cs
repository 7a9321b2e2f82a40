using System.Text;

namespace Vitrine.Tests.Differential;

/// <summary>
/// A file, named by <c>VITRINE_DIFFERENTIAL_LAST</c>, that tells which case was running when the software CPU brought the process down.
/// </summary>
internal sealed class LastCase : IDisposable
{
    private const int LineBytes = 256;
    private readonly FileStream _file;

    private LastCase(string path) => _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);

    /// <summary>The file, where one is asked for.</summary>
    public static LastCase? Create() => Environment.GetEnvironmentVariable("VITRINE_DIFFERENTIAL_LAST") is { } path ? new LastCase(path) : null;

    /// <summary>Notes a case before it runs.</summary>
    public void Write(int number, byte[] code)
    {
        _file.Position = 0;
        _file.Write(Encoding.ASCII.GetBytes($"{number} of the batch: {Convert.ToHexString(code)}".PadRight(LineBytes) + "\n"));
    }

    public void Dispose() => _file.Dispose();
}
