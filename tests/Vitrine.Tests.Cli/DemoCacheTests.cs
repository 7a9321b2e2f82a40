using Vitrine.Cli.Demo;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>The folder that the demo's Linux is kept in, after others have been there, and while they are.</summary>
public sealed class DemoCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    [Fact]
    public void WhatAKilledDemoLeavesIsRemoved()
    {
        Fill();
        foreach (string left in new[] { "vmlinuz.abcdefgh.ijk", "busybox.00000000.000", "initramfs.cpio.zyxwvuts.rqp", "vmlinuz.mine" }) Write(left, "left");
        Write(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "linux.download")).FullName, "linux.deb"), "left");
        _ = LinuxGuest.Get(_folder);
        Assert.Equal(
            [".lock", "busybox", "initramfs.cpio", "vmlinuz", "vmlinuz.mine"],
            Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task WhoFillsTheFolderIsWaitedFor()
    {
        Fill();
        Task<LinuxGuest> second;
        using (new FileStream(Path.Combine(_folder, ".lock"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None))
        {
            second = Task.Run(() => LinuxGuest.Get(_folder), TestContext.Current.CancellationToken);
            await Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken);
            Assert.False(second.IsCompleted);
            Assert.False(File.Exists(Path.Combine(_folder, "initramfs.cpio")));
        }

        LinuxGuest guest = await second.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.True(File.Exists(guest.Initrd));
    }

    // The cache has an empty kernel, so that it is to be fetched, and apt is not for this user to start.
    [Fact]
    public void ToolsThatCannotBeStartedAreTold()
    {
        string tools = Directory.CreateDirectory(Path.Combine(_folder, "tools")).FullName;
        foreach (string tool in new[] { "apt-get", "apt-cache", "dpkg-deb" }) Write(Path.Combine(tools, tool), "#!/bin/sh");
        string cache = Directory.CreateDirectory(Path.Combine(_folder, "vitrine", "demo")).FullName;
        Write(Path.Combine(cache, "busybox"), "busybox");
        Write(Path.Combine(cache, "vmlinuz"), "");
        (int status, _, string errors) = VitrineCommand.RunInShell(
            $"exec env XDG_CACHE_HOME={_folder} PATH={tools} \"$VITRINE\" demo --soft interpreter --timeout 1");
        Assert.Contains("'apt-get' can't be started (", errors, StringComparison.Ordinal);
        Assert.Contains("Running the built-in guest instead.", errors, StringComparison.Ordinal);
        Assert.Equal(124, status);
    }

    [Fact]
    public void ADamagedKernelIsToBeDeleted()
    {
        string cache = Directory.CreateDirectory(Path.Combine(_folder, "vitrine", "demo")).FullName;
        Write(Path.Combine(cache, "busybox"), "busybox");
        Write(Path.Combine(cache, "vmlinuz"), "kernel");
        (int status, _, string errors) = VitrineCommand.RunInShell($"exec env XDG_CACHE_HOME={_folder} \"$VITRINE\" demo --accel soft --timeout 1");
        Assert.Contains($"Delete it with `rm '{Path.Combine(cache, "vmlinuz")}'`", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("/boot/vmlinuz", errors, StringComparison.Ordinal);
        Assert.Equal(64, status);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Fill()
    {
        Write("vmlinuz", "kernel");
        Write("busybox", "busybox");
    }

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_folder, name), content);
}
