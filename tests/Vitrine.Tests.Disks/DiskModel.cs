using Vitrine.Disks;
using Xunit;

namespace Vitrine.Tests.Disks;

/// <summary>Applies random requests to a disk and to an array of bytes, which have to hold the same all the time.</summary>
internal sealed class DiskModel(DiskImage disk, byte[] content, Random random)
{
    public byte[] Content { get; private set; } = content;

    /// <summary>One request.</summary>
    /// <param name="most">The most bytes that it concerns.</param>
    /// <param name="unit">What places and lengths are often multiples of.</param>
    public void Step(int most, int unit)
    {
        int length = random.Next(1, most);
        int offset = random.Next(0, Content.Length);
        if (random.Next(2) == 0)
        {
            offset -= offset % unit;
            length = (length + unit - 1) / unit * unit;
        }

        length = Math.Min(length, Content.Length - offset);
        switch (random.Next(10))
        {
            case < 4:
                byte[] bytes = Patterns.Random(random, length);
                Write(offset, bytes);
                bytes.CopyTo(Content, offset);
                break;
            case < 6:
                disk.WriteZeroes(offset, length, release: random.Next(2) == 0);
                Content.AsSpan(offset, length).Clear();
                break;
            case < 7:
                Discard(offset, length);
                break;
            case < 8:
                disk.Flush();
                break;
            default:
                byte[] read = new byte[length];
                Read(offset, read);
                Assert.True(read.AsSpan().SequenceEqual(Content.AsSpan(offset, length)), $"{length} bytes at {offset} differ.");
                break;
        }
    }

    public void Resize(int length)
    {
        disk.Resize(length);
        byte[] longer = new byte[length];
        Content.CopyTo(longer, 0);
        Content = longer;
    }

    public void Check() => Assert.True(Patterns.ReadAll(disk).AsSpan().SequenceEqual(Content), "The disk's content differs.");

    // Discarded bytes are the old ones or zeros: what they have become is taken over.
    private void Discard(int offset, int length)
    {
        disk.Discard(offset, length);
        byte[] now = new byte[length];
        disk.Read(offset, now);
        for (int n = 0; n < length; n++) Assert.True(now[n] == 0 || now[n] == Content[offset + n], $"Byte {offset + n} is neither old nor zero.");
        now.CopyTo(Content, offset);
    }

    private void Write(int offset, byte[] bytes)
    {
        if (random.Next(2) == 0) disk.Write(offset, (ReadOnlySpan<byte>)bytes);
        else disk.Write(offset, Cut(bytes, out byte[] memory, copyIn: true));
        GC.KeepAlive(bytes);
    }

    private void Read(int offset, byte[] bytes)
    {
        if (random.Next(2) == 0)
        {
            disk.Read(offset, bytes.AsSpan());
            return;
        }

        disk.Read(offset, Cut(bytes, out byte[] memory, copyIn: false));
        memory.AsSpan(0, bytes.Length).CopyTo(bytes);
    }

    // Pieces of memory that does not move, one directly after the other, some of them empty.
    private DiskSegment[] Cut(byte[] bytes, out byte[] memory, bool copyIn)
    {
        memory = GC.AllocateUninitializedArray<byte>(bytes.Length, pinned: true);
        if (copyIn) bytes.CopyTo(memory, 0);
        List<DiskSegment> segments = [];
        int done = 0;
        int piece = Math.Max(1, bytes.Length / random.Next(1, 200));
        while (done < bytes.Length)
        {
            int length = Math.Min(random.Next(0, 2 * piece), bytes.Length - done);
            segments.Add(new DiskSegment(memory.AsSpan(done, length)));
            done += length;
        }

        return [.. segments];
    }
}
