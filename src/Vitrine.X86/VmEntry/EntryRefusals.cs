namespace Vitrine.X86.VmEntry;

/// <summary>Names and numbers of <see cref="EntryRefusal"/>.</summary>
public static class EntryRefusals
{
    /// <summary>The exit reason that VMX reports for invalid guest state: basic reason 33, bit 31 set (SDM vol. 3, 26.7).</summary>
    public const uint InvalidGuestState = 0x8000_0021;

    /// <summary>What the processor reports, in words.</summary>
    public static string Describe(this EntryRefusal refusal) => refusal switch
    {
        EntryRefusal.VmxControls => "VMfailValid, VM-instruction error 7",
        EntryRefusal.VmxHost => "VMfailValid, VM-instruction error 8",
        EntryRefusal.VmxGuest => "exit reason 0x80000021",
        _ => "exit code -1 (VMEXIT_INVALID)",
    };
}
