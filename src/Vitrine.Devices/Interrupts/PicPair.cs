using Vitrine.Devices.Buses;
using static Vitrine.Devices.Interrupts.Pic8259Registers;

namespace Vitrine.Devices.Interrupts;

/// <summary>The two cascaded 8259As of a PC and their edge/level control registers.</summary>
public sealed class PicPair
{
    /// <summary>Creates both chips as at power-on.</summary>
    /// <param name="output">Told the level of the master's INT output: the processor's external interrupt line.</param>
    public PicPair(Action<bool> output)
    {
        Master = new(isMaster: true, output);
        Slave = new(isMaster: false, level => Master.SetInput(CascadeInput, level));
        EdgeLevelRegisters = new(this);
    }

    /// <summary>Inputs 0 to 7, at ports 0x20 and 0x21.</summary>
    public Pic8259 Master { get; }

    /// <summary>Inputs 8 to 15, at ports 0xA0 and 0xA1.</summary>
    public Pic8259 Slave { get; }

    /// <summary>The registers at ports 0x4D0 and 0x4D1.</summary>
    public EdgeLevelControl EdgeLevelRegisters { get; }

    /// <summary>Level of the master's INT output.</summary>
    public bool Output => Master.Output;

    /// <summary>Claims the ports of both chips and of the ELCR.</summary>
    public void AttachTo(PortBus bus)
    {
        bus.Attach(Master, MasterPort, PortCount);
        bus.Attach(Slave, SlavePort, PortCount);
        bus.Attach(EdgeLevelRegisters, EdgeLevelPort, PortCount);
    }

    /// <summary>Sets the level of an ISA interrupt line. Line 2 is the cascade and can't be driven from outside.</summary>
    /// <param name="line">0 to 15.</param>
    /// <param name="level">True when asserted.</param>
    public void SetLine(int line, bool level)
    {
        if (line == CascadeInput) return;
        (line < 8 ? Master : Slave).SetInput(line & 7, level);
    }

    /// <summary>
    /// The INTA cycle: acknowledges the highest-priority request and returns its vector. Without one the vector is that of
    /// the master's input 7, or of the slave's when only the cascade was requested (spurious IRQ 7 and 15).
    /// </summary>
    public byte Acknowledge()
    {
        int input = Master.Acknowledge(out bool spurious);
        if (spurious || input != CascadeInput) return Master.VectorOf(input);
        return Slave.VectorOf(Slave.Acknowledge(out _));
    }
}
