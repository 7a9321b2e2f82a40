using Vitrine.Devices.Buses;

namespace Vitrine.Devices.Interrupts;

/// <summary>The ELCR of a PC: one bit per ISA interrupt, set when it is level-triggered.</summary>
public sealed class EdgeLevelControl(PicPair pics) : IPortDevice
{
    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => Chip(offset).EdgeLevelControl;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value) => Chip(offset).EdgeLevelControl = (byte)value;

    private Pic8259 Chip(int offset) => (offset & 1) == 0 ? pics.Master : pics.Slave;
}
