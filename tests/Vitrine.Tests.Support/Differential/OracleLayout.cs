namespace Vitrine.Tests.Differential;

/// <summary>
/// Addresses that the native program and the guest have in common, so that the same instruction with the same registers
/// reaches the same operands:
/// <code>
///  13570000  code, one slot of 128 bytes for each case of a batch
///  13590000  edge pages: each is followed by a page that is not there
///  135b0000  pairs of pages, for code that goes on from the first to the second
///  24681000  two pages of data    24683000  a page that may only be read    24680000, 24684000  nothing
/// </code>
/// The native program keeps the file that it shares with the tests, and the stack of its signal handler, from 7a5a12340000 on.
/// None of these is near a power of two, which operands often are, nor in reach of a 32-bit displacement from the data.
/// </summary>
internal static class OracleLayout
{
    public const int BatchSize = 512;
    public const int SlotSize = 128;
    public const ulong Code = 0x1357_0000;
    public const int CodePages = BatchSize * SlotSize / 0x1000;
    public const ulong Edge = 0x1359_0000;
    public const int EdgePages = 8;
    public const ulong Pairs = 0x135B_0000;
    public const int PairCount = 8;
    public const ulong Data = 0x2468_1000;
    public const int DataSize = 0x2000;
    public const ulong ReadOnly = Data + DataSize;
    public const ulong Hole = ReadOnly + 0x1000;
    public const ulong FsBase = 0x0012_3456_7890;
    public const ulong GsBase = 0x0065_4321_0DC8;

    // Selectors as Linux has them for user code.
    public const ushort Code32 = 0x23;
    public const ushort Stack = 0x2B;
    public const ushort Code64 = 0x33;

    public const ulong Shared = 0x7A5A_1234_0000;
    public const int SharedCount = 0;
    public const int SharedCurrent = 8;
    public const int SharedByte = 16;
    public const int SharedAlarms = 24;
    public const int SharedLocalTable = 32;
    public const int SharedReadOnly = 0x1000;
    public const int SharedPristine = 0x2000;
    public const int SharedCases = 0x4000;
    public const int CaseStride = 1216;
    public const int SharedOutcomes = SharedCases + (BatchSize * CaseStride);
    public const int OutcomeStride = 9216;

    // All code pages, with what lies between them, as they are from Code on.
    public const int SharedCode = SharedOutcomes + (BatchSize * OutcomeStride);
    public const int SharedSize = SharedCode + (int)(Pairs - Code) + (PairCount * 0x2000);
}
