using System.Text;
using Spectre.Console;
using Vitrine.Boot;
using Vitrine.Errors;

namespace Vitrine.Cli.Demo;

/// <summary>The demo's Linux: Debian's cloud kernel, unmodified, and an initramfs with busybox. Kept in the cache folder.</summary>
/// <param name="Kernel">Path of the bzImage.</param>
/// <param name="Initrd">Path of the initramfs.</param>
internal sealed record LinuxGuest(string Kernel, string Initrd)
{
    private const string Metapackage = "linux-image-cloud-amd64";
    private const string Busybox = "busybox-static";

    // Part of the file's name, so that a changed script replaces an initramfs in the cache.
    private const int InitramfsVersion = 1;

    // Busybox' own poweroff asks process 1, which is this script; with -f it asks the kernel.
    private const string Init =
        """
        #!/bin/busybox sh
        /bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin
        /bin/busybox --install -s 2>/dev/null
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t devtmpfs devtmpfs /dev
        mkdir -p /dev/pts
        mount -t devpts devpts /dev/pts
        hostname vitrine
        export HOME=/root TERM=linux PATH=/sbin:/usr/sbin:/bin:/usr/bin PS1='\h:\w\$ '
        cd /root
        echo
        echo "Linux $(uname -r) is up after $(cut -d' ' -f1 /proc/uptime) s."
        echo "'poweroff' ends the guest, 'reboot' starts it over. Ctrl-A X leaves at once."
        echo
        setsid cttyhack sh
        exec poweroff
        """;

    /// <summary>The guest in the cache, or null when it is not complete.</summary>
    public static LinuxGuest? FindIn(string folder)
    {
        LinuxGuest guest = In(folder);
        return File.Exists(guest.Kernel) && File.Exists(guest.Initrd) ? guest : null;
    }

    /// <summary>Downloads the packages and builds the guest, with its progress on standard error.</summary>
    /// <exception cref="VitrineException">There is no apt, no network, or no space.</exception>
    public static LinuxGuest Fetch(string folder)
    {
        if (!DebianPackages.ToolsPresent)
        {
            throw VitrineException.Host(
                "apt-get, apt-cache and dpkg-deb are not all on this host.",
                "It is probably not a Debian or one of its relatives.",
                "Give a kernel of your own with 'vitrine run --kernel'.");
        }

        LinuxGuest guest = In(folder);
        try
        {
            Directory.CreateDirectory(folder);
            IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            DebianPackages packages = new(folder);
            console.Progress().AutoClear(false).HideCompleted(false).Start(progress =>
            {
                ProgressTask search = progress.AddTask("find packages").IsIndeterminate();
                packages.EnsureKnown(Metapackage, () => search.Description = "find packages (reading package lists)");
                string kernelPackage = packages.Resolve(Metapackage, "linux-image-");
                search.IsIndeterminate(false).Value = search.MaxValue;
                Get(packages, progress, kernelPackage, "boot/vmlinuz-", guest.Kernel);
                Get(packages, progress, Busybox, "bin/busybox", Path.Combine(folder, "busybox"));
            });
            byte[] image = BuildInitramfs(File.ReadAllBytes(Path.Combine(folder, "busybox")));
            File.WriteAllBytes(guest.Initrd + ".new", image);
            File.Move(guest.Initrd + ".new", guest.Initrd, overwrite: true);
            return guest;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw VitrineException.Host(
                $"The folder '{folder}' can't be filled ({error.Message.TrimEnd('.')}).",
                "The disk is full, or the folder belongs to somebody else.",
                "Make room, or set XDG_CACHE_HOME to another folder.",
                error);
        }
    }

    /// <summary>The initramfs around a statically linked busybox.</summary>
    internal static byte[] BuildInitramfs(byte[] busybox) => new Initramfs()
        .AddDirectory("/proc").AddDirectory("/sys").AddDirectory("/root").AddDirectory("/tmp").AddDirectory("/etc")
        .AddCharacterDevice("/dev/console", 5, 1)
        .AddFile("/bin/busybox", busybox, Initramfs.Executable)
        .AddSymbolicLink("/bin/sh", "busybox")
        .AddFile("/init", Script(Init), Initramfs.Executable)
        .AddFile("/sbin/poweroff", Script("#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox poweroff -f"), Initramfs.Executable)
        .AddFile("/sbin/reboot", Script("#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox reboot -f"), Initramfs.Executable)
        .AddFile("/sbin/halt", Script("#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox poweroff -f"), Initramfs.Executable)
        .ToArray();

    private static LinuxGuest In(string folder) => new(Path.Combine(folder, "vmlinuz"), Path.Combine(folder, $"initramfs-{InitramfsVersion}.cpio"));

    private static byte[] Script(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n") + "\n");

    private static void Get(DebianPackages packages, ProgressContext progress, string package, string path, string target)
    {
        ProgressTask download = progress.AddTask(package.EscapeMarkup(), maxValue: Math.Max(1, packages.SizeOf(package)));
        string file = packages.Download(package, bytes => download.Value = Math.Min(bytes, download.MaxValue - 1));
        DebianPackages.Extract(file, path, target);
        download.Value = download.MaxValue;
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }
}
