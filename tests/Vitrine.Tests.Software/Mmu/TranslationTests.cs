using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>
/// When translations must be new (SDM vol. 3, 4.10.4.1 "Operations that Invalidate TLBs and Paging-Structure Caches"). That
/// stale ones may be used before is a liberty, which is not tested.
/// </summary>
public abstract class TranslationTests(MmuMode mmu, SoftwareEngine engine = SoftwareEngine.Interpreter)
{
    public sealed class Shadow() : TranslationTests(MmuMode.Shadow);

    public sealed class TwoDimensional() : TranslationTests(MmuMode.TwoDimensional);

    public sealed class Translated() : TranslationTests(MmuMode.Shadow, SoftwareEngine.Translator);

    private const ulong Page = 0x20_0000;
    private const ulong Frame1 = 0x40_0000;
    private const ulong Frame2 = 0x80_0000;
    private const ulong Descriptor = 0xA000;

    [Theory]
    [InlineData("invlpg", M.P)]
    [InlineData("invlpg", M.P | M.Global)]
    [InlineData("invlpg with pcid", M.P)]
    [InlineData("cr3", M.P)]
    [InlineData("cr3 with pcid", M.P)]
    [InlineData("pge", M.P | M.Global)]
    [InlineData("invpcid 0", M.P)]
    [InlineData("invpcid 1", M.P)]
    [InlineData("invpcid 2", M.P | M.Global)]
    [InlineData("invpcid 3", M.P)]
    public void NewTranslationAfter(string how, ulong flags)
    {
        using M m = Machine();
        m.State.Cr4 |= Cr4.PGE;
        if (how.EndsWith("with pcid", StringComparison.Ordinal) || how is "invpcid 0" or "invpcid 1") m.State.Cr4 |= Cr4.PCIDE;
        m.Map(Page, Frame1, flags);
        ulong entry = m.Entry(Page);
        RunResult outcome = m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(rdi, Frame2 | flags);
            a.mov(__qword_ptr[entry], rdi);
            switch (how.Split(' ')[0])
            {
                case "invlpg":
                    a.invlpg(__byte_ptr[rbx + 0x123]);
                    break;
                case "cr3":
                    a.mov(rdi, cr3);
                    a.mov(cr3, rdi);
                    break;
                case "pge":
                    a.mov(rdi, cr4);
                    a.xor(rdi, (int)Cr4.PGE);
                    a.mov(cr4, rdi);
                    break;
                default:
                    a.mov(edi, (uint)Descriptor);
                    a.mov(__qword_ptr[rdi], 0);
                    a.mov(__qword_ptr[rdi + 8], rbx);
                    a.mov(esi, how[^1] - '0');
                    a.invpcid(rsi, __xmmword_ptr[rdi]);
                    break;
            }

            a.mov(edx, __dword_ptr[rbx]);
        });
        Assert.Equal("ok", outcome);
        Assert.Equal(1UL, m[Gpr.Rax]);
        Assert.Equal(2UL, m[Gpr.Rdx]);
    }

    [Theory]
    [InlineData(PagingMode.FourLevel, 21, 0x1F_F000UL)]
    [InlineData(PagingMode.FourLevel, 30, 0x3FFF_F000UL)]
    [InlineData(PagingMode.Bits32, 22, 0x3F_F000UL)]
    [InlineData(PagingMode.Pae, 21, 0x1F_F000UL)]
    public void InvlpgDropsTheWholeLargePage(PagingMode paging, int shift, ulong elsewhere)
    {
        // The page is used at its first and third 4 KiB and invalidated by an address near its end.
        const ulong Linear = 0x8000_0000;
        using M m = Machine(paging);
        bool huge = shift == 30;
        ulong from = huge ? 0 : Frame1;
        m.Map(Linear, from, M.P | M.W, shift);
        ulong entry = m.Entry(Linear, shift);

        // A 1-GiB page moves to where there is no memory, where a read goes to the bus and answers 2.
        ulong to = huge ? 0x4000_0000 : Frame2 & ~((1UL << shift) - 1);
        m.Answer = static (_, _) => 2;
        for (ulong i = 0; i < 3; i += 2)
        {
            m.Store((huge ? 0x10_0000UL * 7 : from) + (i * 0x1000), 1, 4);
            if (!huge) m.Store(to + (i * 0x1000), 2, 4);
        }

        uint first = (uint)(Linear + (huge ? 0x70_0000u : 0));
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, first);
            a.mov(eax, Load(paging, 0));
            a.add(eax, Load(paging, 0x2000));
            a.mov(edi, (uint)entry);
            a.mov(ecx, (uint)(to | M.P | M.W | M.Large));
            if (paging == PagingMode.FourLevel) a.mov(__dword_ptr[rdi], ecx);
            else a.mov(__dword_ptr[edi], ecx);
            a.mov(ecx, (uint)(Linear + elsewhere));
            if (paging == PagingMode.FourLevel) a.invlpg(__byte_ptr[rcx]);
            else a.invlpg(__byte_ptr[ecx]);
            a.mov(edx, Load(paging, 0));
            a.add(edx, Load(paging, 0x2000));
        }));
        Assert.Equal(2UL, m[Gpr.Rax]);
        Assert.Equal(4UL, m[Gpr.Rdx]);
    }

    [Fact]
    public void ABitThatAWalkSetsInAnEntryOf4BytesMayChangeTheAddressInOneOf8()
    {
        // One table under PAE paging, 32-bit paging and PAE paging again. The upper half of its first entry maps page 0 for 32-bit
        // paging, whose walk sets the accessed bit there: bit 37 of the whole entry, which then leads to where there is no memory.
        const ulong Linear = 0x8000_0000;
        const ulong High = 0x1_0000_0000;
        const uint Root = 0x30_0000;
        using M m = Machine(PagingMode.Pae);
        m.Accelerator.SetMemorySlot(m.Memory.Add("high", new Gpa(High), M.MemorySize));
        m.State.Cr4 |= Cr4.PSE;
        m.Map(Linear, High, M.P);
        m.Store(High, 1, 4);
        m.Store(Root, M.P | M.W | M.Large, 4);
        m.Store(Root + ((Linear >> 22) * 4), (m.Entry(Linear) & ~0xFFFUL) | M.P | M.W, 4);
        m.Answer = static (_, _) => 2;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Linear);
            a.mov(esi, cr0);
            a.mov(edx, cr4);
            a.mov(ecx, cr3);
            a.mov(eax, __dword_ptr[ebx]);
            for (int i = 0; i < 2; i++)
            {
                a.mov(edi, esi);
                a.and(edi, int.MaxValue);
                a.mov(cr0, edi);
                a.xor(edx, (int)Cr4.PAE);
                a.mov(cr4, edx);
                if (i == 0) a.mov(ebp, Root);
                else a.mov(ebp, ecx);
                a.mov(cr3, ebp);
                a.mov(cr0, esi);
                if (i == 0) a.mov(edi, __dword_ptr[ebx + 0x1000]);
            }

            a.mov(edx, __dword_ptr[ebx]);
        }));
        Assert.Equal(High | (M.P | M.A) | ((M.P | M.A) << 32), m.Read(m.Entry(Linear), 8));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rax], m[Gpr.Rdx]));
        Assert.Equal(["r4 2100000000"], m.Accesses);
    }

    [Fact]
    public void MoreCr3WritesThanTlbGenerations()
    {
        // Two address spaces alternate 5000 times; each must see its own page every time.
        using M m = Machine();
        m.Map(Page, Frame1, M.P);
        ulong second = SecondSpace(m);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)Page);
            a.mov(rsi, M.Tables);
            a.mov(rdi, second);
            a.mov(ecx, 5000);
            a.xor(eax, eax);
            a.xor(edx, edx);
            a.Label(ref loop);
            a.mov(cr3, rsi);
            a.add(eax, __dword_ptr[rbx]);
            a.mov(cr3, rdi);
            a.add(edx, __dword_ptr[rbx]);
            a.dec(ecx);
            a.jnz(loop);
        }));
        Assert.Equal(5000UL, m[Gpr.Rax]);
        Assert.Equal(10000UL, m[Gpr.Rdx]);
    }

    [Fact]
    public void PcidsKeepTheirTranslationsApart()
    {
        const ulong Keep = 1UL << 63;
        using M m = Machine();
        m.State.Cr4 |= Cr4.PCIDE;
        m.Map(Page, Frame1, M.P);
        ulong second = SecondSpace(m);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)Page);
            a.mov(rsi, M.Tables | Keep);
            a.mov(rdi, (second + 5) | Keep);
            a.mov(ecx, 5000);
            a.xor(eax, eax);
            a.xor(edx, edx);
            a.Label(ref loop);
            a.mov(cr3, rsi);
            a.add(eax, __dword_ptr[rbx]);
            a.mov(cr3, rdi);
            a.add(edx, __dword_ptr[rbx]);
            a.dec(ecx);
            a.jnz(loop);
        }));
        Assert.Equal(5000UL, m[Gpr.Rax]);
        Assert.Equal(10000UL, m[Gpr.Rdx]);

        // Bit 63 is not part of CR3.
        Assert.Equal(second + 5, m.State.Cr3);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void InvpcidReachesOtherPcids(int type)
    {
        const ulong Keep = 1UL << 63;
        using M m = Machine();
        m.State.Cr4 |= Cr4.PCIDE;
        m.Map(Page, Frame1, M.P);
        ulong entry = m.Entry(Page);
        ulong second = SecondSpace(m);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(rsi, M.Tables + 3);
            a.mov(cr3, rsi);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(rdi, second + 5);
            a.mov(cr3, rdi);
            a.mov(rdi, Frame2 | M.P);
            a.mov(__qword_ptr[entry], rdi);
            a.mov(edi, (uint)Descriptor);
            a.mov(__qword_ptr[rdi], 3);
            a.mov(__qword_ptr[rdi + 8], rbx);
            a.mov(ebp, type);
            a.invpcid(rbp, __xmmword_ptr[rdi]);
            a.mov(rsi, (M.Tables + 3) | Keep);
            a.mov(cr3, rsi);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal(1UL, m[Gpr.Rax]);
        Assert.Equal(2UL, m[Gpr.Rdx]);
    }

    [Theory]
    // What changes between two accesses to a page with the given rights; the second one's outcome.
    [InlineData("wp on", 1UL, "#14(3)")]
    [InlineData("smap on", 7UL, "#14(3)")]
    [InlineData("smep on", 7UL, "#14(11)")]
    [InlineData("nxe off", M.P | M.W | M.Nx, "#14(b)")]
    public void RightsBitsTakeEffectAtOnce(string change, ulong rights, string expected)
    {
        using M m = Machine();
        m.Map(M.Code, M.Code, M.P | M.W);
        m.Map(Page, Frame1, rights);
        m.Write(Frame1, 0xC3);
        if (change == "wp on") m.State.Cr0 &= ~Cr0.WP;
        Assert.Equal(expected, m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            if (change == "smep on") a.call(rbx);
            else a.mov(__byte_ptr[rbx], 0xC3);
            switch (change)
            {
                case "wp on":
                    a.mov(rax, cr0);
                    a.or(rax, (int)Cr0.WP);
                    a.mov(cr0, rax);
                    break;
                case "nxe off":
                    a.mov(ecx, 0xC0000080);
                    a.rdmsr();
                    a.and(eax, ~(int)Efer.NXE);
                    a.wrmsr();
                    break;
                default:
                    a.mov(rax, cr4);
                    a.or(rax, (int)(change == "smap on" ? Cr4.SMAP : Cr4.SMEP));
                    a.mov(cr4, rax);
                    break;
            }

            if (change == "smep on") a.call(rbx);
            else a.mov(__byte_ptr[rbx], 0xC3);
        }));
        Assert.Equal(Page, m.State.Cr2);
    }

    [Fact]
    public void SupervisorTranslationIsNoGoodForTheUser()
    {
        using M m = Machine();
        m.Map(Page, Frame1, M.P | M.W);
        Assert.Equal("#14(5)", m.Run(a =>
        {
            Label user = a.CreateLabel();
            a.mov(ebx, (uint)Page);
            a.mov(eax, __dword_ptr[rbx]);
            a.push(0x23);
            a.mov(edx, (uint)M.UserStack);
            a.push(rdx);
            a.push((int)Rflags.Fixed);
            a.push(0x33);
            a.lea(rdx, __qword_ptr[user]);
            a.push(rdx);
            a.iretq();
            a.Label(ref user);
            a.mov(ecx, __dword_ptr[rbx]);
        }));
        Assert.Equal(1UL, m[Gpr.Rax]);
    }

    [Fact]
    public void DirtyLogHoldsWhatWasWrittenSinceItWasRead()
    {
        const ulong Start = 0x1000_0000;
        using M m = Machine();
        MemorySlot slot = m.Memory.Add("logged", new Gpa(Start), 70 * 0x1000, MemorySlotFlags.LogDirtyPages);
        m.Accelerator.SetMemorySlot(slot);
        for (ulong i = 0; i < 70; i++) m.Map(Page + (i * 0x1000), Start + (i * 0x1000), M.P | M.W | M.A | M.D);
        ulong[] log = new ulong[2];
        m[Gpr.Rbx] = Page;

        // Reads don't count; a write that crosses a page counts twice.
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__dword_ptr[rbx + 0x3000], eax);
            a.mov(__dword_ptr[rbx + 0x3004], eax);
            a.mov(__dword_ptr[rbx + 0x6FFE], eax);
            a.@lock.inc(__dword_ptr[rbx + (69 * 0x1000)]);
        }));
        m.Accelerator.GetDirtyLog(slot, log);
        Assert.Equal([(1UL << 3) | (1UL << 6) | (1UL << 7), 1UL << 5], log);
        m.Accelerator.GetDirtyLog(slot, log);
        Assert.Equal([0UL, 0UL], log);

        // In the middle of a run: what is written behind the look at the log is in the next one, TLB or not.
        List<ulong> logs = [];
        m.OnAccess = () =>
        {
            m.Accelerator.GetDirtyLog(slot, log);
            logs.Add(log[0]);
        };
        m.State.Rip = M.Code;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(__byte_ptr[rbx + 0x2000], al);
            a.@out(0x80, al);
            a.mov(__byte_ptr[rbx + 0x2000], al);
            a.@out(0x80, al);
            a.mov(ecx, 3);
            a.lea(rdi, __qword_ptr[rbx + 0x4FFE]);
            a.rep.stosb();
            a.@out(0x80, al);
            a.mov(al, __byte_ptr[rbx + 0x2000]);
            a.@out(0x80, al);
        }));
        Assert.Equal([1UL << 2, 1UL << 2, (1UL << 4) | (1UL << 5), 0UL], logs);
    }

    [Fact]
    public void CopyByTheDirtyLogOfARunningProcessorLosesNothing()
    {
        // The guest writes 64 pages over and over, ever faster than it is copied; in the end the copy must be complete.
        const ulong Start = 0x1000_0000;
        const int Pages = 64;
        using M m = Machine();
        MemorySlot slot = m.Memory.Add("logged", new Gpa(Start), Pages * 0x1000, MemorySlotFlags.LogDirtyPages);
        m.Accelerator.SetMemorySlot(slot);
        for (ulong i = 0; i < Pages; i++) m.Map(Page + (i * 0x1000), Start + (i * 0x1000), M.P | M.W);
        m[Gpr.Rbx] = Page;
        RunResult outcome = "";
        Thread runner = new(() => outcome = m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ecx, 200_000);
            a.Label(ref loop);
            a.mov(edx, ecx);
            a.and(edx, (Pages - 1));
            a.shl(edx, 12);
            a.mov(__dword_ptr[rbx + rdx], ecx);
            a.dec(ecx);
            a.jnz(loop);
        }));
        runner.Start();
        ulong[] log = new ulong[1];
        ulong[] copy = new ulong[Pages];
        bool last;
        do
        {
            last = runner.Join(0);
            m.Accelerator.GetDirtyLog(slot, log);
            for (int i = 0; i < Pages; i++)
            {
                if ((log[0] >> i & 1) != 0) copy[i] = m.Read(Start + ((ulong)i * 0x1000), 4);
            }
        }
        while (!last);
        Assert.Equal("ok", outcome);
        for (int i = 0; i < Pages; i++) Assert.Equal(i == 0 ? 64UL : (ulong)i, copy[i]);
    }

    private static AssemblerMemoryOperand Load(PagingMode paging, int offset) =>
        paging == PagingMode.FourLevel ? __dword_ptr[rbx + offset] : __dword_ptr[ebx + offset];

    /// <summary>Frame 1 reads 1, frame 2 reads 2; the tables are mapped one to one.</summary>
    private M Machine(PagingMode paging = PagingMode.FourLevel)
    {
        M m = new(paging, mmu: mmu, engine: engine);
        m.Store(Frame1, 1, 4);
        m.Store(Frame2, 2, 4);
        for (ulong page = M.Tables; page < M.Tables + 0x20000; page += 0x1000) m.Map(page, page, M.P | M.W);
        return m;
    }

    /// <summary>Tables that differ from the first ones in what is at the page.</summary>
    private static ulong SecondSpace(M m)
    {
        const ulong Copies = M.Tables + 0x18000;
        ulong source = M.Tables;
        ulong copy = Copies;
        for (int shift = 39; shift >= 12; shift -= 9)
        {
            for (ulong i = 0; i < 0x1000; i += 8) m.Store(copy + i, m.Read(source + i, 8), 8);
            ulong index = ((Page >> shift) & 511) * 8;
            source = m.Read(source + index, 8) & 0x000F_FFFF_FFFF_F000;
            m.Store(copy + index, shift == 12 ? Frame2 | M.P : (copy + 0x1000) | M.P | M.W | M.U, 8);
            copy += 0x1000;
        }

        return Copies;
    }
}
