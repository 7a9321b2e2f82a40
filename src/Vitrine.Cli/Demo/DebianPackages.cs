using System.ComponentModel;
using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.Runtime.InteropServices;
using Vitrine.Errors;

namespace Vitrine.Cli.Demo;

/// <summary>
/// Gets files out of Debian packages with apt and dpkg-deb as any user may: nothing is installed and no root is needed.
/// </summary>
/// <param name="folder">Where packages, and where needed package lists, are put.</param>
internal sealed class DebianPackages(string folder)
{
    // How long the tools may take before they count as hung: lists are some ten megabytes.
    private static readonly TimeSpan LongestCommand = TimeSpan.FromMinutes(10);

    /// <summary>The folders in which packages are while they are downloaded.</summary>
    public const string Downloads = "*.download";

    private string[] _options = [];

    /// <summary>True when apt and dpkg-deb are here.</summary>
    public static bool ToolsPresent => new[] { "apt-get", "apt-cache", "dpkg-deb" }.All(IsOnPath);

    /// <summary>The package that a metapackage stands for: its first dependency whose name begins as given.</summary>
    /// <exception cref="VitrineException">apt doesn't know it.</exception>
    public string Resolve(string metapackage, string prefix)
    {
        string depends = Run("apt-cache", [.. _options, "depends", metapackage]);
        foreach (string line in depends.Split('\n'))
        {
            string[] words = line.Split(':', StringSplitOptions.TrimEntries);
            if (words is ["Depends", var name] && name.StartsWith(prefix, StringComparison.Ordinal)) return name;
        }

        throw Failed($"'{metapackage}' depends on no package {prefix}*", "apt's lists are for a distribution that names its kernels differently.");
    }

    /// <summary>Makes sure that apt knows a package, with package lists of our own if the system has none.</summary>
    /// <exception cref="VitrineException">It can't be found, or there is no network.</exception>
    public void EnsureKnown(string package, Action refreshing)
    {
        if (IsKnown(package)) return;
        refreshing();
        string lists = Directory.CreateDirectory(Path.Combine(folder, "apt", "lists", "partial")).Parent!.FullName;
        string archives = Directory.CreateDirectory(Path.Combine(folder, "apt", "cache", "archives", "partial")).Parent!.Parent!.FullName;
        _options = ["-o", $"Dir::State::lists={lists}", "-o", $"Dir::Cache={archives}", "-o", "APT::Sandbox::User="];
        Run("apt-get", [.. _options, "update", "-q"]);
        if (!IsKnown(package)) throw Failed($"apt knows no package '{package}'", "This distribution is not Debian, or its sources lack the section main.");
    }

    /// <summary>Size in bytes of a package's download; 0 when apt doesn't say.</summary>
    public long SizeOf(string package)
    {
        string? line = Run("apt-cache", [.. _options, "show", "--no-all-versions", package]).Split('\n')
            .FirstOrDefault(line => line.StartsWith("Size: ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line["Size: ".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long size) ? size : 0;
    }

    /// <summary>Downloads a package and copies one file out of it. The package itself is not kept.</summary>
    /// <param name="package">Its name.</param>
    /// <param name="prefix">Beginning of the file's path in the package, without a leading slash.</param>
    /// <param name="target">Where the file goes.</param>
    /// <param name="progress">Told the bytes so far, a few times a second.</param>
    /// <exception cref="VitrineException">There is no network, or not enough space, or no such file in the package.</exception>
    public void Fetch(string package, string prefix, string target, Action<long> progress)
    {
        string place = Path.Combine(folder, $"{package}.download");
        Directory.CreateDirectory(place);
        try
        {
            Extract(Download(package, place, progress), prefix, target);
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    /// <summary>Copies one file out of a package.</summary>
    /// <param name="package">The .deb file.</param>
    /// <param name="prefix">Beginning of its path in the package, without a leading slash.</param>
    /// <param name="target">Where it goes.</param>
    /// <exception cref="VitrineException">It is not in the package.</exception>
    public static void Extract(string package, string prefix, string target)
    {
        using Process unpacker = Start("dpkg-deb", ["--fsys-tarfile", package], folder: null);
        unpacker.StandardError.Close();
        bool found = false;
        using (TarReader reader = new(unpacker.StandardOutput.BaseStream))
        {
            while (!found && reader.GetNextEntry() is { } entry)
            {
                string name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
                if (entry.DataStream is null || !name.StartsWith(prefix, StringComparison.Ordinal)) continue;
                found = true;
                OutputFile.Replace(target, entry.DataStream.CopyTo);
            }
        }

        // The rest of the archive is of no interest: a kernel package is mostly modules.
        unpacker.Kill();
        if (!found) throw Failed($"'{Path.GetFileName(package)}' contains no file {prefix}*", "The package is built in another way than expected.");
    }

    private string Download(string package, string place, Action<long> progress)
    {
        using Timer timer = new(_ => progress(BytesIn(place)), null, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(200));
        Run("apt-get", [.. _options, "download", "-q", "-o", "APT::Sandbox::User=", package], place);
        return Directory.GetFiles(place, "*.deb").FirstOrDefault() ??
            throw Failed($"apt-get downloaded no package '{package}'", "Its archive is probably not reachable.");
    }

    private static VitrineException Failed(string what, string why, Exception? inner = null) => VitrineException.Host(
        CommandErrorCode.Demo,
        $"{char.ToUpperInvariant(what[0])}{what[1..]}.", why, "Give a kernel of your own with 'vitrine run --kernel'.", inner);

    private static bool IsOnPath(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(place => place.Length > 0 && File.Exists(Path.Combine(place, command)));

    private static long BytesIn(string place)
    {
        try
        {
            return new DirectoryInfo(place).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        }
        catch (IOException)
        {
            // apt renames its files while they are counted.
            return 0;
        }
    }

    private static Process Start(string command, string[] arguments, string? folder)
    {
        ProcessStartInfo start = new(command, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        start.Environment["LC_ALL"] = "C";
        try
        {
            Process process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (Win32Exception error)
        {
            throw Failed(
                $"'{command}' can't be started ({Marshal.GetPInvokeErrorMessage(error.NativeErrorCode)})",
                "This user may not execute it, or may start no more processes (`ulimit -u`).",
                error);
        }
    }

    private static string Run(string command, string[] arguments, string? folder = null)
    {
        using Process process = Start(command, arguments, folder);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(LongestCommand))
        {
            process.Kill(entireProcessTree: true);
            throw Failed($"'{command}' did not finish within {LongestCommand.TotalMinutes:0} minutes", "The package archive is probably not reachable.");
        }

        if (process.ExitCode == 0) return output.Result;
        string said = errors.Result.Split('\n').FirstOrDefault(line => line.StartsWith("E:", StringComparison.Ordinal))?[2..].Trim() ?? "no message";
        bool full = said.Contains("No space left", StringComparison.Ordinal) || said.Contains("enough free space", StringComparison.Ordinal);
        throw Failed(
            $"'{command}' failed for '{arguments[^1]}' with status {process.ExitCode} ({said.TrimEnd('.')})",
            full ? "The disk is full." : "The package archive is probably not reachable from here.");
    }

    private bool IsKnown(string package)
    {
        try
        {
            return Run("apt-cache", [.. _options, "show", "--no-all-versions", package]).Length > 0;
        }
        catch (VitrineException)
        {
            return false;
        }
    }
}
