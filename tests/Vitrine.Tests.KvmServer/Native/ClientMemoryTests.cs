using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Xunit;

namespace Vitrine.Tests.KvmServer.Native;

/// <summary>Memory of the client that may not be there.</summary>
public sealed unsafe class ClientMemoryTests
{
    // SAFETY: addresses of locals are used while their methods run; all others are only compared, or given to what is tested.
    [Theory]
    [InlineData(0UL)]
    [InlineData(8UL)]
    [InlineData(0xFFFF_8000_0000_0000UL)]
    [InlineData(ulong.MaxValue - 3)]
    [InlineData(0x0123_4567_89AB_CDEFUL)]
    public void BadAddressIsAnError(ulong address)
    {
        Assert.Equal(-Errno.EFAULT, ClientMemory.Read(address, out ulong _));
        Assert.Equal(-Errno.EFAULT, ClientMemory.Write(address, 1UL));
    }

    [Fact]
    public void GoodAddressIsReadAndWritten()
    {
        ulong value = 0x1122_3344_5566_7788;
        Assert.Equal(0, ClientMemory.Read((ulong)&value, out ulong copy));
        Assert.Equal(value, copy);
        Assert.Equal(0, ClientMemory.Write((ulong)&value, 5UL));
        Assert.Equal(5UL, value);
    }

    [Fact]
    public void CallersStackIsHeldUpToItsEnd() => OnThread(static () =>
    {
        ulong here = 0;
        ulong address = (ulong)&here;
        (ulong low, ulong high) = Libc.FindStack();
        Assert.InRange(address, low, high);
        Assert.True(Holds(address, sizeof(ulong)));
        Assert.True(Holds(high - 8, 8));
        Assert.False(Holds(high - 8, 9));
        Assert.False(Holds(high, 1));
        Assert.False(Holds(ulong.MaxValue, 2));
    });

    [Fact]
    public void WhatTheStackHasNotReachedIsNotHeld() => OnThread(static () =>
    {
        (ulong low, _) = Libc.FindStack();
        Assert.False(Holds(low, 8));
        Assert.False(Holds(low - 8, 16));
    });

    [Fact]
    public void AnotherThreadsStackIsNotHeld()
    {
        ulong here = 0;
        ulong address = (ulong)&here;
        OnThread(() => Assert.False(Holds(address, sizeof(ulong))));
        Assert.Equal(0UL, here);
    }

    [Fact]
    public void MemoryElsewhereIsReadAndWritten()
    {
        ulong* value = (ulong*)NativeMemory.AllocZeroed(sizeof(ulong));
        Assert.False(Holds((ulong)value, sizeof(ulong)));
        Assert.Equal(0, ClientMemory.Write((ulong)value, 7UL));
        Assert.Equal(0, ClientMemory.Read((ulong)value, out ulong copy));
        Assert.Equal(7UL, copy);
        NativeMemory.Free(value);
    }

    private static bool Holds(ulong address, int length) => ThreadStack.Holds(address, length);

    // The test's own thread may be one whose stack ends where others' memory begins.
    private static void OnThread(Action part)
    {
        Exception? failure = null;
        Thread thread = new(() => failure = Record.Exception(part));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }
}
