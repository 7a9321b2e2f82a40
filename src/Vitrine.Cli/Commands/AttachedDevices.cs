using Vitrine.Attachments;
using Vitrine.Disks;

namespace Vitrine.Cli.Commands;

/// <summary>The devices that a command's options ask for, and the images that are open for them. Disposed after the machine.</summary>
internal sealed class AttachedDevices : IDisposable
{
    private readonly List<DeviceConfig> _devices = [];
    private readonly List<DiskImage> _images = [];

    /// <summary>In the order in which the guest finds them.</summary>
    public IReadOnlyList<DeviceConfig> Devices => _devices;

    /// <summary>Adds a device.</summary>
    public void Add(DeviceConfig device) => _devices.Add(device);

    /// <summary>Adds a disk, whose image is closed with this.</summary>
    public void Add(DiskConfig disk)
    {
        _images.Add(disk.Image);
        _devices.Add(disk);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DiskImage image in _images) image.Dispose();
    }
}
