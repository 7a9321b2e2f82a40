using Vitrine.Devices.Virtio;

namespace Vitrine.Attachments;

/// <summary>A device that a machine has because its user wants it, beside those that are its board's. It is a virtio device.</summary>
public abstract record DeviceConfig
{
    private protected DeviceConfig()
    {
    }

    /// <summary>What devices of its kind are called; a number follows: "disk".</summary>
    internal abstract string Kind { get; }

    /// <summary>Checks what can be checked without making anything.</summary>
    /// <exception cref="Errors.VitrineException">A value is impossible.</exception>
    internal virtual void Check()
    {
    }

    /// <summary>Makes the device. Device lock held.</summary>
    /// <param name="name">Its name: "disk0".</param>
    /// <param name="board">What the board gives to it.</param>
    internal abstract VirtioDevice Create(string name, DeviceContext board);
}
