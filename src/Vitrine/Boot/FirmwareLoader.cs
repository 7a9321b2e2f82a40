using Vitrine.Boards;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Boot;

/// <summary>
/// Loads a raw firmware image into the slot that ends at 4 GiB. The processor stays at reset: its first fetch, at
/// 0xFFFFFFF0, is 16 bytes before the image's end.
/// </summary>
internal static class FirmwareLoader
{
    private const long PageSize = Page.Size;
    private const long MaxSize = 16 << 20;
    private const ulong MaxLowSize = 128 << 10;
    private const string Source = "Install Debian's package seabios (`apt-get install seabios`) and give /usr/share/seabios/bios-microvm.bin (131072 bytes).";

    /// <summary>Bytes of a firmware image, checked.</summary>
    /// <exception cref="Errors.VitrineException">Missing, not readable, or not of an acceptable size.</exception>
    internal static ulong Size(string path)
    {
        using ImageFile image = Open(path);
        return (ulong)image.Length;
    }

    /// <summary>Bytes of an image that also appear below 1 MiB.</summary>
    internal static ulong LowSize(ulong size) => Math.Min(size, MaxLowSize);

    /// <summary>Copies the image into the slots that <see cref="MemorySlots.Create"/> made for it.</summary>
    internal static void Load(string path, GuestMemory memory)
    {
        using ImageFile image = Open(path);
        Gpa start = new(MemoryLayout.HighStart - (ulong)image.Length);
        if (memory.Find(start) is not { } slot || slot.Start != start ||
            !memory.TryRent(start, (int)image.Length, MemoryIntent.Write, out MemoryRental rom))
        {
            throw image.Invalid(
                $"has {image.Length} bytes now, and had another size when the machine was made",
                "The file was replaced in the meantime.",
                "Start the machine again.");
        }

        using (rom) image.Read(0, rom.Writable);
    }

    private static ImageFile Open(string path)
    {
        ImageFile image = ImageFile.Open(path, "firmware", Source);
        if (image.Length % PageSize == 0 && image.Length <= MaxSize) return image;
        image.Dispose();
        throw image.Invalid(
            $"has {image.Length} bytes; a firmware image has a multiple of {PageSize} bytes, and at most {MaxSize}",
            "It is no raw firmware image, or a copy of it was cut short.",
            Source);
    }
}
