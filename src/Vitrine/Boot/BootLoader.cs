using Vitrine.Acpi;
using Vitrine.Boards;
using Vitrine.Memory;
using Vitrine.X86.State;

namespace Vitrine.Boot;

/// <summary>Puts what a machine boots into guest memory, and the boot processor into the state in which it starts.</summary>
internal static class BootLoader
{
    // Enough to recognise every kind of kernel: a Multiboot header lies within the first 8192 bytes.
    private const int RecognitionBytes = 8192;
    private const string KernelSource = "Give a kernel file such as /boot/vmlinuz-*, or download one with `apt-get download linux-image-cloud-amd64`.";
    private const string InitrdSource = "Give an initramfs file such as /boot/initrd.img-*, or leave it out.";
    private const string FlatSource = "Give the path of the raw code to load.";

    /// <summary>Loads a guest.</summary>
    /// <param name="source">What to boot.</param>
    /// <param name="memory">Guest memory with the slots of <see cref="MemorySlots.Create"/>.</param>
    /// <param name="board">What the guest is told of its board.</param>
    /// <param name="bootCpu">The boot processor, in its state after reset.</param>
    /// <exception cref="Errors.VitrineException">A file is missing, damaged, of an unknown kind, or doesn't fit.</exception>
    internal static void Load(BootSource source, GuestMemory memory, BoardDescription board, ProcessorState bootCpu)
    {
        MemoryLayout layout = board.Memory;
        LoadMap map = new(memory, layout);

        // Before code that may want its place.
        if (source is not BootSource.Firmware) LegacyBiosArea.Write(memory, board.SerialPorts);
        switch (source)
        {
            case BootSource.Firmware firmware:
                FirmwareLoader.Load(firmware.Path, memory);
                break;
            case BootSource.Flat flat:
                // Before the code, which may want their place.
                WriteAcpiTables(memory, board);
                using (ImageFile image = ImageFile.Open(flat.Path, "flat code file", FlatSource))
                {
                    FlatLoader.Load(image, flat.Address, flat.Entry, flat.Mode, map, bootCpu);
                }

                break;
            case BootSource.FlatBytes flat:
                WriteAcpiTables(memory, board);
                using (ImageFile image = new(flat.Code, "flat code", "flat code"))
                {
                    FlatLoader.Load(image, flat.Address, flat.Entry, flat.Mode, map, bootCpu);
                }

                break;
            case BootSource.Kernel kernel:
                using (ImageFile image = ImageFile.Open(kernel.Path, "kernel", KernelSource))
                using (ImageFile? initrd = kernel.Initrd is null ? null : ImageFile.Open(kernel.Initrd, "initrd", InitrdSource))
                {
                    LoadKernel(image, initrd, kernel.CommandLine, layout, map, bootCpu, WriteAcpiTables(memory, board));
                }

                break;
        }
    }

    private static ulong WriteAcpiTables(GuestMemory memory, BoardDescription board) =>
        AcpiTables.Write(memory, MemoryLayout.AcpiTables, MemoryLayout.AcpiTablesEnd, board.Acpi);

    /// <summary>Loads a kernel of any kind, recognised by its content.</summary>
    internal static void LoadKernel(
        ImageFile kernel, ImageFile? initrd, string commandLine, MemoryLayout layout, LoadMap map, ProcessorState cpu, ulong rsdp)
    {
        map.ClaimLegacyHole();
        byte[] start = kernel.ReadStart(RecognitionBytes);
        if (BzImageLoader.Recognises(start))
        {
            BzImageLoader.Load(kernel, initrd, commandLine, layout, map, cpu, rsdp);
            return;
        }

        ElfImage? elf = ElfImage.Recognises(start) ? ElfImage.Parse(kernel) : null;
        if (elf is not null && ElfPvhLoader.FindEntry(elf) is { } entry)
        {
            ElfPvhLoader.Load(elf, entry, initrd, commandLine, layout, map, cpu, rsdp);
            return;
        }

        if (MultibootHeader.Find(start) is { } header)
        {
            MultibootLoader.Load(kernel, header, elf, initrd, commandLine, layout, map, cpu);
            return;
        }

        if (elf is not null)
        {
            throw kernel.Invalid(
                $"is a {(elf.Is64 ? 64 : 32)}-bit ELF file without a PVH note and without a Multiboot header",
                elf.Is64 ? "The kernel was built without CONFIG_PVH, or it is an ordinary program." : "It is a kernel for another boot loader, or an ordinary program.",
                "Give the kernel's bzImage (vmlinuz) instead, or build it with CONFIG_PVH=y or with a Multiboot header.");
        }

        throw kernel.Invalid(
            "is no kernel: it is neither a bzImage, nor an ELF vmlinux with a PVH note, nor a Multiboot image",
            "It is a file of another kind, or a compressed vmlinux.",
            KernelSource);
    }
}
