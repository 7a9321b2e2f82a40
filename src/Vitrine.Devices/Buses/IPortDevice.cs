namespace Vitrine.Devices.Buses;

/// <summary>A device with I/O ports. Called with the machine's device lock held.</summary>
public interface IPortDevice
{
    /// <summary>
    /// The widest access in bytes that the device takes in one piece: 1, 2 or 4. The bus splits wider ones into
    /// consecutive ports, as a PC's bus does for an 8-bit device.
    /// </summary>
    int WidestPortAccess => 1;

    /// <summary>The guest reads.</summary>
    /// <param name="offset">Port relative to the start of the range the device was attached at.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <returns>The value in the low <paramref name="size"/> bytes; the bus ignores the rest.</returns>
    uint ReadPort(int offset, int size);

    /// <summary>The guest writes.</summary>
    /// <param name="offset">Port relative to the start of the range the device was attached at.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="value">The value, zero-extended.</param>
    void WritePort(int offset, int size, uint value);
}
