namespace Vitrine.KvmServer.Native;

/// <summary>What a descriptor stands for, whatever its number: the same for every duplicate of it.</summary>
/// <param name="Device">st_dev.</param>
/// <param name="Inode">st_ino.</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode);
