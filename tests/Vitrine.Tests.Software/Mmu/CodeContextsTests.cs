using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Mmu;
using Xunit;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Names of address spaces and modes: 15 bits for tags of 64.</summary>
public sealed unsafe class CodeContextsTests
{
    private const ulong Names = 1 << 15;

    /// <summary>Whatever the tags' bits: those of a program, of its kernel and of what is global alternate all the time.</summary>
    [Fact]
    public void ThreeTagsThatAlternateKeepTheirNames()
    {
        using BlockCache blocks = new(1 << 16);
        CodeContexts contexts = new(blocks);
        Random random = new(7);
        for (int i = 0; i < 5000; i++)
        {
            ulong[] tags = [(ulong)random.NextInt64(), (ulong)random.NextInt64(), (ulong)random.NextInt64()];

            // As bad as can be: their 16-bit parts have the same sum.
            if (i % 2 == 0) (tags[1], tags[2]) = (tags[0] ^ 0x0001_0001, tags[0] ^ 0x0003_0000_0003);
            ulong[] names = [.. tags.Select(contexts.KeyFor)];
            Assert.Equal(names, tags.Select(contexts.KeyFor));
            Assert.Equal(3, names.Distinct().Count());
        }
    }

    /// <summary>When the names have run out they are given again, and by then nothing knows the old ones.</summary>
    [Fact]
    public void BehindTheLastNameEverythingIsForgotten()
    {
        using BlockCache blocks = new(1 << 16);
        CodeContexts contexts = new(blocks);
        Dictionary<ulong, ulong> owners = [];
        int forgotten = 0;
        blocks.Jumps[0].Rip = 1;
        for (ulong tag = 1; tag < 3 * Names; tag++)
        {
            ulong name = contexts.KeyFor(tag);
            if (blocks.Jumps[0].Rip == 0)
            {
                owners.Clear();
                forgotten++;
                blocks.Jumps[0].Rip = 1;
            }

            Assert.True(owners.TryAdd(name, tag), $"tags {tag} and {owners.GetValueOrDefault(name)} have one name");
            Assert.True(name != 0 && name >> 63 == 0 && name << 16 == 0);
        }

        Assert.InRange(forgotten, 2, 3);
    }
}
