using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that provoke page faults and report error code and CR2 of each on the serial port.</summary>
public static class PagingGuests
{
    private const uint Cr0WriteProtect = 1 << 16;
    private const uint Cr0Paging = 1u << 31;
    private const byte PageFaultVector = 14;
    private const uint PageDirectory = 0x2_0000;
    private const uint PageTable = 0x2_1000;

    /// <summary>
    /// 32-bit paging with one page table: reads and writes a page that isn't present, writes a read-only page with CR0.WP,
    /// and, with paging off again, writes the same addresses without a fault. Leaves with the number of faults.
    /// </summary>
    public static GuestProgram Faults32()
    {
        const uint ReadOnlyPage = 0x3_0000;
        const uint AbsentPage = 0x3_1000;
        GuestAssembler guest = new(FlatMode.Protected);
        Assembler code = guest.Code;

        // Identity-map the first 4 MiB, present and writable.
        code.mov(edi, PageTable);
        code.mov(eax, 3);
        Mark next = guest.Here();
        code.mov(__dword_ptr[edi], eax);
        code.add(edi, 4);
        code.add(eax, 0x1000);
        code.cmp(edi, PageTable + 0x1000);
        code.jb(next);
        code.mov(__dword_ptr[PageDirectory], PageTable | 3);
        code.mov(__dword_ptr[PageTable + (ReadOnlyPage >> 10)], ReadOnlyPage | 1);
        code.mov(__dword_ptr[PageTable + (AbsentPage >> 10)], 0);

        Mark handler = guest.NewLabel();
        guest.SetGate(PageFaultVector, handler);
        guest.LoadInterruptTable();
        code.xor(ebx, ebx);
        code.mov(eax, PageDirectory);
        code.mov(cr3, eax);
        code.mov(eax, cr0);
        code.or(eax, Cr0Paging | Cr0WriteProtect);
        code.mov(cr0, eax);

        code.mov(esi, AbsentPage + 0x10);
        Fault(guest, () => code.mov(eax, __dword_ptr[esi]));
        Fault(guest, () => code.mov(__dword_ptr[esi], eax));
        code.mov(esi, ReadOnlyPage + 0xFFC);
        Fault(guest, () => code.mov(__dword_ptr[esi], eax));

        code.mov(eax, cr0);
        code.and(eax, ~Cr0Paging);
        code.mov(cr0, eax);
        code.mov(__dword_ptr[esi], eax);
        code.mov(__dword_ptr[AbsentPage + 0x10], eax);
        code.mov(eax, ebx);
        guest.DebugExit();

        EmitHandler(guest, handler);
        return new GuestProgram("page-faults", FlatMode.Protected, guest.Assemble(), GuestEnd.DebugExit)
        {
            ExitValue = 3,
            Serial = "00000000 00031010\n00000002 00031010\n00000003 00030ffc\n",
            EmulatingKvmLacks = "paging outside long mode",
        };
    }

    /// <summary>
    /// 4-level paging as it is at the entry: reads and writes above the 4 GiB that are mapped, then makes one of the 2-MiB
    /// pages read-only and writes it with CR0.WP. Leaves with the number of faults.
    /// </summary>
    public static GuestProgram Faults64()
    {
        const ulong Unmapped = 0x1_2345_6788;
        const uint ReadOnlyPage = 0x4000_0000;
        // The third gigabyte's page directory; see FlatMode.Long for where the tables are.
        const uint ReadOnlyEntry = 0x9_3000;
        GuestAssembler guest = new(FlatMode.Long);
        Assembler code = guest.Code;
        Mark handler = guest.NewLabel();
        guest.SetGate(PageFaultVector, handler);
        guest.LoadInterruptTable();
        code.xor(ebx, ebx);
        code.and(__dword_ptr[ReadOnlyEntry], ~2);
        code.invlpg(__byte_ptr[ReadOnlyPage]);
        code.mov(rax, cr0);
        code.or(eax, Cr0WriteProtect);
        code.mov(cr0, rax);

        code.mov(rsi, Unmapped);
        Fault(guest, () => code.mov(rax, __qword_ptr[rsi]));
        Fault(guest, () => code.mov(__qword_ptr[rsi], rax));
        code.mov(esi, ReadOnlyPage + 0x10);
        Fault(guest, () => code.mov(__dword_ptr[rsi], eax));
        code.mov(eax, ebx);
        guest.DebugExit();

        EmitHandler(guest, handler);
        return new GuestProgram("page-faults", FlatMode.Long, guest.Assemble(), GuestEnd.DebugExit)
        {
            ExitValue = 3,
            Serial = "00000000 23456788\n00000002 23456788\n00000003 40000010\n",
        };
    }

    // The handler goes on at the address in EDI (RDI): no instruction length is assumed.
    private static void Fault(GuestAssembler guest, Action access)
    {
        Mark after = guest.NewLabel();
        guest.LoadDestination(after);
        access();
        guest.Place(after);
    }

    // Stack: error code, instruction pointer, ... EBX counts.
    private static void EmitHandler(GuestAssembler guest, Mark handler)
    {
        Assembler code = guest.Code;
        Mark printHex = guest.PrintHexSubroutine();
        guest.Place(handler);
        code.inc(ebx);
        guest.PopAccumulator();
        code.call(printHex);
        guest.Out(Ports.Serial, (byte)' ');
        if (guest.Bits == 64) code.mov(rax, cr2);
        else code.mov(eax, cr2);
        code.call(printHex);
        guest.Out(Ports.Serial, (byte)'\n');
        if (guest.Bits == 64) code.mov(__qword_ptr[rsp], rdi);
        else code.mov(__dword_ptr[esp], edi);
        guest.InterruptReturn();
    }
}
