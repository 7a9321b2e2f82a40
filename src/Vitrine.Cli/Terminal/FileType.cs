namespace Vitrine.Cli.Terminal;

/// <summary>What a file is: S_IFMT of &lt;linux/stat.h&gt;.</summary>
internal enum FileType
{
    /// <summary>A pipe, with a name or without.</summary>
    Pipe = 0x1000,

    /// <summary>A character device.</summary>
    CharacterDevice = 0x2000,

    /// <summary>A folder.</summary>
    Folder = 0x4000,

    /// <summary>A block device.</summary>
    BlockDevice = 0x6000,

    /// <summary>A file with bytes of its own.</summary>
    Regular = 0x8000,

    /// <summary>A socket.</summary>
    Socket = 0xC000,
}
