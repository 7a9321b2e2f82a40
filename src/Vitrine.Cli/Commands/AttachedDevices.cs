using Vitrine.Attachments;
using Vitrine.Cli.Terminal;
using Vitrine.Disks;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>The devices that a command's options ask for, and the images that are open for them. Disposed after the machine.</summary>
internal sealed class AttachedDevices : IDisposable
{
    private readonly List<DeviceConfig> _devices = [];
    private readonly List<DiskImage> _images = [];
    private readonly List<string> _paths = [];

    /// <summary>In the order in which the guest finds them.</summary>
    public IReadOnlyList<DeviceConfig> Devices => _devices;

    /// <summary>Adds a device.</summary>
    public void Add(DeviceConfig device) => _devices.Add(device);

    /// <summary>Adds a disk, whose image is closed with this.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="path">The file that it is kept in.</param>
    public void Add(DiskConfig disk, string path)
    {
        _images.Add(disk.Image);
        _paths.Add(path);
        _devices.Add(disk);
    }

    /// <summary>Sees to it that output doesn't overwrite a disk. To be called before the output is opened, which empties it.</summary>
    /// <exception cref="VitrineException">It would.</exception>
    public void Spare(OutputTarget output)
    {
        if (output is OutputTarget.ToFile file) BootFiles.Spare(_paths, "a disk of the guest", file.Path);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DiskImage image in _images) image.Dispose();
    }
}
