using System.Buffers.Binary;
using Vitrine.Boards;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Boot;

/// <summary>
/// What firmware leaves below 1 MiB, for guests that start without any: kernels trust the BIOS data area, and jump to the reset vector to reset.
/// <code>
///  00000  interrupt vectors    9FC00  EBDA, 1 KiB: its size, then nothing
///  00400  BIOS data area       FF000  handlers    FFFF0  reset vector
/// </code>
/// </summary>
/// <remarks>
/// There are no BIOS services. A program that asks for one learns that (carry set, AH 86h: "function not supported") instead of running on in zeros, and an interrupt
/// of a device is acknowledged and dropped. A fault whose return address is its own instruction would repeat for ever: its handler halts, so that the machine ends and
/// shows its registers.
/// </remarks>
internal static class LegacyBiosArea
{
    /// <summary>Handlers and the reset vector, up to 1 MiB.</summary>
    internal const ulong Code = MemoryLayout.AcpiTablesEnd;

    private const ulong Data = 0x400;

    // F000:FFF0, which is FFFF:0000.
    private const ulong ResetVector = 0xF_FFF0;
    private const ulong Segment = 0xF_0000;
    private const ulong Unsupported = Code;
    private const ulong Master = Code + 0x10;
    private const ulong Slave = Code + 0x20;
    private const ulong Fault = Code + 0x30;
    private const ulong Return = Code + 0x40;
    private const int Vectors = 256;

    // Offsets in the BIOS data area.
    private const int SerialPorts = 0x00;
    private const int EbdaSegment = 0x0E;
    private const int Equipment = 0x10;
    private const int BaseMemory = 0x13;
    private const int KeyboardHead = 0x1A;
    private const int KeyboardTail = 0x1C;
    private const int KeyboardStart = 0x80;
    private const int KeyboardEnd = 0x82;
    private const int DataSize = 0x100;

    private const ushort HasCoprocessor = 1 << 1;
    private const int SerialPortCountShift = 9;
    private const int MostSerialPorts = 4;
    private const ushort KeyboardBuffer = 0x1E;
    private const ushort KeyboardBufferEnd = 0x3E;

    // mov al, 3; out 92h, al; hlt. The same bytes do the same in code of 16, 32 and 64 bits, which all come here.
    private static ReadOnlySpan<byte> ResetCode => [0xB0, 0x03, 0xE6, 0x92, 0xF4, 0xEB, 0xFD];

    // push bp; mov bp, sp; or byte [bp+6], 1; pop bp; mov ah, 86h; iret
    private static ReadOnlySpan<byte> UnsupportedCode => [0x55, 0x89, 0xE5, 0x80, 0x4E, 0x06, 0x01, 0x5D, 0xB4, 0x86, 0xCF];

    // push ax; mov al, 20h; out 20h, al; pop ax; iret
    private static ReadOnlySpan<byte> MasterCode => [0x50, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF];

    // push ax; mov al, 20h; out A0h, al; out 20h, al; pop ax; iret
    private static ReadOnlySpan<byte> SlaveCode => [0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF];

    // cli; hlt; jmp to the hlt
    private static ReadOnlySpan<byte> FaultCode => [0xFA, 0xF4, 0xEB, 0xFD];

    private static ReadOnlySpan<byte> ReturnCode => [0xCF];

    /// <summary>Writes the area. What is loaded later may take its place.</summary>
    /// <param name="memory">Guest memory, with RAM up to 1 MiB.</param>
    /// <param name="serialPorts">First ports of the board's serial ports.</param>
    internal static void Write(GuestMemory memory, IReadOnlyList<int> serialPorts)
    {
        Span<byte> vectors = stackalloc byte[Vectors * 4];
        for (int vector = 0; vector < Vectors; vector++)
        {
            ulong handler = HandlerOf(vector);
            BinaryPrimitives.WriteUInt16LittleEndian(vectors[(vector * 4)..], (ushort)(handler - Segment));
            BinaryPrimitives.WriteUInt16LittleEndian(vectors[((vector * 4) + 2)..], (ushort)(Segment >> 4));
        }

        memory.TryWrite(new Gpa(0), vectors);
        Span<byte> data = stackalloc byte[DataSize];
        data.Clear();
        int ports = Math.Min(serialPorts.Count, MostSerialPorts);
        for (int i = 0; i < ports; i++) Put(data, SerialPorts + (2 * i), (ushort)serialPorts[i]);
        Put(data, EbdaSegment, (ushort)(MemoryLayout.LegacyHoleStart >> 4));
        Put(data, Equipment, (ushort)(HasCoprocessor | (ports << SerialPortCountShift)));
        Put(data, BaseMemory, (ushort)(MemoryLayout.LegacyHoleStart >> 10));
        Put(data, KeyboardHead, KeyboardBuffer);
        Put(data, KeyboardTail, KeyboardBuffer);
        Put(data, KeyboardStart, KeyboardBuffer);
        Put(data, KeyboardEnd, KeyboardBufferEnd);
        memory.TryWrite(new Gpa(Data), data);

        // The EBDA begins with its size in KiB.
        memory.TryWrite(new Gpa(MemoryLayout.LegacyHoleStart), [1]);
        memory.TryWrite(new Gpa(Unsupported), UnsupportedCode);
        memory.TryWrite(new Gpa(Master), MasterCode);
        memory.TryWrite(new Gpa(Slave), SlaveCode);
        memory.TryWrite(new Gpa(Fault), FaultCode);
        memory.TryWrite(new Gpa(Return), ReturnCode);
        memory.TryWrite(new Gpa(ResetVector), ResetCode);
    }

    // #GP shares its vector with IRQ 5, which the board does not have; #DF and #SS share theirs with IRQ 0 and IRQ 4, which it has.
    private static ulong HandlerOf(int vector) => vector switch
    {
        0x00 or 0x05 or 0x06 or 0x07 or 0x0D => Fault,
        >= 0x08 and <= 0x0F => Master,
        0x19 => ResetVector,
        >= 0x10 and <= 0x1A => Unsupported,
        >= 0x70 and <= 0x77 => Slave,
        _ => Return,
    };

    private static void Put(Span<byte> data, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(data[offset..], value);
}
