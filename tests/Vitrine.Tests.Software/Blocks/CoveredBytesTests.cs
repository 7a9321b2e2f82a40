using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Blocks;
using Xunit;

namespace Vitrine.Tests.Software.Blocks;

/// <summary>The bytes of a page that code was made of.</summary>
public sealed unsafe class CoveredBytesTests
{
    /// <summary>A byte that differs is found when it is covered, and only then, wherever it lies.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(63, 2)]
    [InlineData(64, 64)]
    [InlineData(1000, 130)]
    [InlineData(4095, 1)]
    public void OnlyCoveredBytesAreCompared(int offset, int length)
    {
        const int PageBytes = 0x1000;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(2 * PageBytes, PageBytes);
        try
        {
            for (int i = 0; i < 2 * PageBytes; i++) memory[i] = (byte)(i * 7);
            CoveredBytes covered = new();
            covered.Cover(offset, length);
            for (int i = 0; i < PageBytes; i++)
            {
                memory[i] ^= 0x80;
                bool isCovered = i >= offset && i < offset + length;
                Assert.Equal(isCovered, covered.Differ(memory, memory + PageBytes));
                memory[i] ^= 0x80;
            }
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
