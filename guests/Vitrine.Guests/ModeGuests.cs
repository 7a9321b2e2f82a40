using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that change the processor's mode.</summary>
public static class ModeGuests
{
    private const uint Gdt = 0x2_0000;
    private const ushort Code32 = 0x08;
    private const ushort Code64 = 0x10;
    private const ushort Data = 0x18;
    private const ushort Code16 = 0x20;
    private const ushort Data16 = 0x28;
    private const uint PageTables = 0x3_0000;

    /// <summary>
    /// Goes from real to protected to 64-bit mode, on to compatibility mode, and all the way back to real mode, and sends
    /// a character in each: "r", "p", "l", "c", "p", "r".
    /// </summary>
    public static GuestProgram RoundTrip()
    {
        // Each part is assembled for its own width and starts at a fixed distance.
        const uint PartSize = 0x100;
        uint start = (uint)GuestProgram.Address.Value;
        uint protectedPart = start + PartSize;
        uint longPart = start + 2 * PartSize;
        uint compatibilityPart = start + 3 * PartSize;
        uint realPart = start + 5 * PartSize;
        uint protected16Part = start + 4 * PartSize;

        byte[] code = new byte[6 * PartSize];
        Put(code, start, start, RealToProtected(protectedPart));
        Put(code, start, protectedPart, ProtectedToLong(longPart));
        Put(code, start, longPart, LongToCompatibility(compatibilityPart));
        Put(code, start, compatibilityPart, CompatibilityToProtected16(protected16Part));
        Put(code, start, protected16Part, Protected16ToReal(realPart));
        Put(code, start, realPart, RealEnd());
        return new GuestProgram("mode-round-trip", FlatMode.Real, code, GuestEnd.DebugExit) { ExitValue = 6, Serial = "rplcpr" };
    }

    private static void Put(byte[] image, uint start, uint address, Assembler part)
    {
        using MemoryStream stream = new();
        part.Assemble(new StreamCodeWriter(stream), address);
        stream.ToArray().CopyTo(image, (int)(address - start));
    }

    private static Assembler RealToProtected(uint next)
    {
        GuestAssembler guest = new(FlatMode.Real);
        Assembler code = guest.Code;
        guest.Out(Ports.Serial, (byte)'r');
        code.mov(ax, (ushort)(Gdt >> 4));
        code.mov(ds, ax);
        SetDescriptor16(code, Code32, 0x00CF_9B00_0000_FFFF);
        SetDescriptor16(code, Code64, 0x00AF_9B00_0000_FFFF);
        SetDescriptor16(code, Data, 0x00CF_9300_0000_FFFF);
        SetDescriptor16(code, Code16, 0x0000_9B00_0000_FFFF);
        SetDescriptor16(code, Data16, 0x0000_9300_0000_FFFF);
        code.mov(__word_ptr[0x40], 0x2F);
        code.mov(__dword_ptr[0x42], Gdt);
        code.lgdt(__[0x40]);
        code.mov(eax, cr0);
        code.or(al, 1);
        code.mov(cr0, eax);
        FarJump16(code, Code32, next);
        return code;
    }

    private static Assembler ProtectedToLong(uint next)
    {
        GuestAssembler guest = new(FlatMode.Protected);
        Assembler code = guest.Code;
        LoadDataSegments(code, Data);
        guest.Out(Ports.Serial, (byte)'p');

        // One 2-MiB page, identity-mapped.
        code.mov(__dword_ptr[PageTables], PageTables + 0x1003);
        code.mov(__dword_ptr[PageTables + 0x1000], PageTables + 0x2003);
        code.mov(__dword_ptr[PageTables + 0x2000], 0x83);
        code.mov(eax, PageTables);
        code.mov(cr3, eax);
        code.mov(eax, cr4);
        code.or(eax, 1 << 5);
        code.mov(cr4, eax);
        code.mov(ecx, 0xC000_0080);
        code.rdmsr();
        code.or(eax, 1 << 8);
        code.wrmsr();
        code.mov(eax, cr0);
        code.or(eax, 1u << 31);
        code.mov(cr0, eax);
        FarJump32(code, Code64, next);
        return code;
    }

    private static Assembler LongToCompatibility(uint next)
    {
        GuestAssembler guest = new(FlatMode.Long);
        Assembler code = guest.Code;
        guest.Out(Ports.Serial, (byte)'l');
        code.mov(esp, 0x7000);
        code.push(Code32);
        code.mov(eax, next);
        code.push(rax);
        // RETF with 64-bit operands, for which the assembler has no name.
        code.db(0x48, 0xCB);
        return code;
    }

    private static Assembler CompatibilityToProtected16(uint next)
    {
        GuestAssembler guest = new(FlatMode.Protected);
        Assembler code = guest.Code;
        guest.Out(Ports.Serial, (byte)'c');
        code.mov(eax, cr0);
        code.and(eax, 0x7FFF_FFFF);
        code.mov(cr0, eax);
        code.mov(ecx, 0xC000_0080);
        code.rdmsr();
        code.and(eax, ~(1 << 8));
        code.wrmsr();
        FarJump32(code, Code16, next);
        return code;
    }

    private static Assembler Protected16ToReal(uint next)
    {
        GuestAssembler guest = new(FlatMode.Real);
        Assembler code = guest.Code;
        guest.Out(Ports.Serial, (byte)'p');
        LoadDataSegments(code, Data16);
        code.mov(eax, cr0);
        code.and(al, 0xFE);
        code.mov(cr0, eax);
        FarJump16(code, 0, next);
        return code;
    }

    private static Assembler RealEnd()
    {
        GuestAssembler guest = new(FlatMode.Real);
        guest.Out(Ports.Serial, (byte)'r');
        guest.DebugExit(6);
        return guest.Code;
    }

    private static void LoadDataSegments(Assembler code, ushort selector)
    {
        code.mov(ax, selector);
        code.mov(ds, ax);
        code.mov(es, ax);
        code.mov(ss, ax);
    }

    private static void SetDescriptor16(Assembler code, ushort selector, ulong descriptor)
    {
        code.mov(__dword_ptr[selector], (uint)descriptor);
        code.mov(__dword_ptr[selector + 4], (uint)(descriptor >> 32));
    }

    // EA: far jump with an immediate pointer, offset before selector. The assembler has no form for it with a number.
    private static void FarJump16(Assembler code, ushort selector, uint offset) =>
        code.db(0xEA, (byte)offset, (byte)(offset >> 8), (byte)selector, (byte)(selector >> 8));

    private static void FarJump32(Assembler code, ushort selector, uint offset) =>
        code.db(0xEA, (byte)offset, (byte)(offset >> 8), (byte)(offset >> 16), (byte)(offset >> 24), (byte)selector, (byte)(selector >> 8));
}
