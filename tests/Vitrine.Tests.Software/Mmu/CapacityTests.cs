using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Guests with more of everything than the MMU's tables hold: slower, and right.</summary>
public abstract class CapacityTests(MmuMode mmu, SoftwareEngine engine = SoftwareEngine.Interpreter)
{
    private const ulong First = 0x1000_0000;
    private const ulong Frames = 0x40_0000;

    public sealed class Shadow() : CapacityTests(MmuMode.Shadow);

    public sealed class TwoDimensional() : CapacityTests(MmuMode.TwoDimensional);

    public sealed class Translated() : CapacityTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TranslatedTwoDimensional() : CapacityTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);

    /// <summary>
    /// 150 regions of 2 MiB with 40 pages each: more than the TLB (4096), the structure caches (32 of each level) and the quota of shadow pages (64) hold, so that
    /// each round finds nothing of the one before.
    /// </summary>
    [Fact]
    public void MorePagesThanAnyTableHolds()
    {
        const int Regions = 150;
        const int PagesInRegion = 40;
        const int FrameCount = 16;
        const int Rounds = 3;
        using M m = new(mmu: mmu, engine: engine);
        for (ulong frame = 0; frame < FrameCount; frame++) m.Store(Frames + (frame << 12), frame + 1, 8);
        ulong expected = 0;
        for (ulong region = 0; region < Regions; region++)
        {
            for (ulong page = 0; page < PagesInRegion; page++)
            {
                ulong frame = (region + page) % FrameCount;
                m.Map(First + (region << 21) + (page << 12), Frames + (frame << 12), M.P | M.W);
                expected += frame + 1;
            }
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label round = a.CreateLabel();
            Label region = a.CreateLabel();
            Label page = a.CreateLabel();
            a.xor(eax, eax);
            a.mov(ebp, Rounds);
            a.Label(ref round);
            a.mov(ebx, (uint)First);
            a.mov(edx, Regions);
            a.Label(ref region);
            a.mov(rsi, rbx);
            a.mov(ecx, PagesInRegion);
            a.Label(ref page);
            a.add(rax, __qword_ptr[rsi]);
            a.mov(__qword_ptr[rsi + 8], rsi);
            a.add(rsi, 0x1000);
            a.dec(ecx);
            a.jnz(page);
            a.add(rbx, 0x20_0000);
            a.dec(edx);
            a.jnz(region);
            a.dec(ebp);
            a.jnz(round);
        }));
        Assert.Equal(Rounds * expected, m[Gpr.Rax]);
        Assert.True(m.Vcpu.Mmu.Counters.TlbMisses >= Rounds * Regions * PagesInRegion, "the TLB held it all");
        if (mmu == MmuMode.Shadow) Assert.True(m.Vcpu.Mmu.Counters.Zaps > Rounds * (Regions - 64), "the quota was never reached");
    }

    /// <summary>Twenty address spaces, where eight are remembered, each with data and code of its own at the same addresses.</summary>
    [Fact]
    public void MoreAddressSpacesThanAreRemembered()
    {
        const int Spaces = 20;
        const int Rounds = 30;
        const ulong Copies = 0x60_0000;
        const ulong Data = 0x20_0000;
        const ulong Routine = 0x20_1000;
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Data, Frames, M.P);
        m.Map(Routine, Frames, M.P);
        ulong expected = 0;
        for (ulong space = 0; space < Spaces; space++)
        {
            // Tables of its own on the way to both pages, which lie in one table.
            ulong source = M.Tables;
            ulong copy = Copies + (space << 14);
            ulong data = Frames + (space << 13);
            for (int shift = 39; shift >= 12; shift -= 9, copy += 0x1000)
            {
                for (ulong i = 0; i < 0x1000; i += 8) m.Store(copy + i, m.Read(source + i, 8), 8);
                ulong index = ((Data >> shift) & 511) * 8;
                source = m.Read(source + index, 8) & 0x000F_FFFF_FFFF_F000;
                m.Store(copy + index, shift == 12 ? data | M.P : (copy + 0x1000) | M.P | M.W | M.U, 8);
                if (shift == 12) m.Store(copy + index + 8, (data + 0x1000) | M.P, 8);
            }

            m.Store(data, space + 1, 8);
            m.Place(data + 0x1000, a =>
            {
                a.add(rax, (int)(1000 * space));
                a.ret();
            }, rip: Routine);
            expected += Rounds * (space + 1 + (1000 * space));
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label round = a.CreateLabel();
            Label space = a.CreateLabel();
            a.xor(eax, eax);
            a.mov(ebx, (uint)Data);
            a.mov(edi, (uint)Routine);
            a.mov(ebp, Rounds);
            a.Label(ref round);
            a.mov(esi, (uint)Copies);
            a.mov(ecx, Spaces);
            a.Label(ref space);
            a.mov(cr3, rsi);
            a.add(rax, __qword_ptr[rbx]);
            a.call(rdi);
            a.add(esi, 0x4000);
            a.dec(ecx);
            a.jnz(space);
            a.dec(ebp);
            a.jnz(round);
        }));
        Assert.Equal(expected, m[Gpr.Rax]);
    }
}
