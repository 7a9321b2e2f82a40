using Vitrine.X86.Registers;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>
/// A VMCS as the checks read it. A field that isn't known reads as zero and is remembered, so that whoever evaluates a rule can tell that its
/// outcome is worth nothing.
/// </summary>
internal sealed class VmxView(Vmcs vmcs, EntryEnvironment environment)
{
    /// <summary>Where the guest's segment fields begin, in the VMCS's order of segments: ES CS SS DS FS GS LDTR TR.</summary>
    public const int Es = 0, Cs = 1, Ss = 2, Ldtr = 6, Tr = 7, SegmentCount = 8;

    private const ulong UnusableBit = 1 << 16;

    /// <summary>The VMCS.</summary>
    public Vmcs Vmcs => vmcs;

    /// <summary>The host's processor.</summary>
    public EntryEnvironment Environment => environment;

    /// <summary>The first field read that isn't known; the evaluator clears it.</summary>
    public VmcsField? Unknown { get; set; }

    /// <summary>Called with each field read, for the test of <see cref="EntryRule.Fields"/>.</summary>
    public Action<VmcsField>? OnRead { get; init; }

    /// <summary>The value of a field.</summary>
    public ulong this[VmcsField field]
    {
        get
        {
            OnRead?.Invoke(field);
            if (!vmcs.TryGet(field, out ulong value)) Unknown ??= field;
            return value;
        }
    }

    public ulong Cr0 => this[VmcsField.GuestCr0];

    public ulong Cr4 => this[VmcsField.GuestCr4];

    public bool ProtectedMode => (Cr0 & Registers.Cr0.PE) != 0;

    public bool Paging => (Cr0 & Registers.Cr0.PG) != 0;

    public bool Ia32e => Has(VmcsField.EntryControls, VmxControl.Ia32eMode);

    public bool Virtual8086 => (this[VmcsField.GuestRflags] & Rflags.VM) != 0;

    public bool Ept => Secondary(VmxControl.Ept);

    public bool Unrestricted => Secondary(VmxControl.UnrestrictedGuest);

    /// <summary>An event is injected.</summary>
    public bool Injects => (this[VmcsField.EntryEvent] & (1UL << 31)) != 0;

    /// <summary>Type of the injected event (SDM vol. 3, table 24-13).</summary>
    public int EventType => (int)(this[VmcsField.EntryEvent] >> 8) & 7;

    /// <summary>Vector of the injected event.</summary>
    public int EventVector => (int)(this[VmcsField.EntryEvent] & 0xFF);

    /// <summary>Physical addresses have no bit here.</summary>
    public ulong BeyondPhysical => environment.PhysicalAddressBits >= 64 ? 0 : ulong.MaxValue << environment.PhysicalAddressBits;

    /// <summary>Bits of CR3 that turn linear-address masking on, where the processor has it: with CR4.LAM_SUP.</summary>
    public ulong MaskingBits => (environment.Cr4Supported & Registers.Cr4.LAM_SUP) != 0 ? Registers.Cr3.Masking : 0;

    public bool Has(VmcsField field, int bit) => ((this[field] >> bit) & 1) != 0;

    public bool Pin(int bit) => Has(VmcsField.PinControls, bit);

    public bool Primary(int bit) => Has(VmcsField.PrimaryControls, bit);

    /// <summary>A secondary control; all count as zero while the primary controls don't activate them.</summary>
    public bool Secondary(int bit) => Primary(VmxControl.ActivateSecondary) && Has(VmcsField.SecondaryControls, bit);

    public ulong Selector(int segment) => this[VmcsField.GuestEsSelector + segment];

    public ulong Base(int segment) => this[VmcsField.GuestEsBase + segment];

    public ulong Limit(int segment) => this[VmcsField.GuestEsLimit + segment];

    public ulong Access(int segment) => this[VmcsField.GuestEsAccess + segment];

    public bool Usable(int segment) => (Access(segment) & UnusableBit) == 0;

    public int Type(int segment) => (int)Access(segment) & 0xF;

    public int Dpl(int segment) => (int)(Access(segment) >> 5) & 3;

    /// <summary>True when a guest's address is canonical.</summary>
    public bool Canonical(ulong address) => IsCanonical(address, (Cr4 & Registers.Cr4.LA57) != 0 ? 57 : environment.LinearAddressBits);

    /// <summary>True when a host's address is canonical.</summary>
    public bool HostCanonical(ulong address) =>
        IsCanonical(address, (this[VmcsField.HostCr4] & Registers.Cr4.LA57) != 0 ? 57 : environment.LinearAddressBits);

    private static bool IsCanonical(ulong address, int bits) => (ulong)((long)(address << (64 - bits)) >> (64 - bits)) == address;
}
