namespace Vitrine.KvmServer.Irqchip;

/// <summary>A message-signalled interrupt as a client of KVM gives it.</summary>
/// <param name="AddressLow">Destination in bits 19:12, bit 2 for a logical one; KVM looks at no others.</param>
/// <param name="AddressHigh">With wide destinations their bits 31:8, else nothing.</param>
/// <param name="Data">Vector, delivery mode and trigger mode.</param>
/// <param name="WideDestinations">KVM_X2APIC_API_USE_32BIT_IDS.</param>
internal readonly record struct MessageRoute(uint AddressLow, uint AddressHigh, uint Data, bool WideDestinations)
{
    private const uint Assert = 1 << 14, LevelTriggered = 1 << 15;

    /// <summary>False where KVM says EINVAL.</summary>
    public bool IsPossible => !WideDestinations || (AddressHigh & 0xFF) == 0;

    /// <summary>Whether a local APIC can be meant: there are none with more than 8 bits in their id.</summary>
    public bool HasDestination => !WideDestinations || AddressHigh == 0;

    /// <summary>The address as the processor's bus has it.</summary>
    public ulong Address => 0xFEE0_0000UL | (AddressLow & 0xF_FFFF);

    /// <summary>The data as the bus has it: a message always asserts, and clients leave the bit out.</summary>
    public uint BusData => Data | Assert;

    /// <summary>The vector.</summary>
    public byte Vector => (byte)Data;

    /// <summary>Whether its end is told to IOAPICs.</summary>
    public bool IsLevelTriggered => (Data & LevelTriggered) != 0;
}
