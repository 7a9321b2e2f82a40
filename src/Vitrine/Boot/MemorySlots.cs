using Vitrine.Boards;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Boot;

/// <summary>Creates the memory slots of the board.</summary>
internal static class MemorySlots
{
    /// <summary>
    /// Creates "ram-low" from address 0 and, beyond the hole, "ram-high" from 4 GiB. For a firmware image also "firmware",
    /// read-only, ending at 4 GiB, and "firmware-low", its last 128 KiB (or less) once more, ending at 1 MiB; "ram-low"
    /// then ends below it, and "ram-1m" goes on from 1 MiB.
    /// </summary>
    /// <remarks>
    /// "firmware-low" is writable, because the board has no chipset with which firmware could unlock shadow RAM, and
    /// firmware keeps its variables there. Loading (again, after a reset) restores the image.
    /// </remarks>
    /// <exception cref="Errors.VitrineException">The firmware file is missing or has a wrong size, or the host refused the memory.</exception>
    internal static void Create(GuestMemory memory, MemoryLayout layout, BootSource source)
    {
        if (source is BootSource.Firmware firmware)
        {
            ulong size = FirmwareLoader.Size(firmware.Path);
            ulong lowSize = FirmwareLoader.LowSize(size);
            ulong lowStart = MemoryLayout.LegacyHoleEnd - lowSize;
            MemorySlot rom = memory.Add("firmware", new Gpa(MemoryLayout.HighStart - size), size, MemorySlotFlags.ReadOnly);
            memory.AddAlias("firmware-low", new Gpa(lowStart), lowSize, rom, size - lowSize, MemorySlotFlags.None);
            memory.Add("ram-low", new Gpa(0), lowStart);
            if (layout.LowBytes > MemoryLayout.LegacyHoleEnd)
            {
                memory.Add("ram-1m", new Gpa(MemoryLayout.LegacyHoleEnd), layout.LowBytes - MemoryLayout.LegacyHoleEnd);
            }
        }
        else
        {
            memory.Add("ram-low", new Gpa(0), layout.LowBytes);
        }

        if (layout.HighBytes != 0) memory.Add("ram-high", MemoryLayout.High, layout.HighBytes);
    }
}
