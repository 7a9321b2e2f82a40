namespace Vitrine.Explain.Model;

/// <summary>A memory slot.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">What it is: "ram-low", "firmware".</param>
/// <param name="Start">First guest-physical address.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ReadOnly">Guest writes leave as exits.</param>
/// <param name="HostVirtual">Host-virtual address of its first byte.</param>
public sealed record SlotFact(int Id, string Name, ulong Start, ulong Size, bool ReadOnly, ulong HostVirtual)
{
    /// <summary>Slots are ours: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
