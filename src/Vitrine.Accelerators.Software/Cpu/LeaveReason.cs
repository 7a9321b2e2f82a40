namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Why an operation returned null instead of the next operation.</summary>
internal enum LeaveReason : uint
{
    /// <summary>Look for the next block at <see cref="CpuState.Rip"/>, after events.</summary>
    NextBlock,

    /// <summary>A fault is recorded in <see cref="CpuState.FaultVector"/>; RIP is that of the instruction.</summary>
    Fault,

    /// <summary>The exit structure of the vCPU is filled; leave <c>Run</c>.</summary>
    Exit,

    /// <summary>HLT: wait for an interrupt. RIP is already behind it.</summary>
    Halt,

    /// <summary>A debug trap (#DB) is due after a completed instruction; DR6 is set, RIP is behind it.</summary>
    DebugTrap,

    /// <summary>A triple fault.</summary>
    Shutdown,

    /// <summary>The instruction at RIP has changed nothing and has to run while no other vCPU does.</summary>
    Alone,

    /// <summary>RIP is at the <see cref="StopPoint"/>, whose instruction has not begun.</summary>
    Stop,
}
