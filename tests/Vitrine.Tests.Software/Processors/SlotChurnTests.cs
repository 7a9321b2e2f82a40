using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>
/// Threads add, remove, show, hide and move regions of memory at random, change their rights, read dirty logs and write what shows, while vCPUs
/// read, write and execute it. Each page says in its code and in its data which memory it is. Of one page it is known at times what must show, and
/// then nothing else may.
/// </summary>
/// <remarks><c>VITRINE_SMP_ROUNDS</c> sets how many changes each thread makes, and <c>VITRINE_SEED</c> which.</remarks>
public abstract class SlotChurnTests(SoftwareEngine engine)
{
    private const int Pages = 8;
    private const int Changers = 2;
    private const int BlockLength = 500;
    private const uint Page = 0x1000;
    private const uint Data = 0x800; // of a page: its number
    private const uint Scratch = 0xC00;
    private const uint Ram = 6; // the number of what lies under the regions; 1 to 5 are those of the bank

    private const ulong Over = M.Data;
    private const ulong Looks = M.Data + 0x80; // changes with each look at the watched page
    private const ulong Known = M.Data + 0x40; // the number that the watched page must have, and a count of rounds above it; or 0
    private const ulong Window = M.Data + 0x1_0000; // with RAM under it
    private const ulong Watched = Window + (Pages * Page);
    private const ulong Hole = M.Data + 0x2_0000; // mapped to where there is nothing under it
    private const ulong HoleAddress = 0x2000_0000;
    private const ulong Bank = 0x1000_0000;
    private const ulong WatchedBank = 0x1100_0000;

    // Where no region can be.
    private static readonly ulong[] s_impossible = [ulong.MaxValue, ulong.MaxValue - 0xFFF, 1UL << 46, (1UL << 46) - 0x800, 1UL << 63, 0x2000_0800];

    private static int Rounds { get; } = (int)RunSetting.Read("VITRINE_SMP_ROUNDS", 60);

    [Theory]
    [InlineData(1, MmuMode.Shadow)]
    [InlineData(1, MmuMode.TwoDimensional)]
    [InlineData(2, MmuMode.TwoDimensional)]
    [InlineData(4, MmuMode.TwoDimensional)]
    public void NoVcpuSeesMemoryThatDoesNotShow(int vcpus, MmuMode mmu)
    {
        int seed = (int)RunSetting.Read("VITRINE_SEED", (ulong)Random.Shared.Next(int.MaxValue - Changers));
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        using M m = new(engine, vcpus, mmu: mmu) { AnswersMemory = true };
        m.Memory.Observe(m.Accelerator);
        MemorySlot bank = m.Memory.Add("bank", new Gpa(Bank), (Ram - 1) * Page);
        MemorySlot watchedBank = m.Memory.Add("watched", new Gpa(WatchedBank), (Ram - 1) * Page);
        for (uint number = 1; number < Ram; number++)
        {
            Fill(m, Bank + ((number - 1) * Page), number);
            Fill(m, WatchedBank + ((number - 1) * Page), number);
        }

        for (uint page = 0; page <= Pages; page++) Fill(m, Window + (page * Page), Ram);
        for (uint page = 0; page < Pages; page++) m.Store(M.Entry(Hole + (page * Page)), (HoleAddress + (page * Page)) | M.Present | M.Writable);
        m.Place(M.Code, Look);
        Exception? failure = null;
        Action[] parts =
        [
            () => Watch(m, watchedBank, new Random(seed)),
            .. Enumerable.Range(1, Changers).Select(i => (Action)new Changer(m, bank, new Random(seed + i)).Run),
        ];
        Thread[] threads = [.. parts.Select(part => new Thread(() => failure = Record.Exception(part) ?? failure))];
        foreach (Thread thread in threads) thread.Start();
        Thread end = new(() =>
        {
            foreach (Thread thread in threads) thread.Join();
            m.Memory.TryWrite(new Gpa(Over), [1]);
        });
        end.Start();
        try
        {
            m.Run(M.Code);
        }
        finally
        {
            end.Join();
        }

        Assert.Null(failure);
    }

    private static byte[] Function(uint number) => [0xB8, (byte)number, 0, 0, 0, 0xC3]; // mov eax, number; ret

    private static void Fill(M m, ulong address, uint number)
    {
        Assert.True(m.Memory.TryWrite(new Gpa(address), Function(number)));
        m.Store(address + Data, number, 4);
    }

    // Of a few regions in the watched page the highest shows; when nothing changes for a while, it is said which.
    private static void Watch(M m, MemorySlot bank, Random random)
    {
        MemoryRegion[] views = [.. Enumerable.Range(0, (int)Ram - 1).Select(i => m.Memory.AddView(
            "view", new Gpa(Watched), Page, bank, (ulong)i * Page, (MemorySlotFlags)random.Next(4), priority: i + 1, mapped: false))];
        for (uint round = 1; round <= Rounds; round++)
        {
            MemoryRegion shown = views[random.Next(views.Length)];
            m.Store(Known, 0, 4);
            foreach (MemoryRegion view in views)
            {
                if (view != shown && random.Next(2) == 0) view.Unmap();
            }

            Assert.True(shown.TryMap());
            int highest = Array.FindLastIndex(views, static view => view.IsMapped);
            m.Store(Known, (round << 3) | (uint)(highest + 1), 4);
            ulong looks = m.Read(Looks, 4);
            SpinWait.SpinUntil(() => m.Read(Looks, 4) != looks, 1);
        }
    }

    // RDI is the vCPU's number.
    private static void Look(Assembler a)
    {
        Label next = a.CreateLabel();
        Label bad = a.CreateLabel();
        Label good = a.CreateLabel();
        Label unknown = a.CreateLabel();
        a.lea(r13d, __[rdi + 77]);
        a.Label(ref next);
        a.imul(r13d, r13d, 1664525);
        a.add(r13d, 1013904223);
        a.mov(ebx, r13d);
        a.shr(ebx, 24);
        a.and(ebx, Pages - 1);
        a.shl(ebx, 12);
        a.mov(eax, __dword_ptr[rbx + (int)(Window + Data)]);
        a.cmp(eax, (int)Ram);
        a.ja(bad);
        a.lea(rcx, __[rbx + (int)Window]);
        a.call(rcx);
        a.cmp(eax, (int)Ram);
        a.ja(bad);
        a.@lock.inc(__dword_ptr[rbx + (int)(Window + Scratch)]);
        a.mov(__dword_ptr[rbx + (rdi * 4) + (int)(Window + Scratch + 0x40)], eax);
        a.mov(eax, __dword_ptr[rbx + (int)(Hole + Data)]);
        a.mov(__dword_ptr[rbx + (int)(Hole + Scratch)], eax);
        a.cmp(eax, (int)Ram);
        a.jbe(good);
        a.cmp(eax, -1);
        a.jne(bad);
        a.Label(ref good);

        // What a vCPU keeps of the slots holds for a block: a long one is likely to be under way while they change.
        for (int i = 0; i < BlockLength; i++) a.imul(r14d, r14d, 3);
        a.mov(esi, __dword_ptr[Known]);
        a.mov(r8d, __dword_ptr[Watched + Data]);
        a.mov(__dword_ptr[Watched + Scratch], eax);
        a.mov(ecx, (uint)Watched);
        a.call(rcx);
        a.cmp(__dword_ptr[Known], esi);
        a.jne(unknown);
        a.and(esi, 7);
        a.jz(unknown);
        a.cmp(r8d, esi);
        a.jne(bad);
        a.cmp(eax, esi);
        a.jne(bad);
        a.Label(ref unknown);
        a.mov(__dword_ptr[Looks], r13d);
        a.cmp(__dword_ptr[Over], 0);
        a.je(next);
        a.hlt();
        a.Label(ref bad);
        a.ud2();
    }

    public sealed class ByInterpreter() : SlotChurnTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : SlotChurnTests(SoftwareEngine.Translator);

    /// <summary>A thread that changes what shows in the window and the hole.</summary>
    private sealed class Changer(M m, MemorySlot bank, Random random)
    {
        private readonly List<MemoryRegion> _regions = [];

        public void Run()
        {
            for (int round = 0; round < Rounds; round++) Change();
            foreach (MemoryRegion region in _regions) m.Memory.Remove(region);
        }

        private void Change()
        {
            if (_regions.Count < 3)
            {
                _regions.Add(random.Next(2) == 0 ? View() : Own());
                return;
            }

            MemoryRegion region = _regions[random.Next(_regions.Count)];
            switch (random.Next(9))
            {
                case 0:
                    m.Memory.Remove(region);
                    _regions.Remove(region);
                    break;
                case 1:
                    region.Unmap();
                    break;
                case 2:
                    region.TryMap();
                    break;
                case 3:
                    region.Change(Flags());
                    break;
                case 4:
                    Assert.False(region.TryMove(new Gpa(s_impossible[random.Next(s_impossible.Length)])));
                    break;
                case 5:
                    ReadDirtyLog();
                    break;
                case 6:
                    WriteByDevice(region);
                    break;
                default:
                    region.TryMove(Place());
                    break;
            }
        }

        private MemoryRegion View() => m.Memory.AddView(
            "view", Place(), Page, bank, (ulong)random.Next((int)Ram - 1) * Page, Flags(), random.Next(1, 4), mapped: false);

        // SAFETY: the region has a page of its own, and nobody sees it yet.
        private unsafe MemoryRegion Own()
        {
            MemoryRegion region = m.Memory.AddRegion("own", Place(), Page, Flags(), random.Next(1, 4), mapped: false);
            Span<byte> page = new(region.Host.Pointer, (int)Page);
            Function(1).CopyTo(page);
            BinaryPrimitives.WriteUInt32LittleEndian(page[(int)Data..], 1);
            return region;
        }

        private void ReadDirtyLog()
        {
            MemorySlot[] slots = [.. m.Memory.Slots];
            MemorySlot slot = slots[random.Next(slots.Length)];
            m.Accelerator.GetDirtyLog(slot, new ulong[(slot.Size / Page / 64) + 1]);
        }

        // The region may go while part of what shows in its place is lent.
        private void WriteByDevice(MemoryRegion region)
        {
            if (!m.Memory.ForDevices.TryRentPart(Place(), 0x2000, MemoryIntent.ReadWrite, out MemoryRental lent)) return;
            using (lent)
            {
                region.Unmap();
                Function((uint)random.Next(1, (int)Ram + 1)).CopyTo(lent.Writable);
                lent.Commit();
                if (random.Next(2) == 0) region.TryMove(Place());
            }
        }

        private MemorySlotFlags Flags() => (MemorySlotFlags)random.Next(4);

        private Gpa Place() => new((random.Next(2) == 0 ? Window : HoleAddress) + ((ulong)random.Next(Pages) * Page));
    }
}
