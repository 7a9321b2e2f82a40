namespace Vitrine.Cli.Terminal;

/// <summary>How writing to a descriptor ended.</summary>
internal enum WriteResult
{
    /// <summary>Everything is written.</summary>
    Done,

    /// <summary>The descriptor is closed, or whoever read it is gone.</summary>
    Closed,

    /// <summary>The device is full, or the limit of a file's size (`ulimit -f`) is reached.</summary>
    Full,
}
