using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>
/// Guests that rewrite their own page tables in the ways that SDM vol. 3, 4.10 speaks of, and check what must hold on any
/// processor: what is new is seen after the invalidation that the manual demands, and before it what was there or what is.
/// One line on the serial port for each case; they leave with the number of cases that failed.
/// </summary>
public static class TableRewriteGuests
{
    private const ulong P = 1;
    private const ulong W = 2;
    private const ulong U = 4;
    private const ulong A = 0x20;
    private const ulong D = 0x40;
    private const ulong Large = 0x80;
    private const ulong G = 0x100;
    private const ulong Nx = 1UL << 63;
    private const ulong KeepTranslations = 1UL << 63;

    private const byte PageFaultVector = 14;
    private const uint Cr0WriteProtect = 1 << 16;
    private const uint Cr4GlobalPages = 1 << 7;
    private const uint Cr4Pcids = 1 << 17;
    private const uint MsrEfer = 0xC000_0080;
    private const uint EferNoExecute = 1 << 11;

    // The root is FlatMode.Long's; its second entry is ours, the one before last maps the root itself.
    private const uint Root = 0x9_0000;
    private const uint SecondRoot = 0x3_0000;
    private const uint Pointers = 0x3_1000;
    private const uint Directory = 0x3_2000;
    private const uint Table = 0x3_3000;
    private const uint Frame1 = 0x4_0000;
    private const uint Frame2 = 0x4_1000;
    private const uint LargeFrame = 0x40_0000;
    private const uint Descriptor = 0x4_2000;
    private const ulong Page = 0x80_0000_0000;
    private const ulong SecondPage = Page + 0x1000;
    private const ulong TablePage = Page + 0x5000;
    private const ulong OtherRegion = Page + 0x20_0000;
    private const ulong RecursiveTable = 0xFFFF_FF00_0000_0000 | (1UL << 30);

    private const int Value1 = 0x1111;
    private const int Value2 = 0x2222;
    private const int Value3 = 0x3333;

    /// <summary>The cases that need no PCID.</summary>
    public static GuestProgram Rewrite()
    {
        Writer w = new();
        w.Begin();

        w.Case("absent to present", () =>
        {
            w.Fresh();
            w.SetPage(0);
            w.Invalidate(Page);
            w.Read(Page);
            w.ExpectFault(0);
            w.SetPage(Frame1 | P | W);
            w.Read(Page);
            w.Expect(Value1);
        });
        w.Case("present to absent", () =>
        {
            w.Fresh();
            w.SetPage(0);
            w.Read(Page);
            w.ExpectValueOrFault(Value1, 0);
            w.Invalidate(Page);
            w.Read(Page);
            w.ExpectFault(0);
        });
        w.Case("another frame", () =>
        {
            w.Fresh();
            w.SetPage(Frame2 | P | W);
            w.Read(Page);
            w.ExpectEither(Value1, Value2);
            w.Invalidate(Page + 0x123);
            w.Read(Page);
            w.Expect(Value2);
        });
        w.Case("write right taken", () =>
        {
            w.Fresh();
            w.Write(Page);
            w.SetPage(Frame1 | P);
            w.Invalidate(Page);
            w.Write(Page);
            w.ExpectFault(3);
            w.Read(Page);
            w.Expect(Value1);
        });
        w.Case("write right given", () =>
        {
            w.Fresh();
            w.SetPage(Frame1 | P);
            w.Invalidate(Page);
            w.Read(Page);
            w.SetPage(Frame1 | P | W);
            w.Write(Page);
            w.ExpectNoFaultOr(3);
            w.Invalidate(Page);
            w.Write(Page);
            w.ExpectNoFault();
        });
        w.Case("execute right taken", () =>
        {
            w.Fresh();
            w.Call(Page + 0x10);
            w.ExpectNoFault();
            w.SetPage(Frame1 | P | W | Nx);
            w.Invalidate(Page);
            w.Call(Page + 0x10);
            w.ExpectFault(0x11);
        });
        w.Case("reserved bit", () =>
        {
            w.Fresh();
            w.SetPage(Frame1 | P | W | (1UL << 51));
            w.Invalidate(Page);
            w.Read(Page);
            w.ExpectFault(9);
        });
        w.Case("small to large and back", () =>
        {
            w.Fresh();
            w.SetEntry(Directory, LargeFrame | P | W | Large);
            w.Invalidate(Page);
            w.Read(Page);
            w.Expect(Value3);
            w.Read(SecondPage);
            w.SetEntry(Directory, Table | P | W | U);
            w.Invalidate(Page);
            w.Read(Page);
            w.Expect(Value1);
            w.Read(SecondPage);
            w.Expect(Value2);
        });
        w.Case("recursive mapping", () =>
        {
            w.Fresh();
            w.SetEntry(Root + (510 * 8), Root | P | W);
            w.Read(RecursiveTable);
            w.ExpectMasked((int)Frame1, 0xFF_F000);
            w.Store(RecursiveTable, Frame2 | P | W);
            w.Invalidate(Page);
            w.Read(Page);
            w.Expect(Value2);
        });
        w.Case("tables that map themselves", () =>
        {
            w.Fresh();
            w.Store(TablePage, Frame2 | P | W);
            w.Invalidate(Page);
            w.Read(Page);
            w.Expect(Value2);
            w.Store(TablePage + 40, 0);
            w.Invalidate(TablePage);
            w.Read(TablePage);
            w.ExpectFault(0);
        });
        w.Case("aliases with other rights", () =>
        {
            w.Fresh();
            w.SetEntry(Table + 8, Frame1 | P | W);
            w.Invalidate(SecondPage);
            w.SetEntry(Directory + 8, Table | P);
            w.Write(SecondPage + 8);
            w.ExpectNoFault();
            w.Read(OtherRegion + 8);
            w.Expect(7);
            w.Write(OtherRegion + 8);
            w.ExpectFault(3);
            w.SetPage(Frame2 | P | W);
            w.Invalidate(Page);
            w.Invalidate(OtherRegion);
            w.Read(OtherRegion);
            w.Expect(Value2);
        });
        w.Case("accessed and dirty bits", () =>
        {
            w.Fresh();
            w.SetEntry(Directory, Table | P | W | U);
            w.SetPage(Frame1 | P | W);
            w.Invalidate(Page);
            w.Read(Page);
            w.ReadPhysical(Table);
            w.ExpectMasked((int)A, (int)(A | D));
            w.ReadPhysical(Directory);
            w.ExpectMasked((int)A, (int)A);
            w.Write(Page);
            w.ReadPhysical(Table);
            w.ExpectMasked((int)(A | D), (int)(A | D));
            w.SetPage(Frame1 | P);
            w.Invalidate(Page);
            w.Write(Page);
            w.ExpectFault(3);
            w.ReadPhysical(Table);
            w.ExpectMasked(0, (int)D);
        });
        w.Case("cr3 load", () =>
        {
            w.Fresh();
            w.SetPage(Frame2 | P | W);
            w.LoadRoot(Root);
            w.Read(Page);
            w.Expect(Value2);
        });
        w.Case("roots that share tables", () =>
        {
            w.Fresh();
            w.LoadRoot(SecondRoot);
            w.Read(Page);
            w.Expect(Value1);
            w.SetPage(Frame2 | P | W);
            w.Invalidate(Page);
            w.Read(Page);
            w.Expect(Value2);
            w.LoadRoot(Root);
            w.Read(Page);
            w.Expect(Value2);
        });
        w.Case("upper entry", () =>
        {
            w.Fresh();
            w.SetEntry(Pointers, 0);
            w.LoadRoot(Root);
            w.Read(Page);
            w.ExpectFault(0);
        });
        w.Case("global page", () =>
        {
            w.Fresh();
            w.ToggleGlobalPages();
            w.SetPage(Frame1 | P | W | G);
            w.Invalidate(Page);
            w.Read(Page);
            w.SetPage(Frame2 | P | W | G);
            w.LoadRoot(Root);
            w.Read(Page);
            w.ExpectEither(Value1, Value2);
            w.ToggleGlobalPages();
            w.Read(Page);
            w.Expect(Value2);
        });
        return w.End("table-rewrite", null);
    }

    /// <summary>The cases about PCIDs: INVPCID, and CR3 with and without its no-flush bit.</summary>
    public static GuestProgram RewriteWithPcids()
    {
        Writer w = new();
        w.Begin();
        w.EnablePcids();
        for (int type = 0; type < 4; type++)
        {
            int now = type;
            w.Case($"invpcid {now}", () =>
            {
                w.Fresh();
                w.SetPage(Frame2 | P | W);
                w.Read(Page);
                w.ExpectEither(Value1, Value2);
                w.InvalidateContext(now, 0);
                w.Read(Page);
                w.Expect(Value2);
            });
            w.Case($"invpcid {now} of another pcid", () =>
            {
                w.Fresh();
                w.LoadRoot(Root | 5);
                w.Read(Page);
                w.LoadRoot(Root);
                w.SetPage(Frame2 | P | W);
                w.InvalidateContext(now, 5);
                w.LoadRoot(Root | 5 | KeepTranslations);
                w.Read(Page);
                w.Expect(Value2);
                w.LoadRoot(Root);
            });
        }

        w.Case("invpcid 2 of a global page", () =>
        {
            w.Fresh();
            w.ToggleGlobalPages();
            w.SetPage(Frame1 | P | W | G);
            w.Invalidate(Page);
            w.Read(Page);
            w.SetPage(Frame2 | P | W | G);
            w.InvalidateContext(2, 0);
            w.Read(Page);
            w.Expect(Value2);
            w.ToggleGlobalPages();
        });
        w.Case("cr3 without flush", () =>
        {
            w.Fresh();
            w.LoadRoot(Root | 6);
            w.Read(Page);
            w.LoadRoot(Root);
            w.SetPage(Frame2 | P | W);
            w.LoadRoot(Root | 6 | KeepTranslations);
            w.Read(Page);
            w.ExpectEither(Value1, Value2);
            w.LoadRoot(Root);
        });
        w.Case("cr3 with flush", () =>
        {
            w.Fresh();
            w.LoadRoot(Root | 7);
            w.Read(Page);
            w.SetPage(Frame2 | P | W);
            w.LoadRoot(Root);
            w.LoadRoot(Root | 7);
            w.Read(Page);
            w.Expect(Value2);
            w.LoadRoot(Root);
        });
        w.Case("invlpg of a global page of another pcid", () =>
        {
            w.Fresh();
            w.ToggleGlobalPages();
            w.SetPage(Frame1 | P | W | G);
            w.Invalidate(Page);
            w.Read(Page);
            w.LoadRoot(Root | 8);
            w.SetPage(Frame2 | P | W | G);
            w.Invalidate(Page);
            w.LoadRoot(Root | KeepTranslations);
            w.Read(Page);
            w.Expect(Value2);
            w.ToggleGlobalPages();
        });
        return w.End("table-rewrite-pcid", "INVPCID and PCIDs");
    }

    /// <summary>
    /// EBX counts failures. Accesses leave their value in RAX and the page fault's error code in R13, or -1; R14 is where a fault goes on.
    /// </summary>
    private sealed class Writer
    {
        private readonly GuestAssembler _guest = new(FlatMode.Long);
        private readonly System.Text.StringBuilder _serial = new();
        private Mark? _failed;

        private Assembler Code => _guest.Code;

        public void Begin()
        {
            Mark handler = _guest.NewLabel();
            Mark start = _guest.NewLabel();
            Code.jmp(start);

            // Stack: error code, RIP, CS, RFLAGS, RSP, SS.
            _guest.Place(handler);
            Code.pop(r13);
            Code.mov(__qword_ptr[rsp], r14);
            _guest.InterruptReturn();

            _guest.Place(start);
            _guest.SetGate(PageFaultVector, handler);
            _guest.LoadInterruptTable();
            Code.xor(ebx, ebx);
            Code.mov(rax, cr0);
            Code.or(eax, Cr0WriteProtect);
            Code.mov(cr0, rax);
            Code.mov(ecx, MsrEfer);
            Code.rdmsr();
            Code.or(eax, EferNoExecute);
            Code.wrmsr();
            foreach (uint table in (ReadOnlySpan<uint>)[SecondRoot, Pointers, Directory, Table])
            {
                Code.mov(edi, table);
                Code.xor(eax, eax);
                Code.mov(ecx, 512);
                Code.rep.stosq();
            }

            // The second root has the first one's code, and the same tables for our page.
            Code.mov(rax, __qword_ptr[Root]);
            Code.mov(__qword_ptr[SecondRoot], rax);
            foreach (uint root in (ReadOnlySpan<uint>)[Root, SecondRoot]) SetEntry(root + 8, Pointers | P | W | U);
            Code.mov(__dword_ptr[LargeFrame], Value3);
            Code.mov(__dword_ptr[Frame2], Value2);
            Code.mov(__byte_ptr[Frame1 + 0x10], 0xC3);
        }

        public void Case(string name, Action body)
        {
            Mark failed = _guest.NewLabel();
            Mark end = _guest.NewLabel();
            _failed = failed;
            body();
            _guest.Print($"ok {name}\n");
            Code.jmp(end);
            _guest.Place(failed);
            _guest.Print($"failed {name}\n");
            Code.inc(ebx);
            _guest.Place(end);
            _serial.Append($"ok {name}\n");
        }

        public GuestProgram End(string name, string? lack)
        {
            Code.mov(eax, ebx);
            _guest.DebugExit();
            return new GuestProgram(name, FlatMode.Long, _guest.Assemble(), GuestEnd.DebugExit)
            {
                ExitValue = 0,
                Serial = _serial.ToString(),
                EmulatingKvmLacks = lack,
            };
        }

        /// <summary>The page shows the first frame, the second page the second, both read; the sixth page is the table.</summary>
        public void Fresh()
        {
            SetEntry(Pointers, Directory | P | W | U);
            SetEntry(Directory, Table | P | W | U);
            SetEntry(Table + 8, Frame2 | P | W);
            SetEntry(Table + 40, Table | P | W);
            SetPage(Frame1 | P | W);
            Code.mov(__dword_ptr[Frame1], Value1);
            Code.mov(rax, cr3);
            Code.mov(cr3, rax);
            foreach (ulong page in (ReadOnlySpan<ulong>)[Page, SecondPage, TablePage]) Invalidate(page);
            foreach (ulong page in (ReadOnlySpan<ulong>)[Page, SecondPage, TablePage]) Read(page);
        }

        public void SetPage(ulong value) => SetEntry(Table, value);

        public void SetEntry(uint entry, ulong value)
        {
            Code.mov(rax, value);
            Code.mov(__qword_ptr[entry], rax);
        }

        public void Store(ulong linear, ulong value)
        {
            Code.mov(rdi, linear);
            Code.mov(rax, value);
            Access(() => Code.mov(__qword_ptr[rdi], rax));
        }

        public void Read(ulong linear)
        {
            Code.mov(rdi, linear);
            Access(() => Code.mov(eax, __dword_ptr[rdi]));
        }

        public void ReadPhysical(uint address) => Code.mov(eax, __dword_ptr[address]);

        /// <summary>Writes 7 where reads of the frame don't look, or they read <see cref="Value1"/> no more.</summary>
        public void Write(ulong linear)
        {
            Code.mov(rdi, linear | 8);
            Access(() => Code.mov(__dword_ptr[rdi], 7));
        }

        public void Call(ulong linear)
        {
            Code.mov(rdi, linear);
            Access(() => Code.call(rdi));
        }

        public void Invalidate(ulong linear)
        {
            Code.mov(rdi, linear);
            Code.invlpg(__byte_ptr[rdi]);
        }

        public void InvalidateContext(int type, int pcid)
        {
            Code.mov(rax, Page);
            Code.mov(__qword_ptr[Descriptor + 8], rax);
            Code.mov(__qword_ptr[Descriptor], pcid);
            Code.mov(eax, type);
            Code.invpcid(rax, __xmmword_ptr[Descriptor]);
        }

        public void LoadRoot(ulong value)
        {
            Code.mov(rax, value);
            Code.mov(cr3, rax);
        }

        public void EnablePcids()
        {
            Code.mov(rax, cr4);
            Code.or(eax, Cr4Pcids);
            Code.mov(cr4, rax);
        }

        public void ToggleGlobalPages()
        {
            Code.mov(rax, cr4);
            Code.xor(eax, Cr4GlobalPages);
            Code.mov(cr4, rax);
        }

        public void ExpectNoFault() => Require(r13, -1);

        public void Expect(int value)
        {
            ExpectNoFault();
            Code.cmp(eax, value);
            Code.jne(_failed!);
        }

        public void ExpectMasked(int value, int mask)
        {
            Code.and(eax, mask);
            Code.cmp(eax, value);
            Code.jne(_failed!);
        }

        public void ExpectEither(int one, int other)
        {
            ExpectNoFault();
            Mark good = _guest.NewLabel();
            Code.cmp(eax, one);
            Code.je(good);
            Code.cmp(eax, other);
            Code.jne(_failed!);
            _guest.Place(good);
        }

        public void ExpectFault(int code) => Require(r13, code);

        public void ExpectNoFaultOr(int code)
        {
            Mark good = _guest.NewLabel();
            Code.cmp(r13, -1);
            Code.je(good);
            Require(r13, code);
            _guest.Place(good);
        }

        public void ExpectValueOrFault(int value, int code)
        {
            Mark faulted = _guest.NewLabel();
            Mark good = _guest.NewLabel();
            Code.cmp(r13, -1);
            Code.jne(faulted);
            Code.cmp(eax, value);
            Code.je(good);
            Code.jmp(_failed!);
            _guest.Place(faulted);
            Require(r13, code);
            _guest.Place(good);
        }

        private void Require(AssemblerRegister64 register, int value)
        {
            Code.cmp(register, value);
            Code.jne(_failed!);
        }

        private void Access(Action access)
        {
            Mark after = _guest.NewLabel();
            Code.lea(r14, __[after]);
            Code.mov(r13, -1);
            Code.mov(r15, rsp);
            access();
            _guest.Place(after);

            // A call that faults has pushed its return address.
            Code.mov(rsp, r15);
        }
    }
}
