using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator;
using Xunit;

namespace Vitrine.Tests.Software.Translator;

/// <summary>The table of translated blocks by itself.</summary>
public sealed unsafe class BlockTableTests
{
    private const ulong First = 0x7F00_0000_0000;

    // Many times what it has room for at first.
    private const int Many = 200_000;

    [Fact]
    public void BlocksAreFoundHoweverManyThereAre()
    {
        using BlockTable table = new();
        nint[] added = new nint[Many];
        for (int i = 0; i < Many; i++)
        {
            Assert.True(table.TryMakeRoom());
            added[i] = (nint)table.Add(new TranslatedBlock { Guest = Guest(i), Mode = ModeOf(i), Instructions = (ushort)i });
        }

        Assert.Equal(Many, table.Count);
        for (int i = 0; i < Many; i++)
        {
            TranslatedBlock* block = table.Find(Guest(i), ModeOf(i));
            Assert.Equal(added[i], (nint)block);
            Assert.Equal((ushort)i, block->Instructions);
        }

        Assert.True(table.Find(Guest(0), ExecutionMode.Code32) == null);
        Assert.True(table.Find(Guest(Many), ModeOf(Many)) == null);
    }

    [Fact]
    public void RemovedBlocksAreNotFoundAndOthersAre()
    {
        using BlockTable table = new();
        for (int i = 0; i < Many; i++)
        {
            Assert.True(table.TryMakeRoom());
            table.Add(new TranslatedBlock { Guest = Guest(i), Mode = ModeOf(i) });
        }

        for (int i = 0; i < Many; i += 2) table.Remove(table.Find(Guest(i), ModeOf(i)));
        for (int i = 0; i < Many; i++) Assert.Equal(i % 2 == 0, table.Find(Guest(i), ModeOf(i)) == null);
    }

    [Fact]
    public void AfterClearItIsUsedAgain()
    {
        using BlockTable table = new();
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < Many / 4; i++)
            {
                Assert.True(table.TryMakeRoom());
                if (i % 3 == 0) table.AddUnnamed(new TranslatedBlock { Guest = Guest(i) });
                else table.Add(new TranslatedBlock { Guest = Guest(i), Mode = ModeOf(i) });
            }

            Assert.True(table.Find(Guest(1), ModeOf(1)) != null);
            table.Clear();
            Assert.Equal(0, table.Count);
            for (int i = 0; i < Many / 4; i++) Assert.True(table.Find(Guest(i), ModeOf(i)) == null);
        }
    }

    private static byte* Guest(int i) => (byte*)(First + ((ulong)i / 2 * 16));

    private static ExecutionMode ModeOf(int i) => i % 2 == 0 ? ExecutionMode.Code64 : ExecutionMode.Code64 | ExecutionMode.Unshared;
}
