namespace Vitrine.Accelerators.Software.System;

/// <summary>What causes a task switch; decides busy bits, NT and the link (SDM vol. 3, table 8-2).</summary>
internal enum TaskSwitchSource : byte
{
    /// <summary>JMP: the old task ends.</summary>
    Jump,

    /// <summary>CALL, interrupt or exception: the old task waits.</summary>
    Nested,

    /// <summary>IRET with NT: back to the task that waits.</summary>
    Return,
}
