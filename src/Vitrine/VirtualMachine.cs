
namespace Vitrine;

/// <summary>A virtual machine: created from a configuration, started once, disposed.</summary>
public sealed class VirtualMachine : IDisposable
{
    private VirtualMachine(MachineConfig config) => Config = config;

    /// <summary>The configuration it was made from.</summary>
    public MachineConfig Config { get; }

    /// <summary>Checks the configuration, builds the board, loads the guest. The guest doesn't run yet.</summary>
    /// <exception cref="Errors.VitrineException">The configuration, a file or the host doesn't allow it.</exception>
    public static VirtualMachine Create(MachineConfig config) => new(config);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
