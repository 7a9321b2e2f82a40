using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Boot;

/// <summary>Puts the boot processor into the mode in which a guest expects its first instruction.</summary>
internal static class EntryState
{
    /// <summary>Selector of the flat 32-bit code segment.</summary>
    internal const ushort Code32 = 0x08;

    /// <summary>Selector of the 64-bit code segment; the Linux boot protocol calls it __BOOT_CS.</summary>
    internal const ushort Code64 = 0x10;

    /// <summary>Selector of the flat data segment; the Linux boot protocol calls it __BOOT_DS.</summary>
    internal const ushort Data = 0x18;

    private const ulong PresentWritable = 3;
    private const ulong LargePage = 1 << 7;
    private const int EntriesPerTable = 512;

    // Access rights in the layout of SegmentRegister.Access.
    private const uint RealCodeAccess = 0x9B;
    private const uint RealDataAccess = 0x93;
    private const uint Code32Access = 0xC09B;
    private const uint Code64Access = 0xA09B;
    private const uint DataAccess = 0xC093;
    private const uint Tss32BusyAccess = 0x8B;
    private const uint TssLimit = 0x67;

    /// <summary>16-bit real mode, DS, ES, SS, FS and GS zero.</summary>
    internal static void Real(ProcessorState cpu, ushort selector, ushort ip, ushort sp)
    {
        SegmentRegister data = new(0, 0, 0xFFFF, RealDataAccess);
        SetSegments(cpu, new SegmentRegister(selector, (ulong)selector << 4, 0xFFFF, RealCodeAccess), data);
        cpu.Cr0 = Cr0.ET;
        cpu.Gpr[Gpr.Rsp] = sp;
        cpu.Rip = ip;
        cpu.Rflags = 2;
    }

    /// <summary>32-bit protected mode with flat 4-GiB segments, paging off, interrupts off. Writes the GDT.</summary>
    internal static void Protected(ProcessorState cpu, LoadMap map, ulong entry)
    {
        WriteGdt(cpu, map);
        SetSegments(cpu, Flat(Code32, Code32Access), Flat(Data, DataAccess));
        cpu.Segments[Seg.Tr] = new SegmentRegister(0, 0, TssLimit, Tss32BusyAccess);
        cpu.Cr0 = Cr0.PE | Cr0.ET;
        cpu.Cr3 = 0;
        cpu.Cr4 = 0;
        cpu.Efer = 0;
        cpu.Rip = entry;
        cpu.Rflags = 2;
    }

    /// <summary>64-bit mode, the first 4 GiB identity-mapped, interrupts off. Writes the GDT and the page tables.</summary>
    internal static void Long(ProcessorState cpu, LoadMap map, ulong entry)
    {
        WriteGdt(cpu, map);
        WriteIdentityMap(map);
        SetSegments(cpu, Flat(Code64, Code64Access), Flat(Data, DataAccess));
        // In IA-32e mode type 11 is the busy 64-bit TSS.
        cpu.Segments[Seg.Tr] = new SegmentRegister(0, 0, TssLimit, Tss32BusyAccess);
        cpu.Cr0 = Cr0.PE | Cr0.ET | Cr0.PG;
        cpu.Cr3 = HandoffArea.PageTables;
        cpu.Cr4 = Cr4.PAE;
        cpu.Efer = Efer.LME | Efer.LMA;
        cpu.Rip = entry;
        cpu.Rflags = 2;
    }

    private static void WriteGdt(ProcessorState cpu, LoadMap map)
    {
        map.Claim("the GDT", HandoffArea.Gdt, HandoffArea.GdtSize);
        map.Clear(HandoffArea.Gdt, HandoffArea.GdtSize);
        map.Write64(HandoffArea.Gdt + Code32, Descriptor(Code32Access));
        map.Write64(HandoffArea.Gdt + Code64, Descriptor(Code64Access));
        map.Write64(HandoffArea.Gdt + Data, Descriptor(DataAccess));
        cpu.Gdtr = new DescriptorTable(HandoffArea.Gdt, Data + 7);
    }

    // 63      56 55  52 51       48 47    40 39       16 15       0
    // base 31:24 flags  limit 19:16 access   base 23:0   limit 15:0
    private static ulong Descriptor(uint access) =>
        (ulong)(access & 0xF000) << 40 | 0xFul << 48 | (ulong)(access & 0xFF) << 40 | 0xFFFF;

    private static void WriteIdentityMap(LoadMap map)
    {
        const ulong Pml4 = HandoffArea.PageTables;
        const ulong Pdpt = Pml4 + 0x1000;
        const ulong Directories = Pdpt + 0x1000;
        map.Claim("the page tables", HandoffArea.PageTables, HandoffArea.PageTablesSize);
        map.Clear(HandoffArea.PageTables, HandoffArea.PageTablesSize);
        map.Write64(Pml4, Pdpt | PresentWritable);
        for (ulong gigabyte = 0; gigabyte < 4; gigabyte++)
        {
            map.Write64(Pdpt + gigabyte * 8, Directories + gigabyte * 0x1000 | PresentWritable);
        }

        for (ulong page = 0; page < 4 * EntriesPerTable; page++)
        {
            map.Write64(Directories + page * 8, page << 21 | LargePage | PresentWritable);
        }
    }

    private static SegmentRegister Flat(ushort selector, uint access) => new(selector, 0, 0xFFFF_FFFF, access);

    private static void SetSegments(ProcessorState cpu, SegmentRegister code, SegmentRegister data)
    {
        cpu.Segments[Seg.Cs] = code;
        cpu.Segments[Seg.Ds] = data;
        cpu.Segments[Seg.Es] = data;
        cpu.Segments[Seg.Ss] = data;
        cpu.Segments[Seg.Fs] = data;
        cpu.Segments[Seg.Gs] = data;
    }
}
