namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// Where a stub's own memory lies, and what its pages hold. The monitor and the stub both see them: the stub behind its code, the monitor wherever it has mapped them.
/// Guest code can write to them too, but for the last, so nothing in them is believed.
/// </summary>
/// <remarks>
/// <code>
///  base      code                     execute, read; an ELF image
///  + 0x1000  control page             what a stopped stub tells, and the system calls of its turn
///  + 0x2000  signal stack, 6 pages    the kernel's signal frame: the guest's registers while the stub stands
///  + 0x8000  monitor's page           whose turn it is; only read there: the stub gives its turn away by a system call, see StubFilter
/// </code>
/// </remarks>
internal static class StubLayout
{
    /// <summary>Bytes of code.</summary>
    public const int CodeBytes = 0x1000;

    /// <summary>Bytes of the control page, the signal stack and the monitor's page.</summary>
    public const int SharedBytes = 8 * 0x1000;

    /// <summary>All that a stub has in its address space beside the guest's memory, in bytes.</summary>
    public const int Bytes = CodeBytes + SharedBytes;

    /// <summary>Offset of the signal stack in the shared pages.</summary>
    public const int Stack = 0x1000;

    /// <summary>Bytes of the signal stack.</summary>
    public const int StackBytes = Monitor - Stack;

    /// <summary>Offset of the monitor's page in the shared pages.</summary>
    public const int Monitor = 7 * 0x1000;

    /// <summary>Most system calls of one turn.</summary>
    public const int MostCalls = 60;

    /// <summary>Bytes of one system call's description: its number, then six arguments.</summary>
    public const int CallBytes = 7 * sizeof(ulong);

    /// <summary>The descriptor of the shared pages in a stub.</summary>
    public const int SharedDescriptor = 3;

    /// <summary>The descriptor of the guest's first memory object; the others follow.</summary>
    public const int FirstMemoryDescriptor = 4;

    /// <summary>Whose turn it is: 0 the monitor's, 1 the stub's. Also what the other one sleeps on.</summary>
    public const int Turn = Monitor;

    /// <summary>Bytes of <see cref="Turn"/>.</summary>
    public const int TurnBytes = 4;

    /// <summary>Nonzero while the stub sleeps.</summary>
    public const int StubSleeps = 4;

    /// <summary>Nonzero while the monitor sleeps.</summary>
    public const int MonitorSleeps = Monitor + 4;

    /// <summary>The signal that the stub stands at.</summary>
    public const int Signal = 12;

    /// <summary>Address of the signal's ucontext_t, as the stub sees it.</summary>
    public const int Context = 16;

    /// <summary>The guest's FS base, which is in no signal frame.</summary>
    public const int FsBase = 24;

    /// <summary>The guest's GS base.</summary>
    public const int GsBase = 32;

    /// <summary>What to do behind the system calls: a <see cref="StubAction"/>.</summary>
    public const int Action = Monitor + 12;

    /// <summary>Always 0: what becomes of <see cref="Turn"/>.</summary>
    public const int Nothing = Monitor + 16;

    /// <summary>Nonzero as soon as the guest's code may have run in this turn.</summary>
    public const int HasRun = 40;

    /// <summary>How many system calls to make; behind them how many were not made, the failed one included.</summary>
    public const int Calls = 44;

    /// <summary>How often the stub looks whether it is its turn before it sleeps.</summary>
    public const int Spins = Monitor + 8;

    /// <summary>DS, ES, FS and GS, 16 bits each from the lowest. The stub's own are null while it stands.</summary>
    public const int Selectors = 56;

    /// <summary>The descriptions of the system calls.</summary>
    public const int FirstCall = 64;

    /// <summary>Room for structures that system calls of the start point at, behind the calls.</summary>
    public const int Scratch = FirstCall + (MostCalls * CallBytes);
}
