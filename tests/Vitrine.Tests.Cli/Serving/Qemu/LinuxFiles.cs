using System.Text;
using Vitrine.Boot;
using Vitrine.Cli.Demo;
using Vitrine.Errors;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>Debian's kernel, its modules for virtio, and an initramfs with busybox around a script of the test.</summary>
public sealed class LinuxFiles : IDisposable
{
    // In the order in which they need one another.
    private static readonly string[] s_virtio =
    [
        "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_mmio", "virtio_blk", "failover", "net_failover", "virtio_net",
    ];

    // Process 1. What the kernel says may come between lines of the script, so it is kept quiet.
    private const string Start =
        """
        #!/bin/busybox sh
        /bin/busybox mkdir -p /sbin /usr/bin /usr/sbin /proc /sys /dev
        /bin/busybox --install -s
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t devtmpfs devtmpfs /dev
        stty -onlcr
        for module in {0}; do insmod /lib/$module.ko; done

        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-linux-").FullName;
    private readonly Lazy<LinuxGuest?> _guest = new(FindGuest);
    private readonly Lazy<bool> _modules;

    /// <summary>Fetches nothing yet.</summary>
    public LinuxFiles() => _modules = new(FetchModules);

    /// <summary>The kernel. Skips the running test where there is none.</summary>
    internal string Kernel => Guest.Kernel;

    private LinuxGuest Guest
    {
        get
        {
            Assert.SkipWhen(_guest.Value is null, "no Linux kernel here (apt and its archive are needed)");
            return _guest.Value!;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>QEMU's arguments for a guest that runs a script and switches itself off.</summary>
    /// <param name="script">For sh of busybox.</param>
    /// <param name="virtio">True for one with drivers of virtio; skips the running test where they can't be had.</param>
    internal string[] Boot(string script, bool virtio = false)
    {
        if (virtio) Assert.SkipUnless(_modules.Value, "no kernel modules here (apt and its archive are needed)");
        string busybox = Path.Combine(Path.GetDirectoryName(Guest.Kernel)!, "busybox");
        string start = string.Format(null, Start, virtio ? string.Join(' ', s_virtio) : "");
        Initramfs initramfs = new Initramfs()
            .AddCharacterDevice("/dev/console", 5, 1)
            .AddFile("/bin/busybox", File.ReadAllBytes(busybox), Initramfs.Executable)
            .AddSymbolicLink("/bin/sh", "busybox")
            .AddFile("/init", Encoding.UTF8.GetBytes($"{start}\n{script}\npoweroff -f\n".ReplaceLineEndings("\n")), Initramfs.Executable);
        foreach (string module in virtio ? s_virtio : []) initramfs.AddFile($"/lib/{module}.ko", File.ReadAllBytes(Path.Combine(_folder, $"{module}.ko")));
        string path = Path.Combine(_folder, $"{Guid.NewGuid():N}.cpio");
        File.WriteAllBytes(path, initramfs.ToArray());
        return ["-m", "256", "-no-reboot", "-kernel", Guest.Kernel, "-initrd", path, "-append", "console=ttyS0 quiet reboot=t"];
    }

    private static LinuxGuest? FindGuest()
    {
        try
        {
            return LinuxGuest.Get(LinuxGuest.DefaultFolder);
        }
        catch (VitrineException)
        {
            return null;
        }
    }

    // The package that the kernel comes from says its version in the kernel.
    private bool FetchModules()
    {
        const string Script =
            """
            set -e
            version=$(grep -aom1 '[0-9.]*-[0-9]*-cloud-amd64 (' "$1" | cut -d' ' -f1)
            apt-get download -q -o APT::Sandbox::User= "linux-image-$version"
            dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --wildcards --transform 's,.*/,,' '*.ko'
            """;
        if (HostProgram.Find("apt-get") is null) return false;
        string script = Path.Combine(_folder, "fetch");
        File.WriteAllText(script, Script.ReplaceLineEndings("\n"));
        (int status, _, _) = HostProgram.Run("sh", $"{script} {Guest.Kernel}", _folder, []);
        return status == 0 && s_virtio.All(module => File.Exists(Path.Combine(_folder, $"{module}.ko")));
    }
}
