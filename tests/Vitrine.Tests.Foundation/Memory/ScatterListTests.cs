using Vitrine.Memory;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Memory;

/// <summary>RAM at 0 and at 0x1000, which are two slots, ROM at 0x2000, and nothing from 0x3000 on.</summary>
public sealed class ScatterListTests : IDisposable
{
    private readonly GuestMemory _memory = new();

    public ScatterListTests()
    {
        _memory.Add("low", new Gpa(0), 0x1000);
        _memory.Add("next", new Gpa(0x1000), 0x1000);
        _memory.Add("rom", new Gpa(0x2000), 0x1000, MemorySlotFlags.ReadOnly);
    }

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(0, 10)]
    [InlineData(1, 3)]
    [InlineData(3, 7)]
    [InlineData(4, 1)]
    [InlineData(10, 0)]
    public void BytesGoToThePiecesInOrder(ulong offset, int length)
    {
        // Three bytes, four across the border of two slots, three before the first: bytes 0 to 9 of the run.
        ScatterList list = List((0x100, 3), (0xFFE, 4), (0xFD, 3));
        ulong[] addresses = [0x100, 0x101, 0x102, 0xFFE, 0xFFF, 0x1000, 0x1001, 0xFD, 0xFE, 0xFF];
        byte[] source = [.. Enumerable.Range(1, length).Select(static i => (byte)i)];
        Assert.True(list.TryWrite(_memory.ForDevices, offset, source));
        for (int i = 0; i < addresses.Length; i++)
        {
            int number = i - (int)offset;
            Assert.Equal(number >= 0 && number < length ? source[number] : 0, Byte(addresses[i]));
        }

        byte[] read = new byte[length];
        Assert.True(list.TryRead(_memory.ForDevices, offset, read));
        Assert.Equal(source, read);
    }

    [Theory]
    [InlineData(0, 11)]
    [InlineData(10, 1)]
    [InlineData(11, 0)]
    [InlineData(ulong.MaxValue, 2)]
    public void WhatIsBeyondThePiecesIsRefusedAndWritesNothing(ulong offset, int length)
    {
        ScatterList list = List((0x100, 5), (0x200, 5));
        byte[] bytes = new byte[length];
        Array.Fill(bytes, (byte)1);
        Assert.False(list.TryWrite(_memory, offset, bytes));
        Assert.False(list.TryRead(_memory, offset, bytes));
        Assert.False(list.TryCopyTo(_memory, offset, list, 0, (ulong)length));
        Assert.Equal(0, Byte(0x200));
    }

    [Theory]
    [InlineData(0x2FFE, 4, false)]
    [InlineData(0x1FFE, 4, false)]
    [InlineData(0x3000, 1, false)]
    [InlineData(0x1FFE, 2, true)]
    public void HolesAndReadOnlyMemoryAreFoundByTheAccess(ulong address, uint length, bool possible)
    {
        ScatterList list = List((0x10, 2), (address, length));
        byte[] bytes = new byte[(int)list.Length];
        Array.Fill(bytes, (byte)5);
        Assert.Equal(possible, list.TryWrite(_memory.ForDevices, 0, bytes));
        Assert.Equal(5, Byte(0x11));
        Assert.Equal(address + length <= 0x3000, list.TryRead(_memory.ForDevices, 0, bytes));
    }

    [Fact]
    public void CopiesBetweenPiecesOfOtherSizes()
    {
        byte[] source = [.. Enumerable.Range(1, 0x900).Select(static i => (byte)(i * 7))];
        ScatterList from = List((0xC00, 0x700), (0x20, 0x200));
        ScatterList to = List((0x1800, 1), (0x1400, 0x3FF), (0x1900, 0x500));
        Assert.True(from.TryWrite(_memory, 0, source));
        Assert.True(from.TryCopyTo(_memory, 3, to, 1, 0x8F0));
        byte[] copy = new byte[0x8F0];
        Assert.True(to.TryRead(_memory, 1, copy));
        Assert.Equal(source[3..(copy.Length + 3)], copy);
        Assert.Equal(0, Byte(0x1800));
        Assert.False(from.TryCopyTo(_memory.ForDevices, 0, List((0x2000, 4)), 0, 4));
        Assert.False(List((0x4000, 4)).TryCopyTo(_memory.ForDevices, 0, to, 0, 4));
    }

    [Fact]
    public void AListHasItsRoomAndNoMore()
    {
        ScatterList list = new(2);
        Assert.True(list.TryAdd(new Gpa(1), 0));
        Assert.Equal(0, list.Count);
        Assert.False(list.TryAdd(new Gpa(ulong.MaxValue), 1));
        Assert.True(list.TryAdd(new Gpa(0), uint.MaxValue));
        Assert.True(list.TryAdd(new Gpa(0), uint.MaxValue));
        Assert.False(list.TryAdd(new Gpa(0), 1));
        Assert.Equal(2UL * uint.MaxValue, list.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => list[2]);
        list.Clear();
        Assert.Equal((0, 0UL), (list.Count, list.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => list[0]);
    }

    [Fact]
    public void AListThatIsFilledAgainAllocatesNothing()
    {
        ScatterList list = new(4);
        byte[] bytes = new byte[0x20];
        bool done = Turn();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) done &= Turn();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(done);

        bool Turn()
        {
            list.Clear();
            return list.TryAdd(new Gpa(0xFF0), 0x20) && list.TryAdd(new Gpa(0x100), 0x20) && list.TryWrite(_memory.ForDevices, 8, bytes) &&
                list.TryRead(_memory.ForDevices, 8, bytes) && list.TryCopyTo(_memory.ForDevices, 0, list, 0x20, 0x20);
        }
    }

    private static ScatterList List(params (ulong Start, uint Length)[] pieces)
    {
        ScatterList list = new(pieces.Length);
        foreach ((ulong start, uint length) in pieces) Assert.True(list.TryAdd(new Gpa(start), length));
        return list;
    }

    private byte Byte(ulong address)
    {
        byte[] bytes = new byte[1];
        Assert.True(_memory.TryRead(new Gpa(address), bytes));
        return bytes[0];
    }
}
