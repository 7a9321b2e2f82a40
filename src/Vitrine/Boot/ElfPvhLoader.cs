using System.Buffers.Binary;
using Vitrine.Boards;
using Vitrine.X86.State;

namespace Vitrine.Boot;

/// <summary>
/// Loads an uncompressed ELF kernel by the PVH boot ABI (Xen, docs/misc/pvh.pandoc and start_info.h): a note names the
/// physical entry, which is entered in 32-bit protected mode with EBX pointing to the start info.
/// </summary>
internal static class ElfPvhLoader
{
    private const uint Phys32EntryNote = 18; // XEN_ELFNOTE_PHYS32_ENTRY
    private const int NoteHeaderSize = 12;
    private const int MaxNoteBytes = 1 << 20;

    private const uint StartInfoMagic = 0x336E_C578; // "xEn3" with the 0x80 bit of the "E" set
    private const uint StartInfoVersion = 1;
    private const ulong ModuleList = HandoffArea.Info + 0x100;
    private const ulong MemoryMap = HandoffArea.Info + 0x200;
    private const ulong MemoryMapEntrySize = 24;

    /// <summary>The entry that the PVH note names, or null when there is none.</summary>
    internal static ulong? FindEntry(ElfImage elf)
    {
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type != ElfSegment.Note) continue;
            if (segment.FileSize > MaxNoteBytes)
            {
                throw elf.File.Invalid($"has {segment.FileSize} bytes of ELF notes; at most {MaxNoteBytes} are read", "Its headers are damaged.", "Get the file again.");
            }

            byte[] notes = elf.File.Read(segment.Offset, (int)segment.FileSize);
            if (FindEntry(notes, segment.Alignment == 8 ? 8u : 4u) is { } entry) return entry;
        }

        return null;
    }

    /// <summary>Loads the kernel and enters it at <paramref name="entry"/>.</summary>
    internal static void Load(
        ElfImage elf, ulong entry, ImageFile? initrd, string commandLine, MemoryLayout layout, LoadMap map, ProcessorState cpu, ulong rsdp)
    {
        if (entry > uint.MaxValue || !elf.Covers(entry))
        {
            throw elf.File.Invalid(
                $"has its PVH entry at 0x{entry:x}, where none of its segments goes",
                "Its PVH note or its program headers are damaged.",
                "Get the file again, or link the kernel with correct physical addresses.");
        }

        elf.Load(map);
        EntryState.Protected(cpu, map, entry);
        map.Claim("the start info", HandoffArea.Info, HandoffArea.InfoSize);
        map.Clear(HandoffArea.Info, HandoffArea.InfoSize);
        CommandLineArea.Write(map, commandLine, int.MaxValue);
        if (initrd is not null)
        {
            ulong size = (ulong)initrd.Length;
            ulong address = map.ClaimTop($"the initrd '{initrd.Name}'", size, layout.LowRamLimit);
            map.Copy(initrd, 0, address, size);

            // struct hvm_modlist_entry: paddr, size, cmdline_paddr, reserved.
            map.Write64(ModuleList, address);
            map.Write64(ModuleList + 8, size);
        }

        E820[] ranges = E820.Map(layout);
        for (int i = 0; i < ranges.Length; i++)
        {
            // struct hvm_memmap_table_entry: addr, size, type, reserved.
            ulong at = MemoryMap + (ulong)i * MemoryMapEntrySize;
            map.Write64(at, ranges[i].Start);
            map.Write64(at + 8, ranges[i].Length);
            map.Write32(at + 16, ranges[i].Type);
        }

        // struct hvm_start_info, version 1.
        map.Write32(HandoffArea.Info, StartInfoMagic);
        map.Write32(HandoffArea.Info + 4, StartInfoVersion);
        map.Write32(HandoffArea.Info + 12, initrd is null ? 0u : 1u);
        map.Write64(HandoffArea.Info + 16, initrd is null ? 0 : ModuleList);
        map.Write64(HandoffArea.Info + 24, HandoffArea.CommandLine);
        map.Write64(HandoffArea.Info + 32, rsdp);
        map.Write64(HandoffArea.Info + 40, MemoryMap);
        map.Write32(HandoffArea.Info + 48, (uint)ranges.Length);
        cpu.Gpr[Gpr.Rbx] = HandoffArea.Info;
    }

    // Each note: namesz, descsz, type, name, desc; name and desc are padded.
    private static ulong? FindEntry(ReadOnlySpan<byte> notes, uint alignment)
    {
        while (notes.Length >= NoteHeaderSize)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint descriptorSize = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            ulong descriptor = Align(NoteHeaderSize + (ulong)nameSize, alignment);
            ulong next = Align(descriptor + descriptorSize, alignment);
            if (descriptor + descriptorSize > (ulong)notes.Length) return null;
            if (type == Phys32EntryNote && notes.Slice(NoteHeaderSize, (int)nameSize).SequenceEqual("Xen\0"u8))
            {
                ReadOnlySpan<byte> value = notes[(int)descriptor..];
                if (descriptorSize == 4) return BinaryPrimitives.ReadUInt32LittleEndian(value);
                if (descriptorSize == 8) return BinaryPrimitives.ReadUInt64LittleEndian(value);
            }

            if (next >= (ulong)notes.Length) return null;
            notes = notes[(int)next..];
        }

        return null;
    }

    private static ulong Align(ulong value, uint alignment) => (value + alignment - 1) & ~((ulong)alignment - 1);
}
