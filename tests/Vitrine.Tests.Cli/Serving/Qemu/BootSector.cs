using System.Buffers.Binary;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>
/// A disk of three sectors whose boot sector has the BIOS copy the second to the third (INT 13h, functions 02h and 03h), says so at COM1, and ends QEMU
/// through its debug exit device.
/// </summary>
internal static class BootSector
{
    /// <summary>Where the BIOS puts the boot sector.</summary>
    public const int Address = 0x7C00;

    /// <summary>QEMU's argument for the device that ends it.</summary>
    public const string ExitDevice = "isa-debug-exit,iobase=0xf4,iosize=1";

    /// <summary>QEMU's exit status then: twice the byte that was written, plus one.</summary>
    public const int ExitStatus = (2 * ExitValue) + 1;

    /// <summary>Size of a sector in bytes.</summary>
    public const int SectorSize = 512;

    /// <summary>Where the second sector is read to.</summary>
    public const int Buffer = 0x8000;

    /// <summary>Offset of the instruction behind the INT 13h that reads.</summary>
    public const int AfterRead = 24;

    private const int ExitValue = 0x21;
    private const int Com1 = 0x3F8;

    /// <summary>The disk.</summary>
    /// <param name="second">Content of the second sector; its first byte is written to COM1 after it was read.</param>
    /// <param name="disk">Size in bytes of the disk.</param>
    public static byte[] Disk(ReadOnlySpan<byte> second, int disk = 1 << 20)
    {
        Assembler code = new(16);
        code.xor(ax, ax);
        code.mov(ds, ax);
        code.mov(es, ax);
        code.mov(ss, ax);
        code.mov(sp, Address);
        Access(code, function: 0x02, sector: 2);
        Access(code, function: 0x03, sector: 3);
        code.mov(al, __[Buffer]);
        code.mov(dx, Com1);
        code.@out(dx, al);
        code.mov(al, ExitValue);
        code.@out(0xF4, al);
        Label stop = code.CreateLabel();
        code.Label(ref stop);
        code.hlt();
        code.jmp(stop);
        using MemoryStream stream = new();
        code.Assemble(new StreamCodeWriter(stream), Address);
        byte[] image = new byte[disk];
        stream.ToArray().CopyTo(image, 0);
        Assert.Equal([0xCD, 0x13], image[(AfterRead - 2)..AfterRead]); // INT 13h
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(SectorSize - 2), 0xAA55);
        second.CopyTo(image.AsSpan(SectorSize));
        return image;
    }

    // One sector of the first track. DL keeps the drive that the BIOS booted from.
    private static void Access(Assembler code, byte function, byte sector)
    {
        code.mov(ax, (short)((function << 8) | 1));
        code.mov(bx, unchecked((short)Buffer));
        code.mov(cx, sector);
        code.mov(dh, 0);
        code.@int(0x13);
    }
}
