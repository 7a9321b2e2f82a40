namespace Vitrine.Accelerators.Software.Apic;

/// <summary>An interrupt message between local APICs, or from an IOAPIC or device to them.</summary>
/// <param name="Vector">Vector; of a start-up IPI the page where execution begins.</param>
/// <param name="Mode">Delivery mode.</param>
/// <param name="Logical">The destination is logical, not an APIC id.</param>
/// <param name="Destination">Whom it is for; <see cref="Broadcast"/> for everybody.</param>
/// <param name="LevelTriggered">Level-triggered: its EOI is told to the IOAPICs.</param>
/// <param name="Shorthand">Destination shorthand of the ICR: 0 for none; else it stands instead of the destination.</param>
internal readonly record struct InterruptCommand(
    byte Vector, DeliveryMode Mode, bool Logical, uint Destination, bool LevelTriggered, int Shorthand = 0)
{
    /// <summary>Destination that means everybody.</summary>
    public const uint Broadcast = 0xFFFF_FFFF;

    /// <summary>Shorthand: the sender.</summary>
    public const int ToSelf = 1;

    /// <summary>Shorthand: everybody.</summary>
    public const int ToAll = 2;

    /// <summary>Shorthand: everybody but the sender.</summary>
    public const int ToOthers = 3;

    /// <summary>A destination of eight bits, of which FFh means everybody, as one of 32.</summary>
    public static uint WidenDestination(uint destination) => destination == 0xFF ? Broadcast : destination;

    /// <summary>
    /// A message-signalled interrupt (SDM vol. 3, 11.11 "Message Signalled Interrupts"): 0xFEE in bits 31:20 of the address,
    /// destination in 19:12, bit 2 logical; vector, delivery mode, level and trigger mode in the data as in an ICR.
    /// </summary>
    /// <returns>False when it is no such message, or one that de-asserts a level, which has no effect.</returns>
    public static bool TryParseMessage(ulong address, uint data, out InterruptCommand command)
    {
        const uint Assert = 1u << 14, Level = 1u << 15;
        bool level = (data & Level) != 0;
        command = new(
            (byte)data,
            (DeliveryMode)((data >> 8) & 7),
            (address & 4) != 0,
            WidenDestination((uint)(address >> 12) & 0xFF),
            level);
        return (address & ~0xF_FFFFUL) == 0xFEE0_0000 && !(level && (data & Assert) == 0);
    }
}
