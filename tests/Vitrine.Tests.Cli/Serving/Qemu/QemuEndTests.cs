using System.Globalization;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>QEMU that ends without warning: no process of what served it may outlive it.</summary>
/// <param name="linux">The kernel.</param>
[Collection(QemuCollection.Name)]
public sealed class QemuEndTests(LinuxFiles linux)
{
    private const int Times = 8;
    private const int LongestMilliseconds = 1200;

    [Fact]
    public void KilledQemuLeavesNoProcessAndNoSharedMemory()
    {
        QemuMachine.SkipUnlessPresent();
        string folder = Directory.CreateTempSubdirectory("vitrine-kill-").FullName;
        try
        {
            // The folder's name in the environment finds every process that descends from QEMU.
            string[] shared = Files("/dev/shm");
            Random random = new(13);
            for (int time = 0; time < Times; time++)
            {
                using QemuMachine qemu = new(QemuEngine.Served, folder, ["-smp", "2", .. linux.Boot("echo UP; cat")]);
                Thread.Sleep(random.Next(LongestMilliseconds));
                qemu.Kill();
            }

            Assert.Equal(shared, Files("/dev/shm"));
            Assert.Empty(Processes($"TMPDIR={folder}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string[] Files(string folder) => [.. Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)];

    private static List<int> Processes(string mark)
    {
        List<int> found = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int id)) continue;
            try
            {
                if (File.ReadAllText(Path.Combine(folder, "environ")).Contains(mark, StringComparison.Ordinal)) found.Add(id);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is somebody else's.
            }
        }

        return found;
    }
}
