namespace Vitrine.Tests.Software.Debugging;

/// <summary>What an instruction does to debug exceptions, as the manual has it.</summary>
internal enum DebugEffect
{
    /// <summary>It completes.</summary>
    Completes,

    /// <summary>It loads SS by MOV or POP, which holds debug exceptions back.</summary>
    LoadsSs,

    /// <summary>INT n, INT3, INTO.</summary>
    SoftwareInterrupt,

    /// <summary>INT1.</summary>
    DebugInterrupt,

    /// <summary>It faults.</summary>
    Faults,

    /// <summary>HLT at level 0.</summary>
    Halts,

    /// <summary>SYSCALL, whose flag mask clears TF.</summary>
    SystemCall,

    /// <summary>SYSENTER, which leaves TF.</summary>
    SystemEnter,

    /// <summary>A string instruction with a repeat prefix.</summary>
    Repeats,

    /// <summary>MOV from a debug register while DR7.GD is set.</summary>
    GeneralDetect,
}

/// <summary>An instruction of <see cref="DebugProgram"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its encoding.</param>
/// <param name="Effect">What it does.</param>
/// <param name="Vector">Vector of its interrupt or fault.</param>
/// <param name="Hits">Breakpoints that it hits when they are armed, as bits of DR6; of a repeated one for each element.</param>
internal sealed record DebugInstruction(string Name, byte[] Bytes, DebugEffect Effect = DebugEffect.Completes, byte Vector = 0, params ulong[] Hits)
{
    /// <summary>Elements of a repeated instruction before one faults, if one does.</summary>
    public int FaultsAt { get; init; } = int.MaxValue;

    /// <summary>Present in 64-bit code.</summary>
    public bool In64 { get; init; } = true;

    /// <summary>Present in 32-bit code.</summary>
    public bool In32 { get; init; } = true;

    /// <summary>The only privilege level that it is for; -1 for both.</summary>
    public int Level { get; init; } = -1;

    /// <summary>It needs OF.</summary>
    public bool Overflow { get; init; }

    /// <summary>Where a string begins to be written.</summary>
    public ulong Destination { get; init; } = DebugProgram.String;
}
