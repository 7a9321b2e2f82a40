using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>
/// A device that writes guest memory when the guest tells it to by a port: what was derived from the old bytes is not used any more. The guest may count on it at
/// once for code, and for page tables from the flush on that the manual asks for (SDM vol. 3, 4.10.4).
/// </summary>
public abstract class DeviceWriteTests(MmuMode mmu, SoftwareEngine engine)
{
    public sealed class ShadowInterpreted() : DeviceWriteTests(MmuMode.Shadow, SoftwareEngine.Interpreter);

    public sealed class ShadowTranslated() : DeviceWriteTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TwoDimensionalInterpreted() : DeviceWriteTests(MmuMode.TwoDimensional, SoftwareEngine.Interpreter);

    public sealed class TwoDimensionalTranslated() : DeviceWriteTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);

    public enum Flush
    {
        Page,
        LoadCr3,
        ToggleGlobal,
    }

    private const byte Port = 0x80;
    private const ulong Page = 0x4000_0000;
    private const ulong Frame = 0x20_0000;
    private const ulong Other = 0x20_1000;

    // MOV EAX, imm32; RET.
    private static readonly byte[] s_function = [0xB8, 1, 0, 0, 0, 0xC3];

    /// <summary>The function is on the caller's page, to which branches are patched, or on another one; also seen through a second slot.</summary>
    [Theory]
    [InlineData(M.Code + 0x800, false)]
    [InlineData(Page, false)]
    [InlineData(Page + 0xFFB, false)]
    [InlineData(M.Code + 0x800, true)]
    [InlineData(Page, true)]
    public void CodeThatRanIsNotUsedAfterADeviceOverwroteIt(ulong function, bool throughAlias)
    {
        using M m = Machine();
        const ulong Alias = 0x10_0000_0000;
        m.Accelerator.SetMemorySlot(m.Memory.AddAlias("alias", new Gpa(Alias), M.MemorySize, m.Ram, 0, MemorySlotFlags.None));
        m.Map(Page, Frame, M.P);
        m.Map(Page + 0x1000, Other, M.P);
        ulong frame = function < Page ? function : function - Page + Frame;
        m.Write(frame, s_function);
        byte number = 1;
        m.OnAccess = () => Write(m, frame + 1 + (throughAlias ? Alias : 0), [++number]);
        Assert.Equal("ok", m.Run(a =>
        {
            Label again = a.CreateLabel();
            Label next = a.CreateLabel();
            a.xor(esi, esi);
            a.mov(ebp, 5);
            a.Label(ref next);
            a.mov(ecx, 100);
            a.Label(ref again);
            a.call(function);
            a.dec(ecx);
            a.jnz(again);
            a.shl(rsi, 8);
            a.or(rsi, rax);
            a.@out(Port, al);
            a.dec(ebp);
            a.jnz(next);
        }));
        Assert.Equal(0x0102030405UL, m[Gpr.Rsi]);
    }

    /// <summary>What comes right after the OUT, in the block that is running, is what the device has written there.</summary>
    [Fact]
    public void CodeBehindTheInstructionThatToldTheDevice()
    {
        using M m = Machine();
        int at = M.Bytes(64, M.Code, static a => a.@out(Port, al)).Length;
        m.OnAccess = () => Write(m, M.Code + (ulong)at, [0xB8, 9]);
        Assert.Equal("ok", m.Run(a =>
        {
            a.@out(Port, al);
            a.mov(eax, 1);
        }));
        Assert.Equal(9UL, m[Gpr.Rax]);
    }

    /// <summary>
    /// A device changes the entry that maps a page, of the last level or the one above; the table was never written by the guest, or was (shadow paging lets it go out
    /// of step then). Before the flush either page may be seen, after it only the new one.
    /// </summary>
    [Theory]
    [InlineData(Flush.Page, 12, false)]
    [InlineData(Flush.Page, 12, true)]
    [InlineData(Flush.Page, 21, false)]
    [InlineData(Flush.Page, 21, true)]
    [InlineData(Flush.LoadCr3, 12, false)]
    [InlineData(Flush.LoadCr3, 12, true)]
    [InlineData(Flush.LoadCr3, 21, true)]
    [InlineData(Flush.ToggleGlobal, 12, false)]
    [InlineData(Flush.ToggleGlobal, 12, true)]
    [InlineData(Flush.ToggleGlobal, 21, false)]
    public void APageTableThatADeviceWritesIsFollowedByTheNextFlush(Flush flush, int level, bool guestWrote)
    {
        using M m = Machine();
        m.Map(Page, Frame, M.P | M.W);
        m.Map(Page + 0x1000, Frame, M.P | M.W);
        m.Store(Frame, 1, 4);
        m.Store(Other, 2, 4);
        ulong entry = m.Entry(Page, level);
        ulong value = Other | M.P | M.W;
        if (level == 21)
        {
            // Another table, whose first entry leads to the other page.
            const ulong Table = 0x30_0000;
            m.Store(Table, Other | M.P | M.W, 8);
            value = Table | M.P | M.W;
        }

        ulong tables = m.Entry(Page) & ~0xFFFUL;
        m.Map(0x5000_0000, tables, M.P | M.W);
        m.OnAccess = () => Write(m, entry, BitConverter.GetBytes(value));
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(esi, __dword_ptr[rbx]);
            if (guestWrote)
            {
                a.mov(edx, 0x5000_0000);
                a.mov(__dword_ptr[rdx + 16], ecx);
                a.mov(__dword_ptr[rdx + 24], ecx);
                a.invlpg(__byte_ptr[rbx + 0x1000]);
                a.mov(esi, __dword_ptr[rbx]);
                a.mov(__dword_ptr[rdx + 32], ecx);
            }

            a.@out(Port, al);
            switch (flush)
            {
                case Flush.Page:
                    a.invlpg(__byte_ptr[rbx]);
                    break;
                case Flush.LoadCr3:
                    a.mov(rax, cr3);
                    a.mov(cr3, rax);
                    break;
                default:
                    a.mov(rax, cr4);
                    a.xor(rax, 0x80);
                    a.mov(cr4, rax);
                    break;
            }

            a.mov(edi, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rsi], m[Gpr.Rdi]));
    }

    /// <summary>As it is, but by a thread that only tells the guest by memory: the flush is the guest's next instruction, and no exit comes between.</summary>
    [Theory]
    [InlineData(Flush.Page)]
    [InlineData(Flush.LoadCr3)]
    public void APageTableThatADeviceWritesMeanwhileIsFollowedByTheNextFlush(Flush flush)
    {
        const int Rounds = 200;
        const ulong Words = 0x30_0000;
        using M m = Machine();
        m.Map(Page, Frame, M.P);
        m.Map(Words, Words, M.P | M.W);
        ulong entry = m.Entry(Page);
        RunResult end = "";
        Thread guest = new(() => end = m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label wait = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(ebx, (uint)Page);
            a.mov(edx, (uint)Words);
            a.mov(ecx, 1);
            a.Label(ref next);
            a.mov(eax, __dword_ptr[rbx]);
            a.Label(ref wait);
            a.cmp(__dword_ptr[rdx], ecx);
            a.jne(wait);
            if (flush == Flush.Page)
            {
                a.invlpg(__byte_ptr[rbx]);
            }
            else
            {
                a.mov(rax, cr3);
                a.mov(cr3, rax);
            }

            a.cmp(__dword_ptr[rbx], ecx);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.mov(__dword_ptr[rdx + 64], ecx);
            a.inc(ecx);
            a.cmp(ecx, Rounds);
            a.jbe(next);
        }));
        guest.Start();
        for (int round = 1; round <= Rounds; round++)
        {
            ulong frame = (round & 1) == 0 ? Frame : Other;
            Write(m, frame, BitConverter.GetBytes(round));
            Write(m, entry, BitConverter.GetBytes(frame | M.P));
            Write(m, Words, BitConverter.GetBytes(round));
            while (m.Read(Words + 64, 4) != (ulong)round && !guest.Join(0)) Thread.Yield();
        }

        guest.Join();
        Assert.Equal("ok", end);
    }

    /// <summary>More writes than a vCPU that stands keeps: everything is looked at anew.</summary>
    [Fact]
    public void SoManyWritesThatNobodyCounts()
    {
        using M m = Machine();
        m.Map(Page, Frame, M.P | M.W);
        m.Store(Frame, 1, 4);
        m.Store(Other, 2, 4);
        ulong entry = m.Entry(Page);
        m.Write(Frame + 0x800, s_function);
        m.OnAccess = () =>
        {
            for (int i = 0; i < 5000; i++)
            {
                Write(m, Frame + 0x900 + (ulong)(i % 2 * 16), [(byte)i]);
                Write(m, entry + 64 + (ulong)(i % 2 * 16), [0]);
            }

            Write(m, Frame + 0x801, [7]);
            Write(m, entry, BitConverter.GetBytes(Other | M.P));
            m.Write(Other + 0x800, m.Memory.TryRent(new Gpa(Frame + 0x800), 6, MemoryIntent.Read, out MemoryRental code) ? code.Bytes.ToArray() : []);
            code.Dispose();
        };
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.call(Page + 0x800);
            a.mov(esi, eax);
            a.@out(Port, al);
            a.invlpg(__byte_ptr[rbx]);
            a.call(Page + 0x800);
            a.mov(edi, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 7UL, 2UL), (m[Gpr.Rsi], m[Gpr.Rax], m[Gpr.Rdi]));
    }

    /// <summary>Each slot that shows what a device has written has its pages in its log, whichever slot the device used.</summary>
    [Fact]
    public void TheDirtyLogHoldsWhatADeviceWrote()
    {
        const ulong Start = 0x1000_0000;
        const ulong Second = 0x2000_0000;
        using M m = Machine();
        MemorySlot first = m.Memory.Add("logged", new Gpa(Start), 70 * 0x1000, MemorySlotFlags.LogDirtyPages);
        MemorySlot second = m.Memory.AddAlias("shown", new Gpa(Second), 3 * 0x1000, first, 0x2000, MemorySlotFlags.LogDirtyPages);
        m.Accelerator.SetMemorySlot(first);
        m.Accelerator.SetMemorySlot(second);
        Write(m, Start + 0x3FFE, [1, 1, 1]);
        Write(m, Start + (69 * 0x1000) + 0xFFF, [1]);
        Write(m, Second, [1]);
        ulong[] log = new ulong[2];
        m.Accelerator.GetDirtyLog(first, log);
        Assert.Equal([(1UL << 2) | (1UL << 3) | (1UL << 4), 1UL << 5], log);
        m.Accelerator.GetDirtyLog(second, log);
        Assert.Equal(0b111UL, log[0]);
        m.Accelerator.GetDirtyLog(first, log);
        Assert.Equal([0UL, 0UL], log);
    }

    private M Machine()
    {
        M m = new(mmu: mmu, engine: engine);
        m.Memory.Observe(m.Accelerator);
        return m;
    }

    private static void Write(M m, ulong address, byte[] bytes) => Assert.True(m.Memory.ForDevices.TryWrite(new Gpa(address), bytes));
}
