using System.Text;
using Vitrine.Errors;

namespace Vitrine.Boot;

/// <summary>
/// Builds an initial RAM file system for a Linux guest. Paths are absolute or relative to the root; directories on the
/// way to an entry are made as needed. Entries belong to root.
/// </summary>
/// <example>
/// <code>
/// byte[] image = new Initramfs()
///     .AddFile("/bin/busybox", File.ReadAllBytes("busybox"), Initramfs.Executable)
///     .AddSymbolicLink("/bin/sh", "busybox")
///     .AddCharacterDevice("/dev/console", 5, 1)
///     .AddFile("/init", "#!/bin/sh\nexec /bin/sh\n"u8.ToArray(), Initramfs.Executable)
///     .ToArray();
/// </code>
/// </example>
public sealed class Initramfs
{
    /// <summary>Permissions of a program: rwxr-xr-x.</summary>
    public const int Executable = 0x1ED;

    /// <summary>Permissions of a data file: rw-r--r--.</summary>
    public const int Data = 0x1A4;

    private const uint DeviceMode = 0x180; // rw-------
    private const uint LinkMode = 0x1FF;
    private const int PermissionBits = 0xFFF;

    private readonly List<Entry> _entries = [];
    private readonly HashSet<string> _paths = [];

    /// <summary>Adds a directory, and those above it. One that is there already stays as it is.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="VitrineException">The path is not possible, or a part of it is no directory.</exception>
    public Initramfs AddDirectory(string path)
    {
        string name = Normalise(path);
        for (int slash = name.IndexOf('/'); ; slash = name.IndexOf('/', slash + 1))
        {
            string part = slash < 0 ? name : name[..slash];
            if (_paths.Add(part))
            {
                _entries.Add(new Entry(part, CpioWriter.Directory | Executable, default, 0, 0));
            }
            else if (!_entries.Exists(entry => entry.Name == part && entry.Mode == (CpioWriter.Directory | Executable)))
            {
                throw Taken(part);
            }

            if (slash < 0) return this;
        }
    }

    /// <summary>Adds a regular file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="content">Its bytes; not copied, so don't change them before the image is written.</param>
    /// <param name="mode">Permission bits, for example <see cref="Executable"/> or <see cref="Data"/>.</param>
    /// <exception cref="VitrineException">The path is not possible or taken.</exception>
    public Initramfs AddFile(string path, ReadOnlyMemory<byte> content, int mode = Data) =>
        Add(path, CpioWriter.Regular | (uint)(mode & PermissionBits), content);

    /// <summary>Adds a symbolic link.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="target">What it points to.</param>
    /// <exception cref="VitrineException">The path is not possible or taken.</exception>
    public Initramfs AddSymbolicLink(string path, string target) => Add(path, CpioWriter.SymbolicLink | LinkMode, Encoding.UTF8.GetBytes(target));

    /// <summary>Adds a character device; the kernel wants /dev/console, 5:1, before it has mounted anything.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="major">Major number.</param>
    /// <param name="minor">Minor number.</param>
    /// <exception cref="VitrineException">The path is not possible or taken.</exception>
    public Initramfs AddCharacterDevice(string path, int major, int minor) =>
        Add(path, CpioWriter.CharacterDevice | DeviceMode, default, (uint)major, (uint)minor);

    /// <summary>Writes the image: an uncompressed cpio archive.</summary>
    /// <param name="output">Where it goes.</param>
    public void WriteTo(Stream output)
    {
        ArgumentNullException.ThrowIfNull(output);
        CpioWriter writer = new(output);
        foreach (Entry entry in _entries) writer.Write(entry.Name, entry.Mode, entry.Content.Span, entry.Major, entry.Minor);
        writer.Finish();
    }

    /// <summary>The image as an array.</summary>
    public byte[] ToArray()
    {
        using MemoryStream stream = new();
        WriteTo(stream);
        return stream.ToArray();
    }

    private Initramfs Add(string path, uint mode, ReadOnlyMemory<byte> content, uint major = 0, uint minor = 0)
    {
        string name = Normalise(path);
        int slash = name.LastIndexOf('/');
        if (slash > 0) AddDirectory(name[..slash]);
        if (!_paths.Add(name)) throw Taken(name);
        _entries.Add(new Entry(name, mode, content, major, minor));
        return this;
    }

    private static string Normalise(string path)
    {
        string name = path.Trim('/');
        if (name.Length != 0 && !name.Contains('\0', StringComparison.Ordinal) && !name.Split('/').Any(static part => part is "" or "." or "..")) return name;
        throw VitrineException.User(
            ErrorCode.InitramfsPath,
            $"The path '{path}' is not possible in an initramfs.",
            "It is empty, or has an empty part, '.', '..' or a zero byte in it.",
            "Give a plain path such as /bin/busybox.").With("path", path);
    }

    private static VitrineException Taken(string name) => VitrineException.User(
        ErrorCode.InitramfsTaken,
        $"The path '/{name}' is in the initramfs already.",
        "It was added twice, or a file and a directory want the same name.",
        "Add each path once.").With("path", name);

    private sealed record Entry(string Name, uint Mode, ReadOnlyMemory<byte> Content, uint Major, uint Minor);
}
