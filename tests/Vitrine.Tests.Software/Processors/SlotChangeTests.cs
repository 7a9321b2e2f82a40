using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>Slots change while another vCPU, or a thread that is none, uses what they show.</summary>
public abstract class SlotChangeTests(SoftwareEngine engine)
{
    private const ulong Shadowed = M.Data + 0x8000;
    private const ulong Rom = 0x1000_0000;
    private const ulong Executor = M.Code + 0x1000;
    private const ulong Over = M.Data;
    private const ulong Ready = M.Data + 0x40;

    /// <summary>vCPU 0 toggles a range 100 times by a port and sees each change at once; vCPU 1 reads it all the time, and sees one memory or the other.</summary>
    [Fact]
    public void AVcpuTogglesARangeThatAnotherOneReads()
    {
        using M m = Machine(2, out MemoryRegion view);
        ulong flushes = 0;
        m.OnPortWrite = (_, _, value) =>
        {
            if (value == 100) flushes = m.Vcpus[1].Blocks.Flushes;
            return Toggle(view, (value & 1) != 0);
        };
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            Label wait = a.CreateLabel();
            a.Label(ref wait);
            a.cmp(__dword_ptr[Ready], 1);
            a.jne(wait);
            a.mov(r12d, 101);
            a.Label(ref next);
            a.dec(r12d);
            a.mov(eax, r12d);
            a.@out(0x80, al);
            a.mov(ecx, r12d);
            a.and(ecx, 1);
            a.inc(ecx);
            a.cmp(__dword_ptr[Shadowed], ecx);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.test(r12d, r12d);
            a.jnz(next);
            a.mov(__dword_ptr[Over], 1);
            a.hlt();
        });
        m.Place(Executor, Read);
        m.Run(M.Code, Executor);
        Assert.Equal(flushes, m.Vcpus[1].Blocks.Flushes);
    }

    /// <summary>A thread that is no vCPU does it; memory that was taken away is unmapped from the host at once, while vCPUs run.</summary>
    [Theory]
    [InlineData(1, MmuMode.Shadow)]
    [InlineData(1, MmuMode.TwoDimensional)]
    [InlineData(2, MmuMode.TwoDimensional)]
    public void MemoryIsGivenBackWhileVcpusRun(int vcpus, MmuMode mmu)
    {
        using M m = Machine(vcpus, out _, mmu);
        m.Place(Executor, Read);
        Thread host = new(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                MemoryRegion region = m.Memory.AddRegion("other", new Gpa(Shadowed), 0x1000, priority: 2, mapped: false);
                m.Memory.TryWrite(new Gpa(Rom), [2]);
                Assert.True(m.Memory.TryRent(new Gpa(Rom), 4, MemoryIntent.Read, out MemoryRental two));
                two.Dispose();
                Assert.True(region.TryMap());
                m.Memory.TryWrite(new Gpa(Shadowed), [1]);
                m.Memory.Remove(region);
            }

            m.Memory.TryWrite(new Gpa(Over), [1]);
        });
        host.Start();
        m.Run(Executor);
        host.Join();
    }

    // Until it is over: what is read is 0 (new memory), 1 (RAM) or 2 (ROM).
    private static void Read(Assembler a)
    {
        Label next = a.CreateLabel();
        Label good = a.CreateLabel();
        a.mov(ebx, (uint)Shadowed);
        a.@lock.inc(__dword_ptr[Ready]);
        a.Label(ref next);
        a.mov(eax, __dword_ptr[rbx]);
        a.cmp(eax, 2);
        a.jbe(good);
        a.ud2();
        a.Label(ref good);
        a.cmp(__dword_ptr[Over], 0);
        a.je(next);
        a.hlt();
    }

    private static bool Toggle(MemoryRegion view, bool shows)
    {
        if (shows) return view.TryMap();
        view.Unmap();
        return true;
    }

    private M Machine(int vcpus, out MemoryRegion view, MmuMode mmu = MmuMode.TwoDimensional)
    {
        M m = new(engine, vcpus, mmu: mmu);
        m.Memory.Observe(m.Accelerator);
        MemorySlot rom = m.Memory.Add("rom", new Gpa(Rom), 0x1000, MemorySlotFlags.ReadOnly);
        Assert.True(m.Memory.TryWrite(new Gpa(Rom), [2]));
        Assert.True(m.Memory.TryWrite(new Gpa(Shadowed), [1]));
        view = m.Memory.AddView("view", new Gpa(Shadowed), 0x1000, rom, 0, MemorySlotFlags.ReadOnly, priority: 1, mapped: false);
        return m;
    }

    public sealed class ByInterpreter() : SlotChangeTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : SlotChangeTests(SoftwareEngine.Translator);
}
