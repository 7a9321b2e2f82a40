using Iced.Intel;
using Vitrine.X86.Registers;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Bench.Paging;

/// <summary>What is measured. Each takes about a second; it counts its rounds itself.</summary>
internal static class Workloads
{
    private const ulong PW = TableBuilder.Present | TableBuilder.Writable;
    private const ulong NoFlush = 1UL << 63;
    private const int SwitchedPages = 64;
    private const int SwitchRounds = 40_000;
    private const int TouchedPages = 128;
    private const int ForkedPages = 256;
    private const int CopiedPages = 64;
    private const int ForkRounds = 4000;
    private const int RandomAccesses = 8_000_000;
    private const ulong RandomBytes = 256UL << 20;

    // The first root of each workload is at Layout.FirstTable, and takes three tables; the second follows its tables.
    private static ulong _secondRoot;

    public static IReadOnlyList<Workload> All { get; } =
    [
        new($"{SwitchRounds:N0} × 2 context switches, {SwitchedPages} pages each", PrepareSwitch, a => Switch(a, 0)),
        new("the same with PCIDs, no flush", PrepareSwitch, a => Switch(a, NoFlush)) { Cr4 = Cr4.PCIDE },
        new($"{ForkRounds:N0} × fork of {ForkedPages} pages, {CopiedPages} copied", PrepareFork, Fork),
        new($"first touch of {TouchedPages} pages", tables => PreparePages(tables, tables.NewRoot(), TouchedPages), Touch),
        new($"{RandomAccesses:N0} reads in 256 MiB, 4-KiB pages", PrepareSmall, Random),
        new($"{RandomAccesses:N0} reads in 256 MiB, 2-MiB pages", PrepareLarge, Random),
    ];

    private static void PrepareSwitch(TableBuilder tables)
    {
        PreparePages(tables, tables.NewRoot(), SwitchedPages);
        _secondRoot = tables.NewRoot();
        PreparePages(tables, _secondRoot, SwitchedPages, SwitchedPages);
    }

    private static void PreparePages(TableBuilder tables, ulong root, int count, int firstFrame = 0)
    {
        for (int i = 0; i < count; i++) tables.Map(root, Layout.Linear + ((ulong)i << 12), Layout.Data + ((ulong)(firstFrame + i) << 12), PW);
    }

    private static void Switch(Assembler a, ulong noFlush)
    {
        Label round = a.CreateLabel();
        a.mov(rsi, Layout.FirstTable | noFlush | (noFlush != 0 ? 1u : 0));
        a.mov(rdi, _secondRoot | noFlush | (noFlush != 0 ? 2u : 0));
        a.mov(ecx, SwitchRounds);
        a.Label(ref round);
        foreach (AssemblerRegister64 root in new[] { rsi, rdi })
        {
            Label page = a.CreateLabel();
            a.mov(cr3, root);
            a.mov(rbx, Layout.Linear);
            a.mov(edx, SwitchedPages);
            a.Label(ref page);
            a.inc(__dword_ptr[rbx]);
            a.add(rbx, 0x1000);
            a.dec(edx);
            a.jnz(page);
        }

        a.dec(ecx);
        a.jnz(round);
    }

    private static void Touch(Assembler a)
    {
        Label page = a.CreateLabel();
        a.mov(rbx, Layout.Linear);
        a.mov(edx, TouchedPages);
        a.Label(ref page);
        a.mov(__byte_ptr[rbx], 1);
        a.add(rbx, 0x1000);
        a.dec(edx);
        a.jnz(page);
    }

    private static void PrepareFork(TableBuilder tables)
    {
        PreparePages(tables, tables.NewRoot(), ForkedPages);

        // The frames, to copy from and to, as the kernel sees them.
        for (ulong i = 0; i < 2; i++) tables.Map(Layout.FirstTable, Layout.Data + (i << 21), Layout.Data + (i << 21), PW | TableBuilder.Large, 21);
    }

    /// <summary>
    /// The child's four tables are at <see cref="Layout.GuestTables"/>; the parent's level-1 table is the last that was made for its pages.
    /// The handler of the page fault copies the page and gives the child the copy, writable.
    /// </summary>
    private static void Fork(Assembler a)
    {
        const ulong Root = Layout.GuestTables;
        const ulong Pointers = Root + 0x1000;
        const ulong Directory = Root + 0x2000;
        const ulong Table = Root + 0x3000;

        // NewRoot made three tables (root, pointers, directory of the code), then pointers, directory and table of the pages.
        const ulong ParentTable = Layout.FirstTable + 0x5000;
        const ulong Copies = Layout.Data + (2UL << 20);
        Label start = a.CreateLabel();
        Label round = a.CreateLabel();
        Label protect = a.CreateLabel();
        Label write = a.CreateLabel();
        Label release = a.CreateLabel();
        a.jmp(start);

        // R8: next free frame. Stack: error code, RIP.
        Label handler = a.CreateLabel();
        a.Label(ref handler);
        a.push(rsi);
        a.push(rdi);
        a.push(rcx);
        a.push(rax);
        a.mov(rax, cr2);
        a.shr(rax, 12);
        a.and(eax, 511);
        a.mov(rsi, __qword_ptr[(rax * 8) + (long)Table]);
        a.and(rsi, -4096);
        a.mov(rdi, r8);
        a.mov(ecx, 512);
        a.rep.movsq();
        a.lea(rcx, __qword_ptr[r8 + (long)PW]);
        a.mov(__qword_ptr[(rax * 8) + (long)Table], rcx);
        a.mov(rax, cr2);
        a.invlpg(__byte_ptr[rax]);
        a.add(r8, 0x1000);
        a.pop(rax);
        a.pop(rcx);
        a.pop(rdi);
        a.pop(rsi);
        a.add(rsp, 8);
        a.iretq();

        a.Label(ref start);
        a.lea(rax, __[handler]);
        a.mov(edi, (uint)Layout.Idt + (14 * 16));
        a.mov(__word_ptr[rdi], ax);
        a.mov(__word_ptr[rdi + 2], 0x08);
        a.mov(__word_ptr[rdi + 4], unchecked((short)0x8E00));
        a.mov(ebp, ForkRounds);
        a.Label(ref round);

        // The child's upper tables: the parent's, with its own below.
        foreach (ulong table in (ReadOnlySpan<ulong>)[Root, Pointers, Directory, Table])
        {
            a.mov(edi, (uint)table);
            a.xor(eax, eax);
            a.mov(ecx, 512);
            a.rep.stosq();
        }

        a.mov(rax, __qword_ptr[Layout.FirstTable]);
        a.mov(__qword_ptr[Root], rax);
        a.mov(rax, Pointers | PW);
        a.mov(__qword_ptr[Root + 8], rax);
        a.mov(rax, Directory | PW);
        a.mov(__qword_ptr[Pointers], rax);
        a.mov(rax, Table | PW);
        a.mov(__qword_ptr[Directory], rax);

        // Every page read-only in both.
        a.xor(ecx, ecx);
        a.Label(ref protect);
        a.mov(rax, __qword_ptr[(rcx * 8) + (long)ParentTable]);
        a.and(rax, ~(int)TableBuilder.Writable);
        a.mov(__qword_ptr[(rcx * 8) + (long)ParentTable], rax);
        a.mov(__qword_ptr[(rcx * 8) + (long)Table], rax);
        a.inc(ecx);
        a.cmp(ecx, ForkedPages);
        a.jb(protect);
        a.mov(rax, cr3);
        a.mov(cr3, rax);

        // The child writes some of them.
        a.mov(eax, (uint)Root);
        a.mov(cr3, rax);
        a.mov(r8, Copies);
        a.mov(rbx, Layout.Linear);
        a.mov(edx, CopiedPages);
        a.Label(ref write);
        a.inc(__dword_ptr[rbx]);
        a.add(rbx, 0x1000);
        a.dec(edx);
        a.jnz(write);

        // It ends; the parent gets its pages back.
        a.mov(eax, (uint)Layout.FirstTable);
        a.mov(cr3, rax);
        a.xor(ecx, ecx);
        a.Label(ref release);
        a.or(__qword_ptr[(rcx * 8) + (long)ParentTable], (int)TableBuilder.Writable);
        a.inc(ecx);
        a.cmp(ecx, ForkedPages);
        a.jb(release);
        a.mov(rax, cr3);
        a.mov(cr3, rax);
        a.dec(ebp);
        a.jnz(round);
    }

    private static void PrepareSmall(TableBuilder tables)
    {
        ulong root = tables.NewRoot();
        for (ulong at = 0; at < RandomBytes; at += 0x1000) tables.Map(root, Layout.Linear + at, Layout.Data + at, PW);
    }

    private static void PrepareLarge(TableBuilder tables)
    {
        ulong root = tables.NewRoot();
        for (ulong at = 0; at < RandomBytes; at += 2 << 20) tables.Map(root, Layout.Linear + at, Layout.Data + at, PW | TableBuilder.Large, 21);
    }

    private static void Random(Assembler a)
    {
        Label next = a.CreateLabel();
        a.mov(rbx, Layout.Linear);
        a.mov(ecx, RandomAccesses);
        a.mov(rax, 0x9E37_79B9_7F4A_7C15);
        a.mov(rsi, 0x5851_F42D_4C95_7F2D);
        a.Label(ref next);
        a.imul(rax, rsi);
        a.inc(rax);
        a.mov(rdx, rax);
        a.shr(rdx, 64 - 28);
        a.and(edx, -8);
        a.add(rdi, __qword_ptr[rbx + rdx]);
        a.dec(ecx);
        a.jnz(next);
    }
}
