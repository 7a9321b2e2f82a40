using System.Buffers.Binary;
using System.Text;

namespace Vitrine.Devices.Acpi;

/// <summary>
/// Encodes the few AML terms that a board's DSDT is made of (ACPI specification 6.3, 20.2 "AML Grammar Definition").
/// Each function returns the bytes of one term; a term that contains others takes theirs.
/// </summary>
public static class Aml
{
    private const byte ZeroOp = 0x00;
    private const byte OneOp = 0x01;
    private const byte NameOp = 0x08;
    private const byte BytePrefix = 0x0A;
    private const byte WordPrefix = 0x0B;
    private const byte DWordPrefix = 0x0C;
    private const byte StringPrefix = 0x0D;
    private const byte ScopeOp = 0x10;
    private const byte BufferOp = 0x11;
    private const byte PackageOp = 0x12;
    private const byte ExtOpPrefix = 0x5B;
    private const byte DeviceOp = 0x82;
    private const int NameSegmentLength = 4;

    // Small resource descriptors (ACPI 6.3, 6.4.2).
    private const byte IoPortDescriptor = 0x47;
    private const byte IoPortDecode16 = 1;
    private const byte IrqNoFlagsDescriptor = 0x22;
    private const byte EndTag = 0x79;

    // Large resource descriptors (6.4.3).
    private const byte Memory32FixedDescriptor = 0x86;
    private const byte Memory32FixedLength = 9;
    private const byte ReadWrite = 1;
    private const byte ExtendedInterruptDescriptor = 0x89;
    private const byte ExtendedInterruptLength = 6;
    private const byte ConsumerLevelActiveHigh = 1;
    private const int IsaInterrupts = 16;

    /// <summary>Name (name, value).</summary>
    public static byte[] Name(string name, byte[] value) => [NameOp, .. NameString(name), .. value];

    /// <summary>Scope (name) { terms }.</summary>
    public static byte[] Scope(string name, params byte[][] terms) => [ScopeOp, .. WithLength([.. NameString(name), .. Concat(terms)])];

    /// <summary>Device (name) { terms }.</summary>
    public static byte[] Device(string name, params byte[][] terms) =>
        [ExtOpPrefix, DeviceOp, .. WithLength([.. NameString(name), .. Concat(terms)])];

    /// <summary>Package () { elements }.</summary>
    public static byte[] Package(params byte[][] elements) => [PackageOp, .. WithLength([(byte)elements.Length, .. Concat(elements)])];

    /// <summary>An integer constant, in the shortest encoding.</summary>
    public static byte[] Integer(uint value) => value switch
    {
        0 => [ZeroOp],
        1 => [OneOp],
        <= byte.MaxValue => [BytePrefix, (byte)value],
        <= ushort.MaxValue => [WordPrefix, (byte)value, (byte)(value >> 8)],
        _ => [DWordPrefix, .. Bytes32(value)],
    };

    /// <summary>A string constant of ASCII characters.</summary>
    public static byte[] String(string ascii) => [StringPrefix, .. Encoding.ASCII.GetBytes(ascii), 0];

    /// <summary>EisaId ("PNP0501"): three letters of five bits, four hexadecimal digits, most significant byte first.</summary>
    public static byte[] EisaId(string id)
    {
        uint letters = (uint)((id[0] - '@') << 10 | (id[1] - '@') << 5 | (id[2] - '@'));
        uint number = Convert.ToUInt32(id[3..], 16);
        return Integer(BinaryPrimitives.ReverseEndianness(letters << 16 | number));
    }

    /// <summary>ResourceTemplate () { descriptors }.</summary>
    public static byte[] ResourceTemplate(params byte[][] descriptors)
    {
        // A zero checksum in the end tag stands for "not computed" (6.4.2.9).
        byte[] resources = [.. Concat(descriptors), EndTag, 0];
        return [BufferOp, .. WithLength([.. Integer((uint)resources.Length), .. resources])];
    }

    /// <summary>IO (Decode16, port, port, 1, count), for <see cref="ResourceTemplate"/>.</summary>
    public static byte[] Io(ushort port, byte count) =>
        [IoPortDescriptor, IoPortDecode16, (byte)port, (byte)(port >> 8), (byte)port, (byte)(port >> 8), 1, count];

    /// <summary>Memory32Fixed (ReadWrite, start, length), for <see cref="ResourceTemplate"/>.</summary>
    public static byte[] Memory32Fixed(uint start, uint length) =>
        [Memory32FixedDescriptor, Memory32FixedLength, 0, ReadWrite, .. Bytes32(start), .. Bytes32(length)];

    /// <summary>
    /// An interrupt, for <see cref="ResourceTemplate"/>: IRQNoFlags () { number } for those of an ISA bus, which are edge-triggered;
    /// Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { number } for the others.
    /// </summary>
    public static byte[] Interrupt(int number) => number < IsaInterrupts
        ? [IrqNoFlagsDescriptor, (byte)(1 << number), (byte)(1 << number >> 8)]
        : [ExtendedInterruptDescriptor, ExtendedInterruptLength, 0, ConsumerLevelActiveHigh, 1, .. Bytes32((uint)number)];

    private static byte[] Bytes32(uint value) => [(byte)value, (byte)(value >> 8), (byte)(value >> 16), (byte)(value >> 24)];

    private static byte[] Concat(byte[][] terms) => [.. terms.SelectMany(static term => term)];

    private static byte[] NameString(string name)
    {
        bool root = name.StartsWith('\\');
        string segment = (root ? name[1..] : name).PadRight(NameSegmentLength, '_');
        byte[] bytes = Encoding.ASCII.GetBytes(segment);
        return root ? [(byte)'\\', .. bytes] : bytes;
    }

    // PkgLength counts itself (20.2.4): one byte up to 63, else bits 7:6 of the first say how many bytes follow,
    // and its bits 3:0 are the least significant ones.
    private static byte[] WithLength(byte[] content)
    {
        int length = content.Length + 1;
        if (length <= 0x3F) return [(byte)length, .. content];
        length++;
        if (length <= 0xFFF) return [(byte)(0x40 | (length & 0xF)), (byte)(length >> 4), .. content];
        length++;
        return [(byte)(0x80 | (length & 0xF)), (byte)(length >> 4), (byte)(length >> 12), .. content];
    }
}
