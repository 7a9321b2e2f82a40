using System.Buffers.Binary;
using System.Text;

namespace Vitrine.Cli.Serving;

/// <summary>What an ELF file's headers say of how it is started (System V ABI, chapters 4 and 5).</summary>
/// <param name="Is64Bit">ELFCLASS64.</param>
/// <param name="Machine">e_machine.</param>
/// <param name="Interpreter">PT_INTERP, the program that loads its libraries; null for a static program.</param>
internal sealed record ElfProgram(bool Is64Bit, ushort Machine, string? Interpreter)
{
    /// <summary>EM_X86_64.</summary>
    public const ushort X8664 = 62;

    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int MaximumHeaders = 512;
    private const int MaximumPath = 4096;
    private const int ClassAt = 4;
    private const int MachineAt = 18;
    private const int TableAt = 32;
    private const int CountAt = 56;
    private const int Class64 = 2;
    private const uint PtInterp = 3;

    /// <summary>Reads the headers.</summary>
    /// <returns>Null when the file is no ELF file.</returns>
    /// <exception cref="IOException">It can't be read.</exception>
    public static ElfProgram? Read(Stream file)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes || !header.StartsWith("\u007fELF"u8)) return null;
        ushort machine = BinaryPrimitives.ReadUInt16LittleEndian(header[MachineAt..]);
        if (header[ClassAt] != Class64) return new ElfProgram(false, machine, null);
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(header[TableAt..]);
        int count = Math.Min((int)BinaryPrimitives.ReadUInt16LittleEndian(header[CountAt..]), MaximumHeaders);
        Span<byte> entry = stackalloc byte[ProgramHeaderBytes];
        for (int n = 0; n < count; n++)
        {
            if (!TryRead(file, table + (ulong)(n * ProgramHeaderBytes), entry)) break;
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) != PtInterp) continue;
            int length = (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]), MaximumPath);
            byte[] path = new byte[length];
            return TryRead(file, BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]), path)
                ? new ElfProgram(true, machine, Encoding.UTF8.GetString(path).TrimEnd('\0'))
                : null;
        }

        return new ElfProgram(true, machine, null);
    }

    private static bool TryRead(Stream file, ulong offset, Span<byte> bytes)
    {
        if (offset > (ulong)file.Length) return false;
        file.Position = (long)offset;
        return file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length;
    }
}
