namespace Vitrine.X86.VmEntry.Rules;

/// <summary>A VMCB as the checks read it. A field that isn't known reads as zero and is remembered, as with <see cref="VmxView"/>.</summary>
internal sealed class SvmView(Vmcb vmcb, EntryEnvironment environment)
{
    /// <summary>The VMCB.</summary>
    public Vmcb Vmcb => vmcb;

    /// <summary>The first field read that isn't known; the evaluator clears it.</summary>
    public VmcbField? Unknown { get; set; }

    /// <summary>Called with each field read, for the test of <see cref="EntryRule.Fields"/>.</summary>
    public Action<VmcbField>? OnRead { get; init; }

    /// <summary>The value of a field.</summary>
    public ulong this[VmcbField field]
    {
        get
        {
            OnRead?.Invoke(field);
            if (!vmcb.TryGet(field, out ulong value)) Unknown ??= field;
            return value;
        }
    }

    /// <summary>Long mode is enabled and paging is on: VMRUN makes it active.</summary>
    public bool LongModePaging => (this[VmcbField.Efer] & Registers.Efer.LME) != 0 && (this[VmcbField.Cr0] & Registers.Cr0.PG) != 0;

    public bool NestedPaging => (this[VmcbField.NestedControl] & 1) != 0;

    public bool Injects => (this[VmcbField.EventInjection] & (1UL << 31)) != 0;

    public int EventType => (int)(this[VmcbField.EventInjection] >> 8) & 7;

    public int EventVector => (int)(this[VmcbField.EventInjection] & 0xFF);

    /// <summary>Physical addresses have no bit here.</summary>
    public ulong BeyondPhysical => environment.PhysicalAddressBits >= 64 ? 0 : ulong.MaxValue << environment.PhysicalAddressBits;

    /// <summary>The CR4 bits that may be one.</summary>
    public ulong Cr4Supported => environment.Cr4Supported;
}
