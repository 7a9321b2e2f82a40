using System.CommandLine;
using Vitrine.Attachments;
using Vitrine.Disks;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>The options that give a machine devices beside its board's own.</summary>
internal sealed class DeviceOptions
{
    private static readonly string[] DiskWords = ["format", "readonly", "overlay", "serial", "cache"];

    private readonly Option<string[]> _disk = new("--disk")
    {
        Description = "A disk, as often as wanted: FILE[,format=raw][,readonly][,overlay][,serial=TEXT][,cache=writeback|none]. overlay keeps what is written " +
            "in a temporary file. A comma in the file's name is written twice.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _rng = new("--rng") { Description = "A source of random bytes: the host's." };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_disk);
        command.Options.Add(_rng);
    }

    /// <summary>Opens what is asked for.</summary>
    /// <exception cref="VitrineException">A value can't be understood, or an image can't be opened.</exception>
    public AttachedDevices Open(ParseResult parsed)
    {
        AttachedDevices devices = new();
        try
        {
            foreach (string disk in parsed.GetValue(_disk) ?? []) OpenDisk(disk, devices);
            if (parsed.GetValue(_rng)) devices.Add(new EntropyConfig());
            return devices;
        }
        catch
        {
            devices.Dispose();
            throw;
        }
    }

    private void OpenDisk(string text, AttachedDevices devices)
    {
        string[] words = Split(text);
        DiskOpenOptions options = new();
        string serial = "";
        foreach (string word in words[1..])
        {
            switch (word.Split('=', 2))
            {
                case ["readonly"]: options = options with { IsReadOnly = true }; break;
                case ["overlay"]: options = options with { IsOverlay = true }; break;
                case ["format", "raw"]: options = options with { Format = DiskFormat.Raw }; break;
                case ["cache", "writeback"]: options = options with { Cache = DiskCache.Writeback }; break;
                case ["cache", "none"]: options = options with { Cache = DiskCache.None }; break;
                case ["serial", var value]: serial = value; break;
                case [var name, ..]: throw Unknown(word, name);
            }
        }

        if (words[0].Length == 0) throw NoFile(text);
        string path = HostPath.ToRead(words[0]);
        devices.Add(new DiskConfig(DiskFiles.Open(path, options)) { Serial = serial }, path);
    }

    // At single commas; two stand for one that belongs to a name.
    private static string[] Split(string text) => [.. text.Replace(",,", "\0", StringComparison.Ordinal).Split(',').Select(static word => word.Replace('\0', ','))];

    private VitrineException Unknown(string word, string name) => VitrineException.User(
        CommandErrorCode.Arguments,
        $"{_disk.Name}: '{word}' says nothing about a disk.",
        "What can follow the file is format=raw, readonly, overlay, serial=TEXT and cache=writeback or cache=none.",
        $"{Suggestion.For(name, DiskWords)}Write a comma of the file's name twice.");

    private VitrineException NoFile(string text) => VitrineException.User(
        CommandErrorCode.Arguments,
        $"{_disk.Name} '{text}' names no file.",
        "The file comes first, and words about it after a comma.",
        "Give it like --disk disk.img,overlay.");
}
