namespace Vitrine.KvmServer.Native;

/// <summary>Part of this process's memory that can be read.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="IsWritable">It can be written too.</param>
internal readonly record struct MappedRange(ulong Start, ulong End, bool IsWritable);
