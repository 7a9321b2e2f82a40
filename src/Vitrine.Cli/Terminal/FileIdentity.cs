namespace Vitrine.Cli.Terminal;

/// <summary>What makes a file the same under two names.</summary>
/// <param name="Major">Major number of the device that holds it.</param>
/// <param name="Minor">Minor number of that device.</param>
/// <param name="Inode">Its number there.</param>
internal readonly record struct FileIdentity(uint Major, uint Minor, ulong Inode);
