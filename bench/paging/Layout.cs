namespace Vitrine.Bench.Paging;

/// <summary>Guest-physical addresses.</summary>
internal static class Layout
{
    public const ulong MemoryBytes = 320UL << 20;
    public const ulong Idt = 0x1000;
    public const ulong Gdt = 0x2000;
    public const ulong StackTop = 0x8000;
    public const ulong Code = 0x8000;

    /// <summary>Tables that guests make themselves: inside the first 2 MiB, so that they are mapped one to one.</summary>
    public const ulong GuestTables = 0x2_0000;
    public const ulong FirstTable = 0x4_0000;
    public const ulong Data = 32UL << 20;

    /// <summary>Linear address of the workloads' pages.</summary>
    public const ulong Linear = 0x80_0000_0000;

    /// <summary>A write marks the begin of what is measured.</summary>
    public const byte BeginPort = 0xF1;

    /// <summary>A write ends the guest.</summary>
    public const byte EndPort = 0xF4;
}
