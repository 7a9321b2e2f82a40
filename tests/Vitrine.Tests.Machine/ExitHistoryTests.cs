using Vitrine.Accelerators;
using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests.Machine;

public sealed class ExitHistoryTests
{
    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(3, 1, 3)]
    [InlineData(16, 1, 16)]
    [InlineData(17, 2, 16)]
    [InlineData(100, 85, 16)]
    public void TheLastSixteenAreKeptOldestFirst(int added, ulong first, int kept)
    {
        ExitHistory history = new();
        for (int i = 0; i < added; i++)
        {
            VmExit exit = new() { Reason = VmExitReason.IoapicEoi, Vector = (byte)i };
            history.Add(ref exit);
        }

        ExitRecord[] recent = [.. history.Recent()];
        Assert.Equal((ulong)added, history.Total);
        Assert.Equal(Enumerable.Range(0, kept).Select(i => first + (ulong)i), recent.Select(record => record.Number));
        Assert.All(recent, record => Assert.Equal((byte)(record.Number - 1), record.Value));
    }

    [Fact]
    public void AddingDoesNotAllocate()
    {
        ExitHistory history = new();
        VmExit exit = new() { Reason = VmExitReason.PortIo, Port = 0x3F8, Size = 1, Count = 1, IsWrite = true };
        history.Add(ref exit);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) history.Add(ref exit);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
