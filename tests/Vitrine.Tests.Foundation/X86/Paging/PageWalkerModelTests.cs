using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Xunit;

namespace Vitrine.Tests.X86.Paging;

/// <summary>The walker against <see cref="ManualPageWalk"/> on random tables.</summary>
public sealed class PageWalkerModelTests(ITestOutputHelper output)
{
    private const int Cases = 100_000;

    [Theory]
    [InlineData(20260101)]
    public void WalkerAndManualAgree(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        int[] ends = new int[4];
        for (int i = 0; i < Cases; i++)
            ends[(int)OneCase(random, $"seed {seed} case {i}")]++;
        output.WriteLine(string.Join(' ', ends));
        // Each way to end is met often enough for the comparison to mean something.
        Assert.All(ends, count => Assert.InRange(count, Cases / 50, Cases));
    }

    private static PageFaultKind OneCase(Random random, string name)
    {
        bool Coin() => random.Next(2) == 0;
        int mode = random.Next(4);
        bool lma = mode >= 2;
        bool pae = mode >= 1;
        int size = pae ? 8 : 4;
        int[] widths = [36, 39, 40, 46, 52];
        int width = widths[random.Next(widths.Length)];
        ulong cr3 = 0x1000UL * (ulong)random.Next(1, 8);
        bool wp = Coin(), pse = Coin(), pge = Coin(), smep = Coin(), smap = Coin(), la57 = mode == 3, nxe = Coin(), gib = Coin();
        bool pke = Coin(), pks = Coin();
        uint pkru = (uint)random.NextInt64() & (uint)random.NextInt64(), pkrs = (uint)random.NextInt64() & (uint)random.NextInt64();
        bool write = false, fetch = false, user = Coin(), ac = Coin();
        switch (random.Next(3))
        {
            case 0: write = true; break;
            case 1: fetch = true; break;
        }

        // Three quarters of the addresses that tables hold are tables again, so that walks get deep. Bits that fault are rare.
        var memory = new DictionaryMemory(size);
        ulong RandomEntry()
        {
            ulong entry = (0x1000UL * (ulong)random.Next(1, 8)) | 1;
            if (random.Next(12) == 0)
                entry &= ~1UL;
            if (random.Next(5) != 0)
                entry |= 2;
            if (random.Next(5) != 0)
                entry |= 4;
            if (random.Next(4) == 0)
                entry |= 0x80;
            if ((entry & 0x80) != 0 && random.Next(2) == 0)
                entry &= ~0xE000UL;
            entry |= (ulong)random.Next(16) << 3 & 0x78;
            entry |= (ulong)random.Next(16) << 8;
            if (random.Next(6) == 0)
                entry |= 1UL << random.Next(size * 8);
            if (size == 8 && random.Next(6) == 0)
                entry |= 1UL << 63;
            if (random.Next(6) == 0)
                entry |= (ulong)random.Next() << 21;
            if (lma && size == 8 && random.Next(2) == 0)
                entry |= (ulong)random.Next(16) << 59;
            return size == 4 ? (uint)entry : entry;
        }

        ulong linear = (ulong)random.NextInt64();
        // Only entries that indices of this address select can matter: four candidates for each table page.
        int bits = size == 4 ? 10 : 9;
        for (ulong page = 1; page < 8; page++)
        {
            for (int level = 0; level < 5; level++)
            {
                int shift = 12 + (level * bits);
                ulong source = pae && lma ? linear : (uint)linear;
                ulong index = (source >> shift) & ((1UL << bits) - 1);
                if (random.Next(30) != 0)
                    memory.Entries[(page * 0x1000) + (index * (ulong)size)] = RandomEntry();
            }
        }

        var pdptes = new ulong[4];
        for (int i = 0; i < 4; i++)
            pdptes[i] = (0x1000UL * (ulong)random.Next(1, 8)) | (random.Next(8) == 0 ? 0UL : 1);

        var copy = new Dictionary<ulong, ulong>(memory.Entries);
        var manual = new ManualPageWalk(copy)
        {
            Wp = wp,
            Pse = pse,
            Pae = pae,
            Pge = pge,
            Smep = smep,
            Smap = smap,
            La57 = la57,
            Lma = lma,
            Nxe = nxe,
            Pke = pke,
            Pks = pks,
            Pkru = pkru,
            Pkrs = pkrs,
            Page1G = gib,
            MaxPhyAddr = width,
            Cr3 = cr3,
            Pdpte = pdptes,
        };
        ManualPageWalk.Outcome expected = manual.Translate(linear, write, fetch, user, ac);

        ulong cr4 = (pse ? Cr4.PSE : 0) | (pae ? Cr4.PAE : 0) | (pge ? Cr4.PGE : 0) | (smep ? Cr4.SMEP : 0) | (smap ? Cr4.SMAP : 0)
            | (la57 ? Cr4.LA57 : 0) | (pke ? Cr4.PKE : 0) | (pks ? Cr4.PKS : 0);
        var context = new PagingContext(
            Cr0.PE | Cr0.PG | (wp ? Cr0.WP : 0), cr3, cr4, (nxe ? Efer.NXE : 0) | (lma ? Efer.LME | Efer.LMA : 0),
            width, gib, PdpteRegisters.From(pdptes), pkru, pkrs);
        PageAccess access = (write ? PageAccess.Write : 0) | (fetch ? PageAccess.Fetch : 0) | (user ? PageAccess.User : 0)
            | (ac ? PageAccess.SmapOverride : 0);

        // A look without side effects first: same answer, nothing written.
        var before = new Dictionary<ulong, ulong>(memory.Entries);
        bool looked = PageWalker.Walk(in context, ref memory, linear, access | PageAccess.LeaveAccessedDirty, out PageWalkResult look);
        Assert.True(Same(before, memory.Entries), name);

        bool allowed = PageWalker.Walk(in context, ref memory, linear, access, out PageWalkResult result);
        Assert.True(expected.Allowed == allowed && looked == allowed, name);
        Assert.True(expected.ErrorCode == result.ErrorCode && look.ErrorCode == result.ErrorCode, name);
        if (expected.PageSize != 0)
        {
            Assert.True(expected.Gpa == result.Gpa, $"{name}: {expected.Gpa:x} {result.Gpa:x}");
            Assert.True(expected.PageSize == result.PageSize, name);
        }

        // What an explanation names as reserved is set exactly where the manual's walk ends in a reserved-bit fault.
        const uint ReservedBitFault = 8;
        if (look.Fault != PageFaultKind.NotPresent)
        {
            bool named = (look.Entry & context.ReservedBits(look.Entry, look.Level)) != 0;
            Assert.True(named == ((expected.ErrorCode & ReservedBitFault) != 0), name);
        }

        if (allowed)
            Assert.True(expected.Global == ((result.Rights & PageRights.Global) != 0), name);
        Assert.True(Same(copy, memory.Entries), name);
        return result.Fault;
    }

    private static bool Same(Dictionary<ulong, ulong> left, Dictionary<ulong, ulong> right)
    {
        foreach ((ulong key, ulong value) in left)
        {
            if (!right.TryGetValue(key, out ulong other) || other != value)
                return false;
        }

        return left.Count == right.Count;
    }
}
