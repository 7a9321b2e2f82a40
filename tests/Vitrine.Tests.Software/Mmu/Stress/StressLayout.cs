namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>
/// The small machine of a stress sequence, guest-physical. What lies below <see cref="HarnessEnd"/> is the harness: it is mapped one
/// to one by the first entry of every root, and no step may touch it.
/// <code>
///  001000 GDT   002000 IDT   003000 TSS   004000 mailbox   006000 stack (grows down)
///  006000 code of level 0    008000 code of level 3        010000 the harness's page tables
///  400000 the pool: pages that are tables, data and code   600000 ROM, two pages; behind it a hole
/// </code>
/// Linear <see cref="Window"/> shows the whole pool to level 0, always: the way to write a table that is not mapped otherwise.
/// </summary>
internal static class StressLayout
{
    public const ulong Gdt = 0x1000;
    public const ulong Idt = 0x2000;
    public const ulong Tss = 0x3000;
    public const ulong Mailbox = 0x4000;
    public const ulong StackTop = 0x6000;
    public const ulong Code = 0x6000;
    public const ulong UserCode = 0x8000;
    public const ulong Tables = 0x1_0000;
    public const ulong HarnessEnd = 0x4_0000;

    public const ulong Window = 0x10_0000;
    public const ulong Pool = 0x40_0000;
    public const ulong PoolEnd = Pool + (PoolPages * 0x1000UL);
    public const ulong RamSize = Rom;
    public const ulong Rom = 0x60_0000;
    public const ulong RomSize = 0x2000;
    public const ulong RomEnd = Rom + RomSize;
    public const ulong ApicPage = 0xFEE0_0000;

    // The pool's pages by what they are at first. Writes make of them what they like.
    public const int PoolPages = 18;
    public const int Roots = 3;
    public const int FirstUpper = 3;
    public const int FirstDirectory = 5;
    public const int FirstTable = 8;
    public const int FirstData = 12;

    /// <summary>Offset of a subroutine in each page: MOV AL, number of the page; RET.</summary>
    public const int KernelStub = 0x960;

    /// <summary>Offset of code for level 3 in each page: MOV AL, number of the page; INT 0x80.</summary>
    public const int UserStub = 0x968;

    /// <summary>Offset of an instruction that goes on in the next page, where that is one of data.</summary>
    public const int CrossingStub = 0xFFF;

    /// <summary>Device memory reads as a function of the address.</summary>
    public static byte DeviceByte(ulong gpa) => (byte)((gpa * 0x9E37_79B9) >> 13);

    /// <summary>Guest-physical address of a page of the pool.</summary>
    public static ulong PoolPage(int number) => Pool + ((ulong)number << 12);
}
