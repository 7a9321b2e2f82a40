using System.Collections.Immutable;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Registers without the VMCS or VMCB that they were entered with: KVM's is built from them, and what they don't show is left missing.</summary>
/// <param name="Format">What they were read from, in words.</param>
/// <param name="State">The registers.</param>
internal sealed record RegisterDump(string Format, ProcessorState State)
{
    /// <summary>The code bytes, where there are some.</summary>
    public GuestCode? Code { get; init; }

    /// <summary>False where RIP, RSP and RFLAGS were not printed: checks that need only RFLAGS.VM take it for zero.</summary>
    public bool HasRip { get; init; } = true;

    /// <summary>False where DR7 was not printed.</summary>
    public bool HasDr7 { get; init; } = true;

    /// <summary>True when the guest was in system-management mode.</summary>
    public bool InSmm { get; init; }

    /// <summary>What to check, with how the run ended.</summary>
    /// <param name="line">The line where the registers begin.</param>
    /// <param name="end">How the run ended.</param>
    /// <param name="remarks">What a reader should know of how they were found.</param>
    public EntryDump ToDump(int line, RunEnd end, ImmutableArray<string> remarks)
    {
        if (InSmm) remarks = remarks.Add("The guest was in system-management mode (SMM=1): look at what its SMI handler or RSM left.");
        if (!HasRip)
            remarks = remarks.Add("RFLAGS is not in struct kvm_sregs: print struct kvm_regs too. The guest is taken not to be in virtual-8086 mode.");
        return new EntryDump(Format, line, Trials(end), EntryEnvironment.Default, remarks)
        {
            End = end,
            Findings = HasRip ? GuestCode.Describe(State, Code) : [],
        };
    }

    private ImmutableArray<EntryTrial> Trials(RunEnd end)
    {
        if (end.IsVmx == false) return [Svm()];
        EntryTrial unrestricted = Vmx(EntryMode.EptUnrestricted);
        if (end.IsVmx is null) return [unrestricted, Svm()];
        // Refused on Intel although the state enters: the processor may be one without unrestricted guest.
        bool enters = !unrestricted.Check(EntryEnvironment.Default).Any(result => result.Outcome == EntryOutcome.Failed);
        return end.Kind == RunEndKind.Refused && enters ? [unrestricted, Vmx(EntryMode.Ept)] : [unrestricted];
    }

    private EntryTrial Vmx(EntryMode mode)
    {
        Vmcs vmcs = VmcsBuilder.Build(State, mode);
        ReadOnlySpan<VmcsField> missing =
        [
            VmcsField.GuestPat, VmcsField.GuestDebugCtl, VmcsField.GuestSysenterCs, VmcsField.GuestSysenterEsp, VmcsField.GuestSysenterEip,
            VmcsField.GuestInterruptibility, VmcsField.GuestPendingDebug, VmcsField.EntryEvent, VmcsField.EntryErrorCode, VmcsField.EntryInstructionLength,
        ];
        foreach (VmcsField field in missing) vmcs.Remove(field);
        for (int i = 0; i < 4; i++) vmcs.Remove(VmcsField.GuestPdpte0 + i);
        if (!HasDr7) vmcs.Remove(VmcsField.GuestDr7);
        return new EntryTrial(mode, vmcs, HasRip ? [] : [VmcsField.GuestRip.Describe(), VmcsField.GuestRflags.Describe()]);
    }

    private EntryTrial Svm()
    {
        Vmcb vmcb = VmcbBuilder.Build(State, EntryMode.NestedPaging);
        vmcb.Remove(VmcbField.EventInjection);
        vmcb.Remove(VmcbField.GuestPat);
        if (!HasDr7)
        {
            vmcb.Remove(VmcbField.Dr6);
            vmcb.Remove(VmcbField.Dr7);
        }

        return new EntryTrial(EntryMode.NestedPaging, vmcb, []);
    }
}
