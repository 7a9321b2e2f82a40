using Vitrine.Accelerators.Software;
using Vitrine.Errors;
using Vitrine.X86.Paging;

namespace Vitrine;

/// <summary>What a configuration must fulfil before anything is created from it.</summary>
internal static class ConfigCheck
{
    /// <summary>The least guest RAM in bytes.</summary>
    internal const ulong MinimumMemory = 1 << 20;

    /// <summary>The most guest RAM in bytes.</summary>
    internal const ulong MaximumMemory = 64UL << 30;

    /// <summary>The most vCPUs that a machine may have.</summary>
    internal const int MaximumCpus = 8;

    private const ulong PageSize = Page.Size;

    /// <summary>Checks guest RAM against the limits of the board and what the host has available.</summary>
    /// <param name="memoryBytes">Guest RAM wanted.</param>
    /// <param name="availableBytes">What the host can give; null when it doesn't say.</param>
    /// <exception cref="VitrineException">Zero, odd, too small, too large, or more than the host has.</exception>
    internal static void Memory(ulong memoryBytes, ulong? availableBytes)
    {
        if (memoryBytes == 0)
        {
            throw VitrineException.User(
                ErrorCode.MemoryZero,
                "The guest's memory is 0 bytes.",
                "A guest needs at least 1 MiB, and Linux about 64 MiB.",
                "Set MachineConfig.MemoryBytes, such as 512UL << 20.");
        }

        if (memoryBytes % PageSize != 0)
        {
            throw VitrineException.User(
                ErrorCode.MemoryUnaligned,
                $"The guest's memory of {memoryBytes} bytes is not a multiple of {PageSize}.",
                "Memory comes in pages of 4 KiB; a unit is probably missing after the number.",
                "Set MachineConfig.MemoryBytes to a multiple of it, such as 512UL << 20.").With("bytes", memoryBytes);
        }

        if (memoryBytes is < MinimumMemory or > MaximumMemory)
        {
            throw VitrineException.User(
                ErrorCode.MemoryOutOfRange,
                $"The guest's memory of {Show(memoryBytes)} is outside what the board has room for, 1 MiB to 64 GiB.",
                "The number or its unit is probably mistyped.",
                "Set MachineConfig.MemoryBytes to a size in that range, such as 512UL << 20.")
                .With("bytes", memoryBytes).With("minimum", MinimumMemory).With("maximum", MaximumMemory);
        }

        if (memoryBytes > availableBytes)
        {
            throw VitrineException.Host(
                ErrorCode.MemoryBeyondHost,
                $"The guest's memory of {Show(memoryBytes)} is more than the {Show(availableBytes.Value)} that the host has available.",
                "The guest would push the host into swapping, or be killed at the limit of its control group.",
                "Give the guest less memory, or end other programs first.")
                .With("bytes", memoryBytes).With("available", availableBytes.Value);
        }
    }

    /// <summary>Checks the number of vCPUs against what a machine can have.</summary>
    /// <exception cref="VitrineException">None, or too many.</exception>
    internal static void Cpus(int cpus)
    {
        if (cpus is >= 1 and <= MaximumCpus) return;
        throw VitrineException.User(
            ErrorCode.CpuCount,
            $"{cpus} CPUs were asked for, and a machine has 1 to {MaximumCpus}.",
            cpus < 1 ? "A machine needs a processor to start on." : "The number is probably mistyped; more CPUs than the host has would only take turns.",
            $"Set MachineConfig.Cpus to a number from 1 to {MaximumCpus}.").With("cpus", cpus).With("maximum", MaximumCpus);
    }

    /// <summary>Checks the number of vCPUs against what an accelerator supports.</summary>
    /// <exception cref="VitrineException">Too many.</exception>
    internal static void Cpus(int cpus, int maximum, string accelerator)
    {
        if (cpus <= maximum) return;
        throw VitrineException.User(
            ErrorCode.CpuCount,
            $"{cpus} CPUs were asked for, and the accelerator '{accelerator}' supports 1 to {maximum} on this host.",
            "Each accelerator has its own limit.",
            $"Set MachineConfig.Cpus to a number from 1 to {maximum}.").With("cpus", cpus).With("maximum", maximum);
    }

    /// <summary>Checks that a machine in lockstep has two engines to compare. What else it needs, the accelerator checks.</summary>
    /// <exception cref="VitrineException">It hasn't.</exception>
    internal static void Lockstep(MachineConfig config)
    {
        if (config.Accelerator == AcceleratorChoice.Kvm || config.Software.Engine == SoftwareEngine.Interpreter)
        {
            throw VitrineException.User(
                ErrorCode.ConfigLockstepEngine,
                $"Lockstep was asked for with {(config.Accelerator == AcceleratorChoice.Kvm ? "KVM" : "the interpreter alone")}.",
                "It compares the translator of the software CPU with its interpreter, block by block.",
                "Leave the choice of accelerator and engine out, or lockstep.");
        }
    }

    /// <summary>Bytes in the largest unit that divides them, for people.</summary>
    internal static string Show(ulong bytes) => bytes switch
    {
        >= 1UL << 30 when bytes % (1UL << 30) == 0 => $"{bytes >> 30} GiB",
        >= 1UL << 20 => $"{bytes >> 20} MiB",
        >= 1UL << 10 => $"{bytes >> 10} KiB",
        _ => $"{bytes} bytes",
    };
}
