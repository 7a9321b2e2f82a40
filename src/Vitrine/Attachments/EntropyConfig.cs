using Vitrine.Devices.Virtio;
using Vitrine.Devices.Virtio.Entropy;

namespace Vitrine.Attachments;

/// <summary>A source of random bytes.</summary>
public sealed record EntropyConfig : DeviceConfig
{
    internal override string Kind => "rng";

    internal override VirtioDevice Create(string name, DeviceContext board) => new VirtioEntropy(name, board.Queue(name, VirtioEntropy.Depth, 1));
}
