using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Protection keys as a running guest sees them: SDM vol. 3, 4.6.2 "Protection Keys" and 4.7 "Page-Fault Exceptions".</summary>
public abstract class ProtectionKeyTests(MmuMode mmu, SoftwareEngine engine, bool lockstep = false)
{
    public sealed class Shadow() : ProtectionKeyTests(MmuMode.Shadow, SoftwareEngine.Interpreter);

    public sealed class TwoDimensional() : ProtectionKeyTests(MmuMode.TwoDimensional, SoftwareEngine.Interpreter);

    public sealed class Translated() : ProtectionKeyTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TranslatedTwoDimensional() : ProtectionKeyTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);

    public sealed class Lockstep() : ProtectionKeyTests(MmuMode.Shadow, SoftwareEngine.Translator, lockstep: true);

    private const ulong Page = 0x20_0000;
    private const ulong Frame = 0x40_0000;
    private const int Key = 5;
    private const ulong KeyBits = (ulong)Key << 59;
    private const int Ro = 1;
    private const int Rw = 3;
    private const int UserRo = 5;
    private const int UserRw = 7;
    private const uint Ad = 1;
    private const uint Wd = 2;
    private const ulong Smap = Cr4.SMAP;

    [Theory]
    // CPL, rights, bits of the key, access, CR0.WP, other CR4 bits, RFLAGS.AC -> outcome (error code: 1 present, 2 write, 4 user, 20 key)
    [InlineData(3, UserRw, Ad, "read", 1, 0UL, false, "#14(25)")]
    [InlineData(3, UserRw, Ad, "write", 1, 0UL, false, "#14(27)")]
    [InlineData(3, UserRw, Ad, "rmw", 1, 0UL, false, "#14(27)")]
    [InlineData(3, UserRw, Ad | Wd, "fetch", 1, 0UL, false, "ok")]
    [InlineData(3, UserRw, Wd, "read", 1, 0UL, false, "ok")]
    [InlineData(3, UserRw, Wd, "write", 1, 0UL, false, "#14(27)")]
    [InlineData(3, UserRw, Wd, "write", 0, 0UL, false, "#14(27)")]
    [InlineData(3, UserRo, Wd, "write", 1, 0UL, false, "#14(27)")] // neither allows it: both are told
    [InlineData(3, UserRo, 0u, "write", 1, 0UL, false, "#14(7)")]
    [InlineData(3, UserRw, 0u, "write", 1, 0UL, false, "ok")]
    [InlineData(3, Rw, Ad, "read", 1, 0UL, false, "#14(5)")] // PKRU is for user-mode addresses
    [InlineData(0, UserRw, Ad, "read", 0, 0UL, false, "#14(21)")]
    [InlineData(0, UserRw, Wd, "read", 1, 0UL, false, "ok")]
    [InlineData(0, UserRw, Wd, "write", 1, 0UL, false, "#14(23)")]
    [InlineData(0, UserRw, Wd, "write", 0, 0UL, false, "ok")]
    [InlineData(0, UserRw, Ad | Wd, "fetch", 1, 0UL, false, "ok")]
    [InlineData(0, UserRw, Ad, "read", 1, Smap, false, "#14(21)")]
    [InlineData(0, UserRw, 0u, "read", 1, Smap, false, "#14(1)")]
    [InlineData(0, UserRw, Ad, "read", 1, Smap, true, "#14(21)")]
    [InlineData(0, UserRw, Wd, "read", 1, Smap, true, "ok")]
    [InlineData(0, Rw, Ad | Wd, "write", 1, 0UL, false, "ok")]
    public void UserKeys(int cpl, int rights, uint bits, string access, int wp, ulong cr4, bool ac, string expected)
    {
        using M m = Machine(cpl, rights, wp, Cr4.PKE | cr4, ac);
        m.State.Pkru = bits << (2 * Key);
        Assert.Equal(expected, m.Run(a => Access(a, access)));
        if (expected != "ok") Assert.Equal(access == "read" ? Page : Page + 8, m.State.Cr2);
        else if (access is "write") Assert.NotEqual(0UL, m.Read(m.Entry(Page), 8) & M.D);
    }

    [Theory]
    // As above, with IA32_PKRS.
    [InlineData(0, Rw, Ad, "read", 1, "#14(21)")]
    [InlineData(0, Rw, Ad, "read", 0, "#14(21)")]
    [InlineData(0, Rw, Wd, "read", 1, "ok")]
    [InlineData(0, Rw, Wd, "write", 1, "#14(23)")]
    [InlineData(0, Rw, Wd, "write", 0, "ok")]
    [InlineData(0, Ro, Ad, "write", 1, "#14(23)")]
    [InlineData(0, Ro, 0u, "write", 1, "#14(3)")]
    [InlineData(0, Rw, Ad | Wd, "fetch", 1, "ok")]
    [InlineData(3, UserRw, Ad | Wd, "write", 1, "ok")]
    [InlineData(0, UserRw, Ad | Wd, "write", 1, "ok")]
    public void SupervisorKeys(int cpl, int rights, uint bits, string access, int wp, string expected)
    {
        using M m = Machine(cpl, rights, wp, Cr4.PKS, ac: false);
        m.State.Msrs[Msr.IA32_PKRS] = bits << (2 * Key);
        Assert.Equal(expected, m.Run(a => Access(a, access)));
    }

    [Theory]
    [InlineData(0UL, "ok")] // neither feature on
    [InlineData(Cr4.PKS, "ok")] // PKRU is the other one's
    [InlineData(Cr4.PKE, "#14(25)")]
    public void KeysAreIgnoredUntilTheyAreOn(ulong cr4, string expected)
    {
        using M m = Machine(3, UserRw, 1, cr4, ac: false);
        m.State.Pkru = uint.MaxValue << 2;
        Assert.Equal(expected, m.Run(a => Access(a, "read")));
    }

    /// <summary>PAE paging has no keys: bits 62:52 of its entries are reserved.</summary>
    [Fact]
    public void OtherPagingModesHaveNone()
    {
        using M m = new(PagingMode.Pae, model: CpuModels.Max, mmu: mmu, engine: engine, lockstep: lockstep);
        m.Map(Page, Frame, UserRw);
        m.User();
        m.State.Cr4 |= Cr4.PKE;
        m.State.Pkru = uint.MaxValue;
        Assert.Equal("ok", m.Run(a => a.mov(eax, __dword_ptr[(uint)Page])));
    }

    [Theory]
    [InlineData(12)]
    [InlineData(21)]
    [InlineData(30)]
    public void TheKeyIsThatOfTheEntryThatMapsThePage(int shift)
    {
        using M m = Machine(3, UserRw, 1, Cr4.PKE, ac: false);
        ulong linear = 1UL << 39;
        m.Map(linear, 0, UserRw | KeyBits, shift);
        for (int above = shift + 9; above <= 39; above += 9) m.Store(m.Entry(linear, above), m.Read(m.Entry(linear, above), 8) | (9UL << 59), 8);
        m[Gpr.Rbx] = linear;
        m.State.Pkru = Ad << (2 * 9);
        Assert.Equal("ok", m.Run(a => Access(a, "read")));
        m.User();
        m.State.Pkru = Ad << (2 * Key);
        Assert.Equal("#14(25)", m.Run(a => Access(a, "read")));
    }

    /// <summary>WRPKRU, WRMSR and XRSTOR need no flush: what the TLB and translated code know of the page counts no more.</summary>
    [Theory]
    [InlineData("wrpkru", 3, "read", "#14(25)")]
    [InlineData("wrpkru", 3, "write", "#14(27)")]
    [InlineData("wrpkru", 0, "read", "#14(21)")]
    [InlineData("wrpkru writes", 3, "read", "ok")]
    [InlineData("wrpkru writes", 3, "write", "#14(27)")]
    [InlineData("wrpkru other", 3, "write", "ok")]
    [InlineData("wrpkru and back", 3, "write", "ok")]
    [InlineData("wrpkru all", 3, "read", "#14(25)")]
    [InlineData("xrstor", 3, "read", "#14(25)")]
    [InlineData("xrstor", 0, "write", "#14(23)")]
    [InlineData("wrmsr", 0, "read", "#14(21)")]
    [InlineData("wrmsr", 0, "write", "#14(23)")]
    [InlineData("cr4", 0, "write", "#14(23)")]
    public void AChangeCountsAtOnce(string how, int cpl, string access, string expected)
    {
        const ulong Area = 0xA000;
        bool supervisorPage = how == "wrmsr";
        using M m = Machine(cpl, supervisorPage ? Rw : UserRw, 1, Cr4.PKS | Cr4.OSXSAVE | (how == "cr4" ? 0 : Cr4.PKE), ac: false);
        m.State.Xcr0 = XsaveLayout.X87 | XsaveLayout.Sse | XsaveLayout.Pkru;
        m.Store(Area + 512, XsaveLayout.Pkru, 8);
        m.Store(Area + XsaveLayout.PkruOffset, Ad << (2 * Key), 4);
        if (how == "cr4") m.State.Pkru = Ad << (2 * Key);
        Assert.Equal(expected, m.Run(a =>
        {
            // Often enough that translated code has the page at hand.
            Label loop = a.CreateLabel();
            a.mov(edi, 100);
            a.Label(ref loop);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__dword_ptr[rbx + 8], eax);
            a.dec(edi);
            a.jne(loop);
            a.xor(ecx, ecx);
            a.xor(edx, edx);
            switch (how)
            {
                case "wrmsr":
                    a.mov(eax, (int)(Ad << (2 * Key)));
                    a.mov(ecx, Msr.IA32_PKRS);
                    a.wrmsr();
                    break;
                case "xrstor":
                    a.mov(eax, (int)XsaveLayout.Pkru);
                    a.xrstor(__[(uint)Area]);
                    break;
                case "cr4":
                    a.mov(rax, cr4);
                    a.or(rax, (int)Cr4.PKE);
                    a.mov(cr4, rax);
                    break;
                default:
                    uint bits = how switch { "wrpkru writes" => Wd << (2 * Key), "wrpkru other" => Ad << (2 * 7), "wrpkru all" => uint.MaxValue, _ => Ad << (2 * Key) };
                    a.mov(eax, (int)bits);
                    a.wrpkru();
                    if (how != "wrpkru and back") break;
                    a.xor(eax, eax);
                    a.wrpkru();
                    break;
            }

            Access(a, access);
        }));
    }

    /// <summary>Each of more pages than anything can list, after the rights of their key have gone; pages of another key stay.</summary>
    [Theory]
    [InlineData(0, "#14(25)")]
    [InlineData(699, "#14(25)")]
    [InlineData(700, "ok")]
    public void ManyPagesOfAKey(int page, string expected)
    {
        const int Pages = 700;
        using M m = Machine(3, UserRw, 1, Cr4.PKE, ac: false);
        for (ulong i = 0; i <= Pages; i++) m.Map(Page + (i << 12), Frame, UserRw | (i == Pages ? 6UL << 59 : KeyBits));
        m[Gpr.Rbx] = Page;
        m[Gpr.Rsi] = Page + ((ulong)page << 12);
        Assert.Equal(expected, m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(edi, Pages + 1);
            a.Label(ref loop);
            a.mov(eax, __dword_ptr[rbx]);
            a.add(rbx, 0x1000);
            a.dec(edi);
            a.jne(loop);
            a.xor(ecx, ecx);
            a.xor(edx, edx);
            a.mov(eax, (int)(Ad << (2 * Key)));
            a.wrpkru();
            a.mov(eax, __dword_ptr[rsi]);
        }));
    }

    /// <summary>A page that translated code has at hand outlasts its TLB entry, here taken by a page of another key with the same place in the TLB.</summary>
    [Fact]
    public void APageOutlastsItsEntryButNotItsRights()
    {
        const ulong Other = Page + (4096UL << 12);
        using M m = Machine(3, UserRw, 1, Cr4.PKE, ac: false);
        m.Map(Other, Frame, UserRw | (6UL << 59));
        m[Gpr.Rsi] = Other;
        Assert.Equal("#14(25)", m.Run(a =>
        {
            Label first = a.CreateLabel();
            Label second = a.CreateLabel();
            Label start = a.CreateLabel();
            a.jmp(start);
            a.Label(ref first);
            a.mov(eax, __dword_ptr[rbx]);
            a.dec(edi);
            a.jne(first);
            a.ret();
            a.Label(ref second);
            a.mov(eax, __dword_ptr[rsi]);
            a.dec(edi);
            a.jne(second);
            a.ret();
            a.Label(ref start);
            a.mov(edi, 50);
            a.call(first);
            a.mov(edi, 50);
            a.call(second);
            a.xor(ecx, ecx);
            a.xor(edx, edx);
            a.mov(eax, (int)(Ad << (2 * Key)));
            a.wrpkru();
            a.mov(edi, 50);
            a.call(first);
        }));
    }

    /// <summary>An address space that comes back with its translations (CR3 with bit 63) does not come back with the old rights.</summary>
    [Fact]
    public void RightsAreNotKeptWithAnAddressSpace()
    {
        using M m = Machine(0, UserRw, 1, Cr4.PKE | Cr4.PCIDE, ac: false);
        Assert.Equal("#14(21)", m.Run(a =>
        {
            const ulong Keep = 1UL << 63;
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(rdi, (M.Tables | 1) | Keep);
            a.mov(cr3, rdi);
            a.xor(ecx, ecx);
            a.xor(edx, edx);
            a.mov(eax, (int)(Ad << (2 * Key)));
            a.wrpkru();
            a.mov(rdi, M.Tables | Keep);
            a.mov(cr3, rdi);
            a.mov(eax, __dword_ptr[rbx]);
        }));
    }

    /// <summary>What the processor does for itself is a supervisor-mode data access: here a push on a stack page whose key forbids writes.</summary>
    [Fact]
    public void SupervisorKeysHoldForThePushesOfAnInterrupt()
    {
        using M m = Machine(0, Rw, 1, Cr4.PKS, ac: false);
        m.State.Msrs[Msr.IA32_PKRS] = Wd << (2 * Key);
        m[Gpr.Rsp] = Page + 0x800;

        // The page fault's own frame meets the same page, and so does the double fault's.
        Assert.Equal("shutdown", m.Run(a => a.ud2()));
    }

    private M Machine(int cpl, int rights, int wp, ulong cr4, bool ac)
    {
        M m = new(model: CpuModels.Max, mmu: mmu, engine: engine, lockstep: lockstep);
        m.Map(M.Code, M.Code, M.P | M.W | (cpl == 3 ? M.U : 0));
        m.Map(Page, Frame, (uint)rights | KeyBits);
        m.Write(Frame, 0xF4);
        if (cpl == 3) m.User();
        if (wp == 0) m.State.Cr0 &= ~Cr0.WP;
        m.State.Cr4 |= cr4;
        if (ac) m.State.Rflags |= Rflags.AC;
        m[Gpr.Rbx] = Page;
        return m;
    }

    private static void Access(Assembler a, string access)
    {
        switch (access)
        {
            case "read": a.mov(eax, __dword_ptr[rbx]); break;
            case "write": a.mov(__dword_ptr[rbx + 8], ecx); break;
            case "rmw": a.add(__dword_ptr[rbx + 8], ecx); break;
            default: a.jmp(rbx); break;
        }
    }
}
