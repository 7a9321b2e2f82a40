using System.Text;
using Spectre.Console;
using Vitrine.Boot;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Demo;

/// <summary>The demo's Linux: Debian's cloud kernel, unmodified, and an initramfs with busybox. Kept in the cache folder.</summary>
/// <param name="Kernel">Path of the bzImage.</param>
/// <param name="Initrd">Path of the initramfs.</param>
internal sealed record LinuxGuest(string Kernel, string Initrd)
{
    private const string Metapackage = "linux-image-cloud-amd64";
    private const string Busybox = "busybox-static";

    // With the terminal named, init makes it the shell's controlling terminal: Ctrl-C and job control work.
    private const string Inittab = "ttyS0::respawn:/bin/sh";

    private const string ShellStart = "/etc/shell";

    private const string LockName = ".lock";

    // EAGAIN of <asm-generic/errno-base.h>, which flock(2) gives, and the framework passes on.
    private const int WouldBlock = 11;
    private static readonly TimeSpan LookForTurn = TimeSpan.FromMilliseconds(200);

    // The kernel starts it as process 1; busybox' init takes over, and answers poweroff and reboot.
    private const string Init =
        $$"""
        #!/bin/busybox sh
        /bin/busybox mkdir -p /sbin /usr/bin /usr/sbin
        /bin/busybox --install -s
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t devtmpfs devtmpfs /dev
        mkdir -p /dev/pts
        mount -t devpts devpts /dev/pts
        hostname vitrine
        echo
        echo "Linux $(uname -r) is up after $(cut -d' ' -f1 /proc/uptime) s."
        echo "'poweroff' ends the guest, 'reboot' starts it over. Ctrl-A X leaves at once."
        echo
        export HOME=/root TERM=linux ENV={{ShellStart}} PS1='\h:\w\$ '
        cd /root
        exec init
        """;

    /// <summary>The folder that it is kept in; null where this user has none for a cache.</summary>
    public static string? DefaultFolder => CacheFolder.Path is { } cache ? Path.Combine(cache, "demo") : null;

    /// <summary>Gets the guest: out of the cache, or from the package archive with the progress on standard error.</summary>
    /// <exception cref="VitrineException">There is no folder, no apt, no network, or no space.</exception>
    /// <param name="folder">The cache; null where there is none.</param>
    /// <param name="size">What the guest's terminal shows; null when nobody knows.</param>
    public static LinuxGuest Get(string? folder, TerminalSize? size = null)
    {
        if (folder is null)
        {
            throw VitrineException.Host(
                CommandErrorCode.Demo,
                "There is no folder to keep the demo's Linux in.",
                "Neither XDG_CACHE_HOME nor HOME names one by its whole path.",
                "Set XDG_CACHE_HOME to a folder of this user's.");
        }

        string kernel = Path.Combine(folder, "vmlinuz");
        string busybox = Path.Combine(folder, "busybox");
        string initrd = Path.Combine(folder, "initramfs.cpio");
        try
        {
            Directory.CreateDirectory(folder);
            using FileStream turn = WaitForTurn(folder);
            RemoveLeftovers(folder, kernel, busybox, initrd);
            if (!IsWhole(kernel) || !IsWhole(busybox)) Fetch(new DebianPackages(folder), kernel, busybox);

            // Made anew each time: that takes milliseconds, and a changed script never meets an old image.
            OutputFile.Replace(initrd, file => file.Write(BuildInitramfs(File.ReadAllBytes(busybox), size)));
            return new LinuxGuest(kernel, initrd);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw VitrineException.Host(
                CommandErrorCode.Demo,
                $"The folder '{folder}' can't be filled ({error.Message.TrimEnd('.')}).",
                "The disk is full, or the folder belongs to somebody else.",
                "Make room, or set XDG_CACHE_HOME to another folder.",
                error);
        }
    }

    /// <summary>The initramfs around a statically linked busybox.</summary>
    internal static byte[] BuildInitramfs(byte[] busybox, TerminalSize? size) => new Initramfs()
        .AddDirectory("/proc").AddDirectory("/sys").AddDirectory("/root").AddDirectory("/tmp")
        .AddCharacterDevice("/dev/console", 5, 1)
        .AddFile("/bin/busybox", busybox, Initramfs.Executable)
        .AddSymbolicLink("/bin/sh", "busybox")
        .AddFile("/init", Script(Init), Initramfs.Executable)
        .AddFile("/etc/inittab", Script(Inittab))
        .AddFile(ShellStart, Script(StartShell(size)))
        .ToArray();

    // Two that fill the folder at once would remove each other's files. The lock ends with whoever has it.
    private static FileStream WaitForTurn(string folder)
    {
        bool told = false;
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException error) when (error.HResult == WouldBlock)
            {
                if (!told) Messages.Say($"Waiting for another vitrine that fills '{folder}'.");
                told = true;
                Thread.Sleep(LookForTurn);
            }
        }
    }

    // What one that was killed was writing: nobody else writes here now.
    private static void RemoveLeftovers(string folder, params string[] targets)
    {
        foreach (string download in Directory.GetDirectories(folder, DebianPackages.Downloads)) Directory.Delete(download, recursive: true);
        foreach (string target in targets)
        {
            // As OutputFile.Replace names it. By default a question mark stands for no character as well.
            EnumerationOptions exact = new() { MatchType = MatchType.Simple };
            foreach (string left in Directory.GetFiles(folder, $"{Path.GetFileName(target)}.????????.???", exact)) File.Delete(left);
        }
    }

    // A disk that was full, or a host that crashed, may have left it empty.
    private static bool IsWhole(string file) => new FileInfo(file) is { Exists: true, Length: > 0 };

    // A serial line doesn't carry the size of the terminal at its end, so programs would take it for 24 lines. What it is at the start is all that
    // can be told: a change later does not come through either.
    private static string StartShell(TerminalSize? size) => size is { } known ? $"stty rows {known.Rows} cols {known.Columns}" : "";

    private static void Fetch(DebianPackages packages, string kernel, string busybox)
    {
        if (!DebianPackages.ToolsPresent)
        {
            throw VitrineException.Host(
                CommandErrorCode.Demo,
                "apt-get, apt-cache and dpkg-deb are not all on this host.",
                "It is probably not a Debian or one of its relatives.",
                "Give a kernel of your own with 'vitrine run --kernel'.");
        }

        TextWriter errors = StandardDescriptors.Error == StandardDescriptors.None ? TextWriter.Null : Console.Error;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(errors) });
        console.Progress().AutoClear(false).HideCompleted(false).Start(progress =>
        {
            ProgressTask search = progress.AddTask("find packages").IsIndeterminate();
            packages.EnsureKnown(Metapackage, () => search.Description = "read package lists");
            string kernelPackage = packages.Resolve(Metapackage, "linux-image-");
            search.IsIndeterminate(false).Value = search.MaxValue;
            Download(packages, progress, kernelPackage, "boot/vmlinuz-", kernel);
            Download(packages, progress, Busybox, "bin/busybox", busybox);
        });
    }

    private static byte[] Script(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n") + "\n");

    private static void Download(DebianPackages packages, ProgressContext progress, string package, string path, string target)
    {
        ProgressTask download = progress.AddTask(package.EscapeMarkup(), maxValue: Math.Max(1, packages.SizeOf(package)));
        packages.Fetch(package, path, target, bytes => download.Value = Math.Min(bytes, download.MaxValue - 1));
        download.Value = download.MaxValue;
    }
}
