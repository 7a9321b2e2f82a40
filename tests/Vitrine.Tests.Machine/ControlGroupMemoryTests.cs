using Xunit;

namespace Vitrine.Tests.Machine;

/// <summary>Trees of files as kernels and container engines make them: cgroups(7), and the kernel's admin-guide on cgroup-v1 and cgroup-v2.</summary>
public sealed class ControlGroupMemoryTests : IDisposable
{
    private const string Unlimited1 = "9223372036854771712";

    private readonly string _root = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    public static TheoryData<string, string, ulong?> Cases => new()
    {
        { "0::/", "", null },
        { "0::/a/b", "a/b/memory.max=max a/b/memory.current=5 a/memory.max=max a/memory.current=9", null },
        { "0::/a/b", "a/b/memory.max=1000 a/b/memory.current=300", 700 },
        { "0::/a/b", "a/b/memory.max=1000 a/b/memory.current=300 a/b/memory.stat=anon:100,inactive_file:200", 900 },
        { "0::/a/b", "a/b/memory.max=1000 a/b/memory.current=300 a/memory.max=500 a/memory.current=400", 100 },
        { "0::/a/b", "a/b/memory.max=1000 a/b/memory.current=1300", 0 },
        { "0::/../host/path", "memory.max=1000 memory.current=300", 700 },
        { "4:memory:/a", $"memory/a/memory.limit_in_bytes=2000 memory/a/memory.usage_in_bytes=500 memory/memory.limit_in_bytes={Unlimited1} memory/memory.usage_in_bytes=0", 1500 },
        { "4:cpu,memory:/docker/x", "memory/memory.limit_in_bytes=2000 memory/memory.usage_in_bytes=500 memory/memory.stat=total_inactive_file:100", 1600 },
        { "4:cpu:/a\n0::/", "cpu/a/memory.limit_in_bytes=1", null },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheLeastThatALimitLeavesCounts(string groups, string files, ulong? available)
    {
        Write("proc/self/cgroup", groups + "\n");
        foreach (string file in files.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = file.Split('=');
            Write($"sys/fs/cgroup/{parts[0]}", parts[1].Replace(':', ' ').Replace(',', '\n') + "\n");
        }

        Assert.Equal(available, ControlGroupMemory.Available(_root));
    }

    [Fact]
    public void WithoutProcThereIsNoLimit() => Assert.Null(ControlGroupMemory.Available(_root));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
