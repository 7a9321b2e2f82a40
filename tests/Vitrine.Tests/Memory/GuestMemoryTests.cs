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
        public void OnWritten(MemorySlot slot, ulong offset, ulong length) => written.Add($"{slot.Name}+{offset:x}:{length}");
    }
}
