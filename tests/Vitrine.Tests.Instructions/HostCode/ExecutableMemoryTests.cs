using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Software.HostCode;

/// <summary>Memory for machine code: one object, two views, and none of them both writable and executable.</summary>
public sealed unsafe class ExecutableMemoryTests
{
    private const nuint Size = 3 * 4096;

    public ExecutableMemoryTests() => Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "machine code of another host");

    [Fact]
    public void CodeThatIsWrittenInOneViewRunsInTheOther()
    {
        using ExecutableMemory memory = ExecutableMemory.Create(Size);
        ReadOnlySpan<byte> answer = [0xB8, 42, 0, 0, 0, 0xC3]; // mov eax, 42; ret
        nuint last = memory.Size - 6;
        answer.CopyTo(new Span<byte>(memory.Writable + last, 6));
        delegate* unmanaged<int> function = (delegate* unmanaged<int>)(memory.Executable + last);
        Assert.Equal(42, function());

        // Overwritten after it ran: the instruction that runs next is the new one.
        memory.Writable[last + 1] = 43;
        Assert.Equal(43, function());
    }

    [Fact]
    public void NoViewIsWritableAndExecutable()
    {
        using ExecutableMemory memory = ExecutableMemory.Create(Size);
        Assert.Equal("rw-s", Rights(memory.Writable));
        Assert.Equal("r-xs", Rights(memory.Executable));
    }

    [Fact]
    public void DisposingUnmapsBothViews()
    {
        ExecutableMemory memory = ExecutableMemory.Create(Size);
        byte* writable = memory.Writable;
        byte* executable = memory.Executable;
        memory.Dispose();
        memory.Dispose();
        Assert.NotEqual("rw-s", Rights(writable));
        Assert.NotEqual("r-xs", Rights(executable));
        Assert.True(memory.Writable == null && memory.Executable == null);
    }

    [Fact]
    public void TheSizeIsRoundedUpToPages()
    {
        using ExecutableMemory memory = ExecutableMemory.Create(4097);
        Assert.Equal((nuint)8192, memory.Size);
        memory.Writable[8191] = 1;
        Assert.Equal(1, memory.Executable[8191]);
    }

    [Fact]
    public void WhatTheHostCannotMapIsAnErrorOfTheHost()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => ExecutableMemory.Create((nuint)1 << 60));
        Assert.Contains("interpreter", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhereTheHostRefusesMuchLessIsTaken()
    {
        nuint most = (nuint)1 << 50;
        using ExecutableMemory memory = ExecutableMemory.CreateUpTo(most, Size);
        Assert.InRange(memory.Size, Size, most / 2);
        memory.Writable[memory.Size - 1] = 0xC3;
        Assert.Equal(0xC3, memory.Executable[memory.Size - 1]);
    }

    [Fact]
    public void WhatIsReleasedIsZeroAgain()
    {
        using ExecutableMemory memory = ExecutableMemory.Create(Size);
        Assert.True(memory.TryCommit(0, memory.Size));
        new Span<byte>(memory.Writable, (int)Size).Fill(0xC3);
        memory.Release(4096);
        Assert.Equal((0xC3, 0, 0), (memory.Executable[4095], memory.Executable[4096], memory.Executable[Size - 1]));
        memory.Writable[4096] = 0xC3;
        Assert.Equal(0xC3, memory.Executable[4096]);
    }

    /// <summary>The rights of the mapping at an address as /proc/self/maps shows them; empty where there is none.</summary>
    private static string Rights(void* address)
    {
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] range = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
            if ((ulong)address >= Convert.ToUInt64(range[0], 16) && (ulong)address < Convert.ToUInt64(range[1], 16)) return line.Split(' ')[1];
        }

        return "";
    }
}
