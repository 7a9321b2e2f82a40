using System.Buffers.Binary;
using System.Numerics;
using Vitrine.Boards;
using Vitrine.X86.State;

namespace Vitrine.Boot;

/// <summary>
/// Loads a Linux bzImage by the 64-bit boot protocol (Linux, Documentation/arch/x86/boot.rst): the protected-mode part
/// goes to its preferred address, the zero page is filled in, and the kernel is entered 0x200 bytes after its start.
/// </summary>
internal static class BzImageLoader
{
    // Offsets in the setup header, which are the same in the file and in the zero page.
    private const int SetupSects = 0x1F1;
    private const int SysSize = 0x1F4;
    private const int BootFlag = 0x1FE;
    private const int JumpDistance = 0x201;
    private const int HeaderMagic = 0x202;
    private const int Version = 0x206;
    private const int TypeOfLoader = 0x210;
    private const int LoadFlags = 0x211;
    private const int Code32Start = 0x214;
    private const int RamdiskImage = 0x218;
    private const int RamdiskSize = 0x21C;
    private const int CmdLinePtr = 0x228;
    private const int InitrdAddrMax = 0x22C;
    private const int KernelAlignment = 0x230;
    private const int RelocatableKernel = 0x234;
    private const int XLoadFlags = 0x236;
    private const int CmdlineSize = 0x238;
    private const int PrefAddress = 0x258;
    private const int InitSize = 0x260;
    private const int HeaderEnd = 0x264;

    // Offsets in the zero page alone (struct boot_params).
    private const int AcpiRsdpAddr = 0x070;
    private const int E820Entries = 0x1E8;
    private const int E820Table = 0x2D0;
    private const int E820EntrySize = 20;
    private const int SetupHeaderLimit = 0x290;

    private const ushort BootFlagValue = 0xAA55;
    private const uint HeaderMagicValue = 0x5372_6448; // "HdrS"
    private const ushort VersionWithXLoadFlags = 0x20C;
    private const byte UndefinedLoader = 0xFF;
    private const byte LoadedHigh = 1;
    private const ushort XlfKernel64 = 1;
    private const ulong Entry64 = 0x200;
    private const int SectorSize = 512;
    private const int DefaultSetupSects = 4;
    private const int ParagraphSize = 16;

    private const string WantsDistributionKernel = "Give the vmlinuz of an x86-64 distribution, for example from Debian's package linux-image-cloud-amd64.";

    /// <summary>True when the first bytes of an image are those of a bzImage.</summary>
    internal static bool Recognises(ReadOnlySpan<byte> start) =>
        start.Length >= HeaderMagic + 4 && U16(start, BootFlag) == BootFlagValue && U32(start, HeaderMagic) == HeaderMagicValue;

    /// <summary>Loads the kernel.</summary>
    /// <param name="kernel">The image, which <see cref="Recognises"/> has accepted.</param>
    /// <param name="initrd">Initial RAM disk, or null.</param>
    /// <param name="commandLine">Kernel command line, ASCII.</param>
    /// <param name="layout">The guest's memory.</param>
    /// <param name="map">Where things go.</param>
    /// <param name="cpu">The boot processor.</param>
    /// <param name="rsdp">Address of the ACPI root pointer.</param>
    internal static void Load(ImageFile kernel, ImageFile? initrd, string commandLine, MemoryLayout layout, LoadMap map, ProcessorState cpu, ulong rsdp)
    {
        byte[] header = kernel.ReadStart(SetupHeaderLimit);
        Check(kernel, header);

        int setupSects = header[SetupSects] == 0 ? DefaultSetupSects : header[SetupSects];
        ulong setupBytes = (ulong)(setupSects + 1) * SectorSize;
        ulong wanted = (ulong)U32(header, SysSize) * ParagraphSize;
        ulong present = (ulong)kernel.Length > setupBytes ? (ulong)kernel.Length - setupBytes : 0;

        // syssize counts whole paragraphs; the last one may be incomplete in the file.
        if (present <= Entry64 || wanted <= Entry64 || present + ParagraphSize <= wanted)
        {
            throw kernel.Truncated($"its header announces {setupBytes} bytes of setup and {wanted} bytes of kernel");
        }

        ulong codeBytes = Math.Min(present, wanted);
        ulong loadAddress = LoadAddress(kernel, header, layout);
        ulong initSize = Math.Max(U32(header, InitSize), codeBytes);
        map.Claim("the kernel (with the memory that it needs to unpack)", loadAddress, initSize);
        map.Copy(kernel, setupBytes, loadAddress, codeBytes);

        EntryState.Long(cpu, map, loadAddress + Entry64);
        map.Claim("the boot parameters", HandoffArea.Info, HandoffArea.InfoSize);
        byte[] zeroPage = new byte[HandoffArea.InfoSize];
        int headerEnd = Math.Clamp(HeaderMagic + header[JumpDistance], HeaderEnd, header.Length);
        header.AsSpan(SetupSects..headerEnd).CopyTo(zeroPage.AsSpan(SetupSects));
        zeroPage[TypeOfLoader] = UndefinedLoader;
        zeroPage[LoadFlags] |= LoadedHigh;
        Put32(zeroPage, Code32Start, (uint)loadAddress);
        Put64(zeroPage, AcpiRsdpAddr, rsdp);
        PutE820(zeroPage, layout);

        uint limit = U32(header, CmdlineSize);
        CommandLineArea.Write(map, commandLine, (int)Math.Min(limit, int.MaxValue));
        Put32(zeroPage, CmdLinePtr, (uint)HandoffArea.CommandLine);

        if (initrd is not null)
        {
            ulong size = (ulong)initrd.Length;
            ulong address = map.ClaimTop($"the initrd '{initrd.Name}'", size, (ulong)U32(header, InitrdAddrMax) + 1);
            map.Copy(initrd, 0, address, size);
            Put32(zeroPage, RamdiskImage, (uint)address);
            Put32(zeroPage, RamdiskSize, (uint)size);
        }

        map.Write(HandoffArea.Info, zeroPage);
        cpu.Gpr[Gpr.Rsi] = HandoffArea.Info;
    }

    private static void Check(ImageFile kernel, ReadOnlySpan<byte> header)
    {
        if (header.Length < HeaderEnd) throw kernel.Truncated($"its setup header ends at byte {HeaderEnd}");
        ushort version = U16(header, Version);
        if (version < VersionWithXLoadFlags || (U16(header, XLoadFlags) & XlfKernel64) == 0)
        {
            throw kernel.Invalid(
                $"has no 64-bit entry (boot protocol {version >> 8}.{version & 0xFF:D2})",
                "It is a 32-bit kernel, or one older than Linux 3.8.",
                WantsDistributionKernel);
        }

        if ((header[LoadFlags] & LoadedHigh) == 0)
        {
            throw kernel.Invalid("is a zImage, which is loaded below 640 KiB", "It was built with `make zImage`.", WantsDistributionKernel);
        }
    }

    // A kernel loaded below its preferred address moves itself there, so memory is needed there in any case:
    // another address is only useful when none is preferred.
    private static ulong LoadAddress(ImageFile kernel, ReadOnlySpan<byte> header, MemoryLayout layout)
    {
        ulong preferred = U64(header, PrefAddress);
        uint alignment = U32(header, KernelAlignment);
        if (!BitOperations.IsPow2(alignment) || preferred >= layout.LowRamLimit || (preferred & 0xF) != 0)
        {
            throw kernel.Invalid(
                $"prefers the load address 0x{preferred:x} with alignment 0x{alignment:x}, which is not possible",
                "Its setup header is damaged.",
                "Get the file again and compare its checksum.");
        }

        if (preferred >= MemoryLayout.LegacyHoleEnd) return preferred;
        bool relocatable = header[RelocatableKernel] != 0;
        return relocatable ? (MemoryLayout.LegacyHoleEnd + alignment - 1) & ~((ulong)alignment - 1) : MemoryLayout.LegacyHoleEnd;
    }

    private static void PutE820(byte[] zeroPage, MemoryLayout layout)
    {
        E820[] map = E820.Map(layout);
        zeroPage[E820Entries] = (byte)map.Length;
        for (int i = 0; i < map.Length; i++)
        {
            int offset = E820Table + i * E820EntrySize;
            Put64(zeroPage, offset, map[i].Start);
            Put64(zeroPage, offset + 8, map[i].Length);
            Put32(zeroPage, offset + 16, map[i].Type);
        }
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static void Put32(byte[] bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);

    private static void Put64(byte[] bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);
}
