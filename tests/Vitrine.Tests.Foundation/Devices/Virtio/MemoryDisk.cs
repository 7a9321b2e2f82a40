using Vitrine.Disks;

namespace Vitrine.Tests.Devices.Virtio;

/// <summary>A disk in memory, which can be told to fail.</summary>
internal sealed class MemoryDisk(int length, bool isReadOnly = false) : DiskImage
{
    public byte[] Bytes { get; } = new byte[length];

    public DiskFault? Failing { get; set; }

    public int Flushes { get; private set; }

    public override string Format => "memory";

    public override long Length => Bytes.Length;

    public override bool IsReadOnly => isReadOnly;

    public override void Read(long offset, Span<byte> destination) => At(offset, destination.Length).CopyTo(destination);

    public override void Write(long offset, ReadOnlySpan<byte> source) => source.CopyTo(At(offset, source.Length));

    public override void Flush()
    {
        _ = At(0, 0);
        Flushes++;
    }

    public override void Discard(long offset, long length) => At(offset, (int)length).Clear();

    public override void WriteZeroes(long offset, long length, bool release) => At(offset, (int)length).Clear();

    public override void Resize(long length) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
    }

    private Span<byte> At(long offset, int count) =>
        Failing is { } fault ? throw new DiskException(fault, "It was told to fail.") : Bytes.AsSpan(checked((int)offset), count);
}
