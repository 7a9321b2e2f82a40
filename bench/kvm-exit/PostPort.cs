using Vitrine.Devices.Buses;

namespace Vitrine.Bench.KvmExit;

/// <summary>A device that counts.</summary>
internal sealed class PostPort : IPortDevice
{
    public int Writes { get; private set; }

    public uint ReadPort(int offset, int size) => 0;

    public void WritePort(int offset, int size, uint value) => Writes++;
}
