using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Memory;

/// <summary>RAM at 0 and at 0x1000, ROM at 0x2000, a hole at 0x3000, and the first page's memory once more, read-only, at 0x4000.</summary>
public sealed class GuestMemoryTests : IDisposable
{
    private readonly GuestMemory _memory = new();
    private readonly List<string> _written = [];

    public GuestMemoryTests()
    {
        MemorySlot low = _memory.Add("low", new Gpa(0), 0x1000);
        _memory.Add("next", new Gpa(0x1000), 0x1000);
        _memory.Add("rom", new Gpa(0x2000), 0x1000, MemorySlotFlags.ReadOnly);
        _memory.AddAlias("again", new Gpa(0x4000), 0x1000, low, 0, MemorySlotFlags.ReadOnly);
        _memory.Observe(new Recorder(_written));
    }

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(false, 0xFFE, 4, true, "low+ffe:2 next+0:2")]
    [InlineData(true, 0xFFE, 4, true, "low+ffe:2 next+0:2")]
    [InlineData(false, 0x2010, 4, true, "rom+10:4")]
    [InlineData(true, 0x2010, 4, false, "")]
    [InlineData(false, 0x1FFE, 4, true, "next+ffe:2 rom+0:2")]
    [InlineData(true, 0x1FFE, 4, false, "next+ffe:2")]
    [InlineData(false, 0x2FFE, 4, false, "rom+ffe:2")]
    [InlineData(false, 0x3000, 1, false, "")]
    [InlineData(false, 0x3FFF, 2, false, "")]
    [InlineData(false, 0x4000, 4, true, "again+0:4")]
    [InlineData(true, 0x4000, 4, false, "")]
    [InlineData(false, 0x5000, 0, true, "")]
    [InlineData(false, ulong.MaxValue, 2, false, "")]
    public void AWriteReachesWhatItsPartyMayWriteAndIsObserved(bool device, ulong address, int length, bool written, string observed)
    {
        byte[] source = [1, 2, 3, 4];
        IGuestMemory memory = device ? _memory.ForDevices : _memory;
        Assert.Equal(written, memory.TryWrite(new Gpa(address), source.AsSpan(0, length)));
        Assert.Equal(observed, string.Join(' ', _written));
        byte[] read = new byte[length];
        if (!written) return;
        Assert.True(memory.TryRead(new Gpa(address), read));
        Assert.Equal(source[..length], read);
    }

    [Theory]
    [InlineData(MemoryIntent.Read, 0x2000, 0x1000, true, "")]
    [InlineData(MemoryIntent.Write, 0x2000, 0x1000, false, "")]
    [InlineData(MemoryIntent.ReadWrite, 0x2000, 1, false, "")]
    [InlineData(MemoryIntent.Write, 0x800, 0x800, true, "low+800:2048")]
    [InlineData(MemoryIntent.ReadWrite, 0x800, 0x800, true, "low+800:2048")]
    [InlineData(MemoryIntent.Write, 0x800, 0x801, false, "")]
    [InlineData(MemoryIntent.Read, 0x3000, 1, false, "")]
    [InlineData(MemoryIntent.Read, 0x0, -1, false, "")]
    [InlineData(MemoryIntent.Read, 0x0, int.MaxValue, false, "")]
    public void ARentalLiesInOneSlotAndSaysWhenItEnds(MemoryIntent intent, ulong address, int length, bool lent, string observed)
    {
        Assert.Equal(lent, _memory.ForDevices.TryRent(new Gpa(address), length, intent, out MemoryRental rental));
        using (rental)
        {
            Assert.Equal(lent ? length : 0, rental.Bytes.Length);
            Assert.Empty(_written);
        }

        Assert.Equal(observed, string.Join(' ', _written));
    }

    [Fact]
    public void ARentalForReadingIsNotWritten()
    {
        Assert.True(_memory.TryRent(new Gpa(0), 4, MemoryIntent.Read, out MemoryRental rental));
        bool refused = false;
        try
        {
            rental.Writable.Clear();
        }
        catch (InvalidOperationException)
        {
            refused = true;
        }

        rental.Dispose();
        Assert.True(refused);
    }

    [Theory]
    [InlineData(0x0, 0x3000, 0x1000)]
    [InlineData(0xFFF, 2, 1)]
    [InlineData(0x1000, 2, 2)]
    [InlineData(0x3000, 2, 0)]
    [InlineData(0x1000, 0, 0)]
    public void APartEndsWithItsSlot(ulong address, int wanted, int length)
    {
        Assert.Equal(length != 0, _memory.TryRentPart(new Gpa(address), wanted, MemoryIntent.Read, out MemoryRental rental));
        using (rental) Assert.Equal(length, rental.Bytes.Length);
    }

    /// <summary>A device that still has memory in its hands when the machine goes doesn't fault.</summary>
    [Fact]
    public void LentMemoryStaysMapped()
    {
        Assert.True(_memory.TryRent(new Gpa(0), 0x1000, MemoryIntent.ReadWrite, out MemoryRental rental));
        _memory.Dispose();
        rental.Writable.Fill(7);
        Assert.Equal(7, rental.Bytes[0xFFF]);
        rental.Dispose();
        Assert.False(_memory.TryRead(new Gpa(0), new byte[1]));
    }

    /// <summary>
    /// RAM of 16 pages; a view of ROM over pages 4 to 7, which comes and goes and moves. The slots, by page, as the regions' letters: they are cut where any region
    /// began or ended when it was added. A slot that shows what it showed before is the same object.
    /// </summary>
    [Fact]
    public void RegionsCoverOneAnotherByPriority()
    {
        using GuestMemory memory = new();
        MemoryRegion ram = memory.AddRegion("a", new Gpa(0), 0x10_000);
        MemorySlot rom = memory.Add("r", new Gpa(0x100_000), 0x4000, MemorySlotFlags.ReadOnly);
        MemoryRegion view = memory.AddView("v", new Gpa(0x4000), 0x4000, rom, 0, MemorySlotFlags.ReadOnly, priority: 1, mapped: false);
        Assert.True(view.TryMap());
        Assert.Equal("a0+4 v4+4 a8+8 r100+4", Text(memory));
        MemorySlot[] shown = [.. memory.Slots];
        Assert.True(memory.TryWrite(new Gpa(0x4000), [7]));
        Assert.False(memory.ForDevices.TryWrite(new Gpa(0x4000), [8]));
        view.Unmap();
        view.Unmap();
        Assert.Equal("a0+4 a4+4 a8+8 r100+4", Text(memory));
        Assert.Same(shown[0], memory.Slots[0]);
        Assert.Same(shown[2], memory.Slots[2]);
        byte[] bytes = new byte[1];
        Assert.True(memory.TryRead(new Gpa(0x4000), bytes) && bytes[0] == 0);
        Assert.True(memory.TryRead(new Gpa(0x10_0000), bytes) && bytes[0] == 7);
        Assert.True(view.TryMap());
        Assert.Same(shown[0], memory.Slots[0]);
        Assert.Equal(memory.Slots.Count, memory.Slots.Select(static slot => slot.Id).Distinct().Count());
        Assert.True(view.TryMove(new Gpa(0xE000)));
        Assert.Equal("a0+4 a4+4 a8+6 ve+2 v10+2 r100+4", Text(memory));
        view.Change(MemorySlotFlags.None);
        Assert.True(memory.ForDevices.TryWrite(new Gpa(0x11_000), [9]));
        Assert.False(view.TryMove(new Gpa(0x1_2345)));
        Assert.False(view.TryMove(new Gpa(ulong.MaxValue & ~0xFFFUL)));
        Assert.Equal("ve+2", Text(memory).Split(' ')[3]);
        Assert.Throws<VitrineException>(() => memory.AddRegion("x", new Gpa(0x11_000), 0x1000, priority: 1));
        Assert.True(ram.TryMove(new Gpa(0x20_000)));
        Assert.Equal("ve+2 v10+2 a20+10 r100+4", Text(memory));
    }

    [Fact]
    public void ARemovedRegionGivesItsMemoryBackUnlessSomebodyNeedsIt()
    {
        using GuestMemory memory = new();
        MemoryRegion region = memory.AddRegion("a", new Gpa(0), 0x1000);
        MemoryRegion view = memory.AddView("v", new Gpa(0x1000), 0x1000, memory.Slots[0], 0, MemorySlotFlags.None);
        HostMapping host = memory.Slots[0].Host;
        memory.Remove(region);
        Assert.False(host.IsClosed);
        Assert.True(memory.TryWrite(new Gpa(0x1000), [1]));
        memory.Remove(view);
        Assert.True(host.IsClosed);
        Assert.Empty(memory.Slots);
        Assert.False(view.TryMap());
    }

    /// <summary>
    /// Whoever disposes an observer knows by the return of Ignore that nobody is in it: a thread that writes or changes slots at that time may have begun before.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AnObserverIsLeftWhenItIsIgnored(bool changesSlots)
    {
        using GuestMemory memory = new();
        MemoryRegion region = memory.AddRegion("a", new Gpa(0), 0x1000);
        using SlowObserver observer = new();
        memory.Observe(observer);
        Thread user = new(() =>
        {
            if (changesSlots) region.Unmap();
            else memory.TryWrite(new Gpa(0), [1]);
        });
        user.Start();
        observer.Entered.Wait(TestContext.Current.CancellationToken);
        using ManualResetEventSlim about = new();
        bool wasInside = false;
        Thread owner = new(() =>
        {
            about.Set();
            memory.Ignore(observer);
            wasInside = observer.IsInside;
        });
        owner.Start();
        about.Wait(TestContext.Current.CancellationToken);

        // Sooner than this it can't have returned, or it has returned too soon.
        owner.Join(TimeSpan.FromMilliseconds(50));
        observer.GoOn.Set();
        owner.Join();
        user.Join();
        Assert.False(wasInside);
        memory.TryWrite(new Gpa(0), [1]);
        Assert.Equal(1, observer.Count);
    }

    /// <summary>RAM around a region that is gone for good is one slot again; a board that adds and removes doesn't wear the slots out.</summary>
    [Fact]
    public void ARemovedRegionLeavesNoCut()
    {
        using GuestMemory memory = new();
        memory.Add("a", new Gpa(0), 0x10_000);
        for (ulong page = 1; page < 15; page++) memory.Remove(memory.AddRegion("v", new Gpa(page << 12), 0x1000, priority: 1));
        Assert.Equal("a0+10", Text(memory));
    }

    [Theory]
    [InlineData(0UL, 0UL)]
    [InlineData(0UL, 0x800UL)]
    [InlineData(0x800UL, 0x1000UL)]
    [InlineData(1UL << 46, 0x1000UL)]
    [InlineData(0x1000UL, 1UL << 46)]
    [InlineData(0x2000UL, 0xFFFF_FFFF_FFFF_F000UL)]
    [InlineData(0x1000UL, 0xFFFF_FFFF_FFFF_F000UL)]
    [InlineData(0xFFFF_FFFF_FFFF_F000UL, 0x1000UL)]
    [InlineData(0xFFFF_FFFF_FFFF_F000UL, 0x2000UL)]
    public void AnImpossibleRegionIsRefused(ulong start, ulong size)
    {
        using GuestMemory memory = new();
        VitrineException error = Assert.Throws<VitrineException>(() => memory.AddRegion("a", new Gpa(start), size));
        Assert.Equal(ErrorCode.MemorySlotInvalid, error.Code);
        Assert.Empty(memory.Slots);
    }

    /// <summary>The memory of a slot that is gone is the host's again.</summary>
    [Fact]
    public void NoViewShowsMemoryThatWasGivenBack()
    {
        using GuestMemory memory = new();
        MemoryRegion region = memory.AddRegion("a", new Gpa(0), 0x1000);
        MemorySlot slot = memory.Slots[0];
        memory.Remove(region);
        Assert.Throws<ObjectDisposedException>(() => memory.AddView("v", new Gpa(0), 0x1000, slot, 0, MemorySlotFlags.None));
        Assert.Empty(memory.Slots);
        memory.Add("b", new Gpa(0), 0x1000);
    }

    private static string Text(GuestMemory memory) =>
        string.Join(' ', memory.Slots.Select(static slot => $"{slot.Name}{slot.Start.Value >> 12:x}+{slot.Size >> 12:x}"));

    [Fact]
    public void WritingAllocatesNothing()
    {
        GuestMemory memory = new();
        memory.Add("ram", new Gpa(0), 0x1000);
        byte[] bytes = new byte[8];
        memory.ForDevices.TryWrite(new Gpa(0), bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool done = true;
        for (ulong i = 0; i < 100; i++) done &= memory.ForDevices.TryWrite(new Gpa(i), bytes) && memory.ForDevices.TryRead(new Gpa(i), bytes);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(done);
        memory.Dispose();
    }

    private sealed class Recorder(List<string> written) : IGuestMemoryObserver
    {
        public void OnSlotsChanged(IReadOnlyList<MemorySlot> removed, IReadOnlyList<MemorySlot> added)
        {
        }

        public void OnWritten(MemorySlot slot, ulong offset, ulong length) => written.Add($"{slot.Name}+{offset:x}:{length}");
    }

    private sealed class SlowObserver : IGuestMemoryObserver, IDisposable
    {
        public ManualResetEventSlim Entered { get; } = new();

        public ManualResetEventSlim GoOn { get; } = new();

        public bool IsInside { get; private set; }

        public int Count { get; private set; }

        public void OnSlotsChanged(IReadOnlyList<MemorySlot> removed, IReadOnlyList<MemorySlot> added) => Stay();

        public void OnWritten(MemorySlot slot, ulong offset, ulong length) => Stay();

        public void Dispose()
        {
            Entered.Dispose();
            GoOn.Dispose();
        }

        private void Stay()
        {
            IsInside = true;
            Count++;
            Entered.Set();
            GoOn.Wait();
            IsInside = false;
        }
    }
}
