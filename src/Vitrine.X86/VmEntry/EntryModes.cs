namespace Vitrine.X86.VmEntry;

/// <summary>What follows from an <see cref="EntryMode"/>.</summary>
public static class EntryModes
{
    /// <summary>True for Intel VMX, false for AMD SVM.</summary>
    public static bool IsVmx(this EntryMode mode) => mode is EntryMode.EptUnrestricted or EntryMode.Ept or EntryMode.VmxShadow;

    /// <summary>True when a second table translates guest-physical addresses in hardware (EPT, NPT).</summary>
    public static bool HasTwoDimensions(this EntryMode mode) => mode is EntryMode.EptUnrestricted or EntryMode.Ept or EntryMode.NestedPaging;

    /// <summary>The mode in words, for headings.</summary>
    public static string Title(this EntryMode mode) => mode switch
    {
        EntryMode.EptUnrestricted => "Intel VMX, EPT with unrestricted guest",
        EntryMode.Ept => "Intel VMX, EPT without unrestricted guest",
        EntryMode.VmxShadow => "Intel VMX, shadow paging",
        EntryMode.NestedPaging => "AMD SVM, nested paging",
        _ => "AMD SVM, shadow paging",
    };
}
