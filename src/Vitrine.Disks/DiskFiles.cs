using Vitrine.Disks.Host;
using Vitrine.Disks.Locks;
using Vitrine.Disks.Overlay;
using Vitrine.Disks.Raw;
using Vitrine.Errors;

namespace Vitrine.Disks;

/// <summary>Images in files of the host.</summary>
public static class DiskFiles
{
    /// <summary>Opens an image.</summary>
    /// <param name="path">A file or a block device.</param>
    /// <param name="options">How; null for reading and writing, with the format told from the content.</param>
    /// <exception cref="VitrineException">It can't be opened, another program uses it, it is damaged, or its format is none of those known
    /// here.</exception>
    public static DiskImage Open(string path, DiskOpenOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DiskOpenOptions();
        DiskImage image = OpenImage(path, options);
        if (!options.IsOverlay) return image;
        try
        {
            return new OverlayImage(image, FileOpener.CreateTemporary());
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static DiskImage OpenImage(string path, DiskOpenOptions options)
    {
        HostFile file = FileOpener.Open(path, options.IsReadOnly || options.IsOverlay, options.Cache);
        try
        {
            if (options.IsLocked) ImageLock.Take(file, isWriter: !file.IsReadOnly);
            Span<byte> start = stackalloc byte[FormatProbe.Length];
            DiskFormat found = FormatProbe.Tell(start[..file.Read(0, start)], out string? other);
            if (other is not null && options.Format is null) throw OtherFormat(path, other);
            return (options.Format ?? found) switch
            {
                DiskFormat.Raw => new RawImage(file, isGuess: options.Format is null),
                _ => throw OtherFormat(path, "qcow2"),
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static VitrineException OtherFormat(string path, string format) => VitrineException.User(
        ErrorCode.DiskFormatOther,
        $"The disk '{path}' is a {format} image.",
        "Only raw images can be used here.",
        $"Convert it with `qemu-img convert -O raw '{path}' NEW`, or say that it is raw if the guest itself has written that to the disk.")
        .With("path", path).With("format", format);
}
