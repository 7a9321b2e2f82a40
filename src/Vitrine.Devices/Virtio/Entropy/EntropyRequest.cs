using System.Security.Cryptography;
using Vitrine.Devices.Io;
using Vitrine.Devices.Virtio.Queues;

namespace Vitrine.Devices.Virtio.Entropy;

/// <summary>A chain that wants random bytes.</summary>
/// <param name="device">The device that it is for.</param>
internal sealed class EntropyRequest(VirtioEntropy device) : IoRequest
{
    // A device may give fewer than there is room for (5.4.6); more at once would only keep the host busy.
    private const int Most = 4096;

    /// <summary>Its buffers.</summary>
    public DescriptorChain Chain { get; } = new();

    /// <summary>Bytes that it got.</summary>
    public uint Written { get; private set; }

    /// <inheritdoc/>
    protected internal override void Perform()
    {
        Span<byte> bytes = stackalloc byte[(int)Math.Min(Chain.WritableBytes, Most)];
        RandomNumberGenerator.Fill(bytes);
        Written = Chain.IsValid && Chain.TryWrite(device.Transport.Memory, 0, bytes) ? (uint)bytes.Length : 0;
    }

    /// <inheritdoc/>
    protected internal override void Complete() => device.Completed(this);
}
