using System.Buffers.Binary;

namespace Vitrine.Boot;

/// <summary>The header of a Multiboot 1 image (Multiboot Specification 0.6.96, 3.1).</summary>
/// <param name="Offset">Where it is in the file.</param>
/// <param name="Flags">What the kernel wants; bits 15:0 are requirements.</param>
/// <param name="HeaderAddress">Address at which the header itself is to be loaded; this and the next fields are valid with <see cref="HasAddresses"/>.</param>
/// <param name="LoadAddress">Address of the first byte to load.</param>
/// <param name="LoadEndAddress">Address after the last one, zero for the whole file.</param>
/// <param name="BssEndAddress">Address after the zeros that follow, zero for none.</param>
/// <param name="EntryAddress">Where the kernel is entered.</param>
internal sealed record MultibootHeader(
    int Offset, uint Flags, uint HeaderAddress, uint LoadAddress, uint LoadEndAddress, uint BssEndAddress, uint EntryAddress)
{
    private const uint Magic = 0x1BAD_B002;
    private const int Size = 12;
    private const int SizeWithAddresses = 32;
    private const int SearchBytes = 8192;
    private const uint RequirementBits = 0xFFFF;

    // Modules page-aligned, memory information: always given. Video mode: there is no video hardware, and kernels that
    // ask for a mode look at what they got.
    private const uint KnownRequirements = 0b111;
    private const uint AddressesValid = 1 << 16;

    /// <summary>True when the address fields describe the image (the "a.out kludge").</summary>
    internal bool HasAddresses => (Flags & AddressesValid) != 0;

    /// <summary>Requirements that this loader doesn't know.</summary>
    internal uint UnknownRequirements => Flags & RequirementBits & ~KnownRequirements;

    /// <summary>Looks for the header in the first bytes of an image.</summary>
    internal static MultibootHeader? Find(ReadOnlySpan<byte> start)
    {
        start = start[..Math.Min(start.Length, SearchBytes)];
        for (int offset = 0; offset + Size <= start.Length; offset += 4)
        {
            ReadOnlySpan<byte> header = start[offset..];
            if (U32(header, 0) != Magic) continue;
            uint flags = U32(header, 4);
            if (Magic + flags + U32(header, 8) != 0) continue;
            if ((flags & AddressesValid) == 0) return new MultibootHeader(offset, flags, 0, 0, 0, 0, 0);
            if (header.Length < SizeWithAddresses) continue;
            return new MultibootHeader(offset, flags, U32(header, 12), U32(header, 16), U32(header, 20), U32(header, 24), U32(header, 28));
        }

        return null;
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
