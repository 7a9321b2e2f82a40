using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>A boot sector that draws: the whole screen of mode 13h, then, after a byte from COM1, a line of it. It says 1 and 2 at COM1 when it has.</summary>
internal static class DrawingSector
{
    private const int Com1 = 0x3F8;
    private const int LineStatus = Com1 + 5;
    private const int Width = 320;
    private const int Height = 200;

    /// <summary>A disk with it.</summary>
    public static byte[] Disk()
    {
        Assembler code = new(16);
        code.mov(ax, 0x0013); // INT 10h, function 00h: mode 13h, a byte a pixel at A0000h
        code.@int(0x10);
        code.mov(ax, unchecked((short)0xA000));
        code.mov(es, ax);
        code.xor(di, di);
        code.mov(cx, unchecked((short)(Width * Height)));
        Label draw = code.CreateLabel();
        code.Label(ref draw);
        code.mov(ax, di);
        code.add(al, ah);
        code.stosb();
        code.loop(draw);
        Say(code, '1');
        Label wait = code.CreateLabel();
        code.mov(dx, LineStatus);
        code.Label(ref wait);
        code.@in(al, dx);
        code.test(al, 1);
        code.je(wait);
        code.mov(di, 100 * Width);
        code.mov(cx, Width);
        code.mov(al, 15);
        code.rep.stosb();
        Say(code, '2');
        Label stop = code.CreateLabel();
        code.Label(ref stop);
        code.hlt();
        code.jmp(stop);
        using MemoryStream stream = new();
        code.Assemble(new StreamCodeWriter(stream), BootSector.Address);
        byte[] image = new byte[1 << 20];
        stream.ToArray().CopyTo(image, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(BootSector.SectorSize - 2), 0xAA55);
        return image;
    }

    private static void Say(Assembler code, char character)
    {
        code.mov(dx, Com1);
        code.mov(al, (sbyte)character);
        code.@out(dx, al);
    }
}
