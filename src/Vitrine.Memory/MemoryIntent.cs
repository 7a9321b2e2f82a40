namespace Vitrine.Memory;

/// <summary>What rented guest memory is for.</summary>
[Flags]
public enum MemoryIntent
{
    /// <summary>It is read.</summary>
    Read = 1,

    /// <summary>It is written.</summary>
    Write = 2,

    /// <summary>Both.</summary>
    ReadWrite = Read | Write,
}
