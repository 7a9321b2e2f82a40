using Vitrine.Boot;

namespace Vitrine;

/// <summary>What a virtual machine is to be. Checked by <see cref="VirtualMachine.Create"/>.</summary>
public sealed record MachineConfig
{
    /// <summary>What to boot.</summary>
    public required BootSource Boot { get; init; }

    /// <summary>Guest RAM in bytes: a multiple of 4 KiB, from 1 MiB to 64 GiB.</summary>
    public ulong MemoryBytes { get; init; } = 512UL << 20;

    /// <summary>Number of vCPUs.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>CPU model: "x86-64-v1", "x86-64-v2", ...</summary>
    public string CpuModel { get; init; } = "x86-64-v2";

    /// <summary>What runs the vCPUs.</summary>
    public AcceleratorChoice Accelerator { get; init; } = AcceleratorChoice.Auto;

    /// <summary>True when a guest's request for a reset ends the machine; false when it starts over, as a computer does.</summary>
    public bool ExitOnReset { get; init; }

    /// <summary>
    /// Receives what the guest sends on its first serial port, byte by byte in order, on the thread that runs the vCPU:
    /// it must not block for long. Null discards.
    /// </summary>
    public Action<ReadOnlySpan<byte>>? SerialOutput { get; init; }

    /// <summary>Receives what firmware writes to the debug port 0x402. Null discards.</summary>
    public Action<ReadOnlySpan<byte>>? DebugOutput { get; init; }

    /// <summary>Receives one line about the accelerator that <see cref="AcceleratorChoice.Auto"/> chose, and why. Null discards.</summary>
    public Action<string>? Notice { get; init; }
}
