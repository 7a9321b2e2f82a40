using System.Text;
using Vitrine.Boards;
using Vitrine.X86.State;

namespace Vitrine.Boot;

/// <summary>
/// Loads a Multiboot 1 kernel (Multiboot Specification 0.6.96): an ELF32 image, or one whose header says itself where it
/// goes. It is entered in 32-bit protected mode with EBX pointing to the information structure.
/// </summary>
internal static class MultibootLoader
{
    private const uint BootMagic = 0x2BAD_B002;
    private const ulong Modules = HandoffArea.Info + 0x100;
    private const ulong MemoryMap = HandoffArea.Info + 0x200;
    private const ulong LoaderName = HandoffArea.Info + 0x400;
    private const ulong ModuleString = HandoffArea.Info + 0x800;
    private const int ModuleStringSize = 0x400;
    private const uint MemoryMapEntrySize = 24;

    // Which fields of the information structure are valid (3.3).
    private const uint InfoMemory = 1 << 0;
    private const uint InfoCommandLine = 1 << 2;
    private const uint InfoModules = 1 << 3;
    private const uint InfoMemoryMap = 1 << 6;
    private const uint InfoLoaderName = 1 << 9;

    private const string DamagedWhy = "Its Multiboot header is damaged, or it was linked for other addresses than it says.";
    private const string DamagedRemedy = "Check the address fields of the header, or link the kernel as ELF32 without them.";

    /// <summary>Loads the kernel.</summary>
    /// <param name="kernel">The image.</param>
    /// <param name="header">Its Multiboot header.</param>
    /// <param name="elf">Its ELF headers, or null when it is no ELF file.</param>
    /// <param name="module">The first module, or null. Its string is the file's name.</param>
    /// <param name="commandLine">Command line; the kernel finds the path of its file before it, as with other boot loaders.</param>
    /// <param name="layout">The guest's memory.</param>
    /// <param name="map">Where things go.</param>
    /// <param name="cpu">The boot processor.</param>
    internal static void Load(
        ImageFile kernel, MultibootHeader header, ElfImage? elf, ImageFile? module, string commandLine, MemoryLayout layout, LoadMap map, ProcessorState cpu)
    {
        if (header.UnknownRequirements != 0)
        {
            throw kernel.Invalid(
                $"requires Multiboot features that are not known (flags 0x{header.UnknownRequirements:x})",
                "It was made for another boot loader.",
                "Clear the unknown bits among bits 0 to 15 of the flags in its Multiboot header.");
        }

        ulong entry = header.HasAddresses ? LoadByHeader(kernel, header, map) : LoadByElf(kernel, elf, map);
        EntryState.Protected(cpu, map, entry);
        map.Claim("the Multiboot information", HandoffArea.Info, HandoffArea.InfoSize);
        map.Clear(HandoffArea.Info, HandoffArea.InfoSize);
        uint flags = InfoMemory | InfoCommandLine | InfoMemoryMap | InfoLoaderName;

        const ulong Info = HandoffArea.Info;
        map.Write32(Info + 4, (uint)(MemoryLayout.LegacyHoleStart >> 10));
        map.Write32(Info + 8, (uint)((layout.LowBytes - MemoryLayout.LegacyHoleEnd) >> 10));

        CommandLineArea.Write(map, commandLine.Length == 0 ? kernel.Name : $"{kernel.Name} {commandLine}", int.MaxValue);
        map.Write32(Info + 16, (uint)HandoffArea.CommandLine);

        if (module is not null)
        {
            flags |= InfoModules;
            PutModule(module, map);
            map.Write32(Info + 20, 1);
            map.Write32(Info + 24, (uint)Modules);
        }

        map.Write32(Info + 44, PutMemoryMap(layout, map));
        map.Write32(Info + 48, (uint)MemoryMap);
        map.Write(LoaderName, "Vitrine\0"u8);
        map.Write32(Info + 64, (uint)LoaderName);
        map.Write32(Info, flags);

        cpu.Gpr[Gpr.Rax] = BootMagic;
        cpu.Gpr[Gpr.Rbx] = Info;
    }

    private static ulong LoadByHeader(ImageFile kernel, MultibootHeader header, LoadMap map)
    {
        // What precedes the header in memory precedes it in the file.
        uint before = header.HeaderAddress - header.LoadAddress;
        if (header.HeaderAddress < header.LoadAddress || before > (uint)header.Offset)
        {
            throw kernel.Invalid(
                $"has a Multiboot header at byte {header.Offset} that says it is {(long)header.HeaderAddress - header.LoadAddress} bytes after the first one to load",
                DamagedWhy,
                DamagedRemedy);
        }

        ulong offset = (uint)header.Offset - before;
        ulong end = header.LoadEndAddress != 0 ? header.LoadEndAddress : header.LoadAddress + ((ulong)kernel.Length - offset);
        ulong bssEnd = header.BssEndAddress != 0 ? header.BssEndAddress : end;
        if (end <= header.LoadAddress || bssEnd < end)
        {
            throw kernel.Invalid(
                $"has a Multiboot header that loads from 0x{header.LoadAddress:x} to 0x{end:x}, and zeros from there to 0x{bssEnd:x}",
                DamagedWhy,
                DamagedRemedy);
        }

        ulong length = end - header.LoadAddress;
        if (!kernel.Contains(offset, length)) throw kernel.Truncated($"its Multiboot header loads {length} bytes from byte {offset}");
        if (header.EntryAddress < header.LoadAddress || header.EntryAddress >= bssEnd)
        {
            throw kernel.Invalid($"has its entry at 0x{header.EntryAddress:x}, outside the 0x{header.LoadAddress:x} to 0x{bssEnd:x} that it loads", DamagedWhy, DamagedRemedy);
        }

        map.Claim("the kernel", header.LoadAddress, bssEnd - header.LoadAddress);
        map.Copy(kernel, offset, header.LoadAddress, length);
        map.Clear(end, bssEnd - end);
        return header.EntryAddress;
    }

    private static ulong LoadByElf(ImageFile kernel, ElfImage? elf, LoadMap map)
    {
        if (elf is null)
        {
            throw kernel.Invalid(
                "has a Multiboot header without address fields, and is no ELF file",
                "It was converted to a raw binary, which loses the addresses.",
                "Give the ELF file, or set bit 16 of the header's flags and fill in its address fields.");
        }

        if (elf.Is64)
        {
            throw kernel.Invalid(
                "is a 64-bit ELF file with a Multiboot 1 header, which is for 32-bit files",
                "Multiboot 1 enters a kernel in 32-bit mode and defines ELF32 only.",
                "Convert it: `objcopy -O elf32-i386 KERNEL KERNEL32`, and give that file.");
        }

        // e_entry is a virtual address when it lies in a segment's virtual range; some linker scripts make it physical.
        ulong entry = elf.Entry;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type != ElfSegment.Load || elf.Entry - segment.VirtualAddress >= segment.MemorySize) continue;
            entry = elf.Entry - segment.VirtualAddress + segment.PhysicalAddress;
            break;
        }

        if (!elf.Covers(entry))
        {
            throw kernel.Invalid($"has its entry at 0x{entry:x}, where none of its segments goes", "Its ELF headers are damaged.", "Check the linker script's ENTRY and load addresses.");
        }

        elf.Load(map);
        return entry;
    }

    private static void PutModule(ImageFile module, LoadMap map)
    {
        ulong size = (ulong)module.Length;
        ulong address = map.ClaimNext($"the module '{module.Name}'", size);
        map.Copy(module, 0, address, size);
        map.Write32(Modules, (uint)address);
        map.Write32(Modules + 4, (uint)(address + size));
        map.Write32(Modules + 8, (uint)ModuleString);
        byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(module.Name));
        map.Write(ModuleString, name.AsSpan(0, Math.Min(name.Length, ModuleStringSize - 1)));
    }

    // Each entry: the size of what follows (20), base, length, type.
    private static uint PutMemoryMap(MemoryLayout layout, LoadMap map)
    {
        ulong at = MemoryMap;
        foreach (E820 range in E820.Map(layout))
        {
            map.Write32(at, MemoryMapEntrySize - 4);
            map.Write64(at + 4, range.Start);
            map.Write64(at + 12, range.Length);
            map.Write32(at + 20, range.Type);
            at += MemoryMapEntrySize;
        }

        return (uint)(at - MemoryMap);
    }
}
