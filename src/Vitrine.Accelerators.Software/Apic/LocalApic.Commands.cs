namespace Vitrine.Accelerators.Software.Apic;

/// <summary>Interprocessor interrupts: what writes to the ICR and the self-IPI register send.</summary>
internal sealed partial class LocalApic
{
    // ICR bits that software can write: vector, delivery mode, destination mode, level, trigger mode, shorthand.
    private const uint IcrWritable = 0x000C_CFFF;

    /// <summary>A write to the ICR (11.6.1 "Interrupt Command Register").</summary>
    private void SendCommand(uint destination)
    {
        const uint Assert = 1u << 14, Level = 1u << 15;
        var mode = (DeliveryMode)((_icrLow >> 8) & 7);
        int shorthand = (int)(_icrLow >> 18) & 3;
        // "INIT level de-assert" once synchronised arbitration ids; since the Pentium 4 it does nothing. Other IPIs are always edges.
        if (mode == DeliveryMode.Init && (_icrLow & (Assert | Level)) == Level)
            return;
        byte vector = (byte)_icrLow;
        if (mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority && vector < FirstVector)
        {
            ReportError(EsrSendIllegalVector);
            return;
        }

        var command = new InterruptCommand(vector, mode, (_icrLow & (1u << 11)) != 0, destination, LevelTriggered: false, shorthand);
        if (mode == DeliveryMode.LowestPriority && shorthand != InterruptCommand.ToSelf && _bus is not null)
        {
            LocalApic? taker = _bus.Arbitrate(command, shorthand == InterruptCommand.ToOthers ? this : null);
            if (taker == this)
                PostToSelf(command);
            else
                taker?.Post(command);
            return;
        }

        if (shorthand is InterruptCommand.ToSelf or InterruptCommand.ToAll || (shorthand == 0 && IsDestination(command)))
            PostToSelf(command);
        if (shorthand != InterruptCommand.ToSelf)
            _bus?.Send(this, command);
    }

    private void SendToSelf(byte vector)
    {
        if (vector < FirstVector)
            ReportError(EsrSendIllegalVector);
        else
            PostToSelf(new InterruptCommand(vector, DeliveryMode.Fixed, false, _id, LevelTriggered: false, InterruptCommand.ToSelf));
    }

    private void PostToSelf(in InterruptCommand command)
    {
        Post(command);
        TakeIncoming();
    }
}
