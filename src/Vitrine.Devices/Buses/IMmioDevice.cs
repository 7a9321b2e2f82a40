namespace Vitrine.Devices.Buses;

/// <summary>A device with memory-mapped registers. Called with the machine's device lock held.</summary>
public interface IMmioDevice
{
    /// <summary>The widest access in bytes that the device takes in one piece: 1, 2, 4 or 8. The bus splits wider ones.</summary>
    int WidestMemoryAccess => 8;

    /// <summary>The guest reads.</summary>
    /// <param name="offset">Address relative to the start of the range the device was attached at.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    /// <returns>The value in the low <paramref name="size"/> bytes; the bus ignores the rest.</returns>
    ulong ReadMemory(ulong offset, int size);

    /// <summary>The guest writes.</summary>
    /// <param name="offset">Address relative to the start of the range the device was attached at.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    /// <param name="value">The value, zero-extended.</param>
    void WriteMemory(ulong offset, int size, ulong value);
}
