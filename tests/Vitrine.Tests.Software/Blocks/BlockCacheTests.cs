using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Xunit;

namespace Vitrine.Tests.Software.Blocks;

/// <summary>The cache of decoded blocks by itself.</summary>
public sealed unsafe class BlockCacheTests
{
    /// <summary>Pages that become code, become data by many writes, and are flushed: once they have been, none takes new memory.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PagesOfCodeThatComeAndGoAllocateNothing(bool byFlush)
    {
        const int PageBytes = 0x1000;
        const int Pages = 4;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Pages * PageBytes, PageBytes);
        using BlockCache cache = new(1 << 20);
        try
        {
            bool right = Turn();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20; i++) right &= Turn();
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            Assert.True(right);
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }

        bool Turn()
        {
            const int MoreWritesThanAnyCodePageHas = 1000;
            bool right = true;
            for (int page = 0; page < Pages; page++)
            {
                byte* host = memory + (page * PageBytes);
                Block* block = cache.Allocate(1);
                block->Host = host + 0x10;
                block->Count = 1;
                block->Bytes = 4;
                cache.Commit(block);
                right &= cache.HasCode(host) && cache.Find(host + 0x10, default) == block;

                // A page that was taken over from another covers nothing of it.
                cache.Invalidate(host + 0x20, 8);
                right &= cache.Find(host + 0x10, default) == block;
                for (int i = 0; i < MoreWritesThanAnyCodePageHas && !byFlush; i++) cache.Invalidate(host + 0x10, 8);
            }

            if (byFlush) cache.Flush();
            for (int page = 0; page < Pages; page++) right &= !cache.HasCode(memory + (page * PageBytes));
            return right;
        }
    }
}
