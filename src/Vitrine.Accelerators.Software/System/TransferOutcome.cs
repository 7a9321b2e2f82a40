namespace Vitrine.Accelerators.Software.System;

/// <summary>How a far transfer or task switch ended.</summary>
internal enum TransferOutcome : byte
{
    /// <summary>A fault is recorded; nothing has changed.</summary>
    Fault,

    /// <summary>Done; CS and RIP are those of the target.</summary>
    Done,

    /// <summary>A fault is recorded behind the commit point of a task switch: it belongs to the new task.</summary>
    FaultInNewTask,
}
