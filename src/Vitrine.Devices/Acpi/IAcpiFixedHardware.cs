namespace Vitrine.Devices.Acpi;

/// <summary>A device of which the FADT knows, because operating systems use it before they read the namespace, or without.</summary>
public interface IAcpiFixedHardware
{
    /// <summary>Adds what the device is to the description.</summary>
    /// <param name="hardware">What the FADT will say.</param>
    /// <param name="resources">Where the board has attached the device.</param>
    void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources);
}
