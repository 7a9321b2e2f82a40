using Vitrine.X86;

namespace Vitrine.Boot;

/// <summary>What a machine boots.</summary>
public abstract record BootSource
{
    private BootSource()
    {
    }

    /// <summary>
    /// A kernel file: bzImage (64-bit boot protocol), ELF vmlinux with a PVH note, or Multiboot 1; recognised by its content.
    /// </summary>
    /// <param name="Path">The file.</param>
    public sealed record Kernel(string Path) : BootSource
    {
        /// <summary>Initial RAM disk, or for Multiboot the first module; null for none.</summary>
        public string? Initrd { get; init; }

        /// <summary>Kernel command line.</summary>
        public string CommandLine { get; init; } = "";
    }

    /// <summary>A raw firmware image that ends at 4 GiB; its last 128 KiB also appear below 1 MiB.</summary>
    /// <param name="Path">The file; its size is a multiple of 4 KiB, at most 16 MiB.</param>
    public sealed record Firmware(string Path) : BootSource;

    /// <summary>Flat code at an address.</summary>
    /// <param name="Path">The file.</param>
    /// <param name="Address">Where its first byte goes.</param>
    /// <param name="Entry">Where execution starts.</param>
    /// <param name="Mode">The processor mode at the entry.</param>
    public sealed record Flat(string Path, Gpa Address, ulong Entry, FlatMode Mode) : BootSource;

    /// <summary>Flat code from memory instead of a file; otherwise as <see cref="Flat"/>.</summary>
    /// <param name="Code">The bytes.</param>
    /// <param name="Address">Where the first byte goes.</param>
    /// <param name="Entry">Where execution starts.</param>
    /// <param name="Mode">The processor mode at the entry.</param>
    public sealed record FlatBytes(ReadOnlyMemory<byte> Code, Gpa Address, ulong Entry, FlatMode Mode) : BootSource;
}
