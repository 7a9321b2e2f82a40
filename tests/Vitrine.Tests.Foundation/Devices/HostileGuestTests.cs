using Xunit;

namespace Vitrine.Tests.Devices;

/// <summary>Every device of the board together, fed with garbage: nothing a guest writes may throw, hang or allocate.</summary>
public sealed class HostileGuestTests
{
    private readonly DeviceRig _rig = new();

    [Fact]
    public void GarbageIsSurvived()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        try
        {
            for (int i = 0; i < 300_000; i++)
            {
                _rig.Happen(random);
                if (random.Next(10_000) == 0) Assert.All(_rig.Devices, device => _ = device.Inspect().ToList());
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    [Fact]
    public void AnAccessAllocatesNothing()
    {
        byte[] data = new byte[8];
        long Allocated()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach ((int first, int count) in DeviceRig.Ranges)
            {
                for (int port = first; port < first + count; port++)
                {
                    for (int size = 1; size <= 4; size *= 2)
                    {
                        _rig.Ports.Access((ushort)port, size, isWrite: false, data);
                        _rig.Ports.Access((ushort)port, size, isWrite: true, data);
                    }
                }
            }
            for (ulong offset = 0; offset < 0x50; offset += 4)
            {
                _rig.Memory.Access(0xFEC0_0000 + offset, 4, isWrite: false, data);
                _rig.Memory.Access(0xFEC0_0000 + offset, 4, isWrite: true, data);
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Allocated();
        Assert.Equal(0, Allocated());
    }
}
