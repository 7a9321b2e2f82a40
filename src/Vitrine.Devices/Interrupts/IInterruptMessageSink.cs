namespace Vitrine.Devices.Interrupts;

/// <summary>Where an IOAPIC sends its messages: the local APICs.</summary>
public interface IInterruptMessageSink
{
    /// <summary>Delivers a message (SDM vol. 3, "Message Signalled Interrupts").</summary>
    /// <param name="address">0xFEEx_xxxx: destination id and mode.</param>
    /// <param name="data">Vector, delivery mode, level, trigger mode.</param>
    /// <returns>How many local APICs took it; 0 or less when none did.</returns>
    int Send(ulong address, uint data);
}
