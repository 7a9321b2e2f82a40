using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Memory;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Software.Processors;

/// <summary>The directory's rules: a page has decoders or writers, and a decoder hears of each write to what it decoded.</summary>
public abstract unsafe class CodeDirectoryTests : IDisposable
{
    public sealed class Narrow() : CodeDirectoryTests(8);

    public sealed class Wide() : CodeDirectoryTests(64);

    private readonly GuestMemory _memory = new();
    private readonly CodeDirectory _directory;
    private readonly byte* _page;

    protected CodeDirectoryTests(int vcpus)
    {
        _directory = new CodeDirectory(vcpus);
        MemorySlot slot = _memory.Add("ram", new Gpa(0), 1 << 20);
        MemorySlot alias = _memory.AddAlias("alias", new Gpa(1 << 20), 1 << 20, slot, 0, MemorySlotFlags.ReadOnly);
        _directory.AddMemory(slot);
        _directory.AddMemory(alias);
        _page = slot.Pointer + 0x5000;
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _directory.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void NobodyOpensAPageThatIsDecoded()
    {
        Assert.True(_directory.TryOpen(_page, 1));
        Assert.True(_directory.TryOpen(_page, 7));
        Assert.Equal(CodeDirectory.Bit(1) | CodeDirectory.Bit(7), Join(2));
        Assert.False(_directory.TryOpen(_page, 1));
        Assert.False(_directory.TryOpen(_page + 0xFFF, 3));
        Assert.True(_directory.TryOpen(_page + 0x1000, 3));
        _directory.Close(_page, 1);
        Assert.Equal(CodeDirectory.Bit(7), Join(0));
        _directory.Close(_page, 7);
        Assert.Equal(0UL, Join(0));
    }

    /// <summary>Code that is written and decoded again, as a guest does that generates code, and code that is thrown away: none of it takes new memory.</summary>
    [Fact]
    public void APageThatIsDecodedAnewAllocatesNothing()
    {
        bool right = Turn();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) right &= Turn();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(right);

        bool Turn()
        {
            Cover(_page);
            _directory.Enter(_page);
            bool heard = _directory.Write(_page, 1) == 1;
            _directory.Exit(_page);
            Cover(_page);
            _directory.Leave(_page, 0);

            // What was covered in one life of the page isn't in the next.
            Cover(_page + 0x100);
            _directory.Enter(_page);
            heard &= _directory.Write(_page, 1) == 0;
            _directory.Exit(_page);
            _directory.Leave(_page, 0);
            return heard;
        }

        void Cover(byte* code)
        {
            _directory.Enter(code);
            _directory.Join(code, 0);
            _directory.Cover(code, 16);
            _directory.Exit(code);
        }
    }

    [Fact]
    public void AWriterIsAskedOnce()
    {
        _directory.TryOpen(_page, 4);
        Join(0);
        Assert.True(_directory.TryAsk(_page, 4));
        Assert.False(_directory.TryAsk(_page, 4));
        _directory.Close(_page, 4);
        Assert.True(_directory.TryAsk(_page, 4));
    }

    [Theory]
    [InlineData(0x10, 4, true)]
    [InlineData(0x0F, 1, false)]
    [InlineData(0x0F, 2, true)]
    [InlineData(0x17, 1, true)]
    [InlineData(0x18, 8, false)]
    [InlineData(0xFFF, 1, true)]
    public void AWriteToDecodedBytesConcernsAllDecoders(int offset, int size, bool concerns)
    {
        Join(0);
        Cover(0x10, 8);
        Join(5);
        Cover(0xFFE, 2);
        Assert.Equal(concerns ? 0x21UL : 0UL, Write(offset, size));

        // Then nobody has code of it, and it may be opened.
        Assert.Equal(concerns, _directory.TryOpen(_page, 1));
        if (concerns) Assert.Equal(0UL, Write(offset, size));
    }

    [Fact]
    public void TheLastDecoderToLeaveTakesTheCoverWithIt()
    {
        Join(0);
        Cover(0x10, 8);
        Join(1);
        _directory.Leave(_page, 0);
        Assert.Equal(2UL, Write(0x10, 1));
        Join(1);
        Cover(0x20, 8);
        _directory.Leave(_page, 1);
        Assert.True(_directory.TryOpen(_page, 2));
        Join(3);
        Assert.Equal(0UL, Write(0x20, 1));
    }

    /// <summary>A decoder that never came to decode anything does not keep a page of data closed for ever.</summary>
    [Fact]
    public void APageWithoutCodeIsOpenedAgain()
    {
        Join(0);
        int writes = 0;
        while (!_directory.TryOpen(_page, 1))
        {
            Write(0x100, 8);
            Assert.True(++writes < 1000);
        }
    }

    /// <summary>But one that has code does, however much is written beside it.</summary>
    [Fact]
    public void WritesBesideCodeChangeNothing()
    {
        Join(0);
        Cover(0x10, 8);
        for (int i = 0; i < 1000; i++) Assert.Equal(0UL, Write(0x100, 8));
        Assert.Equal(1UL, Write(0x10, 1));
    }

    private ulong Join(int vcpu)
    {
        _directory.Enter(_page);
        ulong writers = _directory.Join(_page, vcpu);
        _directory.Exit(_page);
        return writers;
    }

    private void Cover(int offset, int length)
    {
        _directory.Enter(_page);
        _directory.Cover(_page + offset, length);
        _directory.Exit(_page);
    }

    private ulong Write(int offset, int length)
    {
        _directory.Enter(_page);
        ulong decoders = _directory.Write(_page + offset, length);
        _directory.Exit(_page);
        return decoders;
    }
}
