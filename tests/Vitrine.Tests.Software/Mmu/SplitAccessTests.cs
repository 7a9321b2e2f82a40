using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>One access is one access, whatever happens to translations while it is made.</summary>
public abstract class SplitAccessTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : SplitAccessTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : SplitAccessTests(SoftwareEngine.Translator);

    private const ulong Page = 0x20_0000;
    private const ulong Frame = 0x40_0000;

    [Fact]
    public void ReadAndWriteOfALockedOperationUseTheSameTranslation()
    {
        // The clean page is in the TLB for reading. Its entry then leads to a device, without INVLPG; the write must walk again.
        using M m = new(engine: engine);
        m.Map(Page, Frame, M.P | M.W | M.A);
        ulong entry = m.Entry(Page);
        ulong table = entry & ~0xFFFUL;
        m.Map(table, table, M.P | M.W);
        m.Store(Frame + 8, 0x1111, 8);
        m.Answer = static (_, _) => 0x2222;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(rdi, M.Device | M.P | M.W);
            a.mov(__qword_ptr[entry], rdi);
            a.mov(eax, 1);
            a.@lock.xadd(__qword_ptr[rbx + 8], rax);
        }));
        Assert.Equal("r8 40000008|w8 40000008=2223", string.Join('|', m.Accesses));
        Assert.Equal(0x2222UL, m[Gpr.Rax]);
        Assert.Equal(0x1111UL, m.Read(Frame + 8, 8));
    }

    [Theory]
    [MemberData(nameof(MmuModes.All), MemberType = typeof(MmuModes))]
    public void ATableThatIsNoLongerUsedServesNeitherReadNorWriteOfALockedOperation(MmuMode mode)
    {
        // The page can only be read, and the way to its table is cached. Then the upper entry maps a large page of a device.
        const ulong Region = 0x8020_0000;
        using M m = new(mmu: mode, engine: engine);
        m.Map(Region, Frame, M.P | M.A);
        ulong pde = m.Entry(Region, 21);
        m.Map(pde & ~0xFFFUL, pde & ~0xFFFUL, M.P | M.W);
        m.Store(Frame + 8, 0x1111, 8);
        m.Answer = static (_, _) => 0x2222;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Region);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(rdi, M.Device | M.P | M.W | M.Large);
            a.mov(__qword_ptr[pde], rdi);
            a.mov(eax, 1);
            a.@lock.xadd(__qword_ptr[rbx + 8], rax);
        }));
        Assert.Equal("r8 40000008|w8 40000008=2223", string.Join('|', m.Accesses));
        Assert.Equal(0x2222UL, m[Gpr.Rax]);
        Assert.Equal(0x1111UL, m.Read(Frame + 8, 8));
    }

    [Fact]
    public void StoreIntoTheTableThatMapsItsSecondHalfIsWhole()
    {
        // The directory's last entry maps the second page; the directory itself is the first. The first four bytes put reserved bits
        // into that entry, the others go to a device.
        const ulong Second = 0xBFE0_0000;
        using M m = new(engine: engine);
        m.Map(Second, M.Device, M.P | M.W);
        ulong lastEntry = m.Entry(Second, 21);
        m.Map(Second - 0x1000, lastEntry & ~0xFFFUL, M.P | M.W);
        Assert.Equal(0xFF8UL, lastEntry & 0xFFF);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)(Second - 4));
            a.mov(rax, 0x4444_4444_000F_0000);
            a.mov(__qword_ptr[rbx], rax);
        }));
        Assert.Equal("w4 40000000=44444444", string.Join('|', m.Accesses));
        Assert.Equal(0x000F_0000UL, m.Read(lastEntry + 4, 4));
    }
}
