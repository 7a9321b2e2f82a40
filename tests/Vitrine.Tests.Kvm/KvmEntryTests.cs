using Vitrine.Accelerators;
using Vitrine.Errors;
using Vitrine.Tests.X86.VmEntry;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.Kvm;

/// <summary>
/// What KVM itself says to states that a processor refuses. KVM_SET_SREGS makes some of the checks; a state that it takes is only refused at
/// the entry, by the processor, or runs where KVM emulates. Skipped without /dev/kvm.
/// </summary>
public sealed class KvmEntryTests
{
    private const string Refused = "EINVAL";
    private const string Taken = "taken";

    // Linux 6.x, kvm_is_valid_sregs: PG with LME wants PAE and LMA, LMA wants PG and LME, PG wants PE; CR0 and CR4 without reserved bits.
    public static TheoryData<string, string, Action<ProcessorState>> Violations => new()
    {
        { "guest.cr0.paging", Refused, state => state.Cr0 &= ~Cr0.PE },
        { "guest.cr0.fixed", Refused, state => state.Cr0 |= 1UL << 32 },
        { "guest.cr4.fixed", Refused, state => state.Cr4 |= 1UL << 15 },
        { "guest.ia32e.pae", Refused, state => state.Cr4 &= ~Cr4.PAE },
        { "guest.efer.lme", Refused, state => state.Efer &= ~Efer.LMA },
        { "guest.ia32e.paging", Refused, state => state.Cr0 &= ~Cr0.PG },
        { "guest.efer.reserved", Taken, state => state.Efer |= 2 },
        { "guest.cs.dpl", Taken, state => state.Segments[Seg.Cs].Access |= 0x60 },
        { "guest.tr.type", Taken, state => state.Segments[Seg.Tr].Access = 0x89 },
        { "guest.fs.base", Taken, state => state.Segments[Seg.Fs].Base = 1UL << 47 },
        { "guest.ds.reserved", Taken, state => state.Segments[Seg.Ds].Access |= 0x100 },
        { "guest.es.granularity", Taken, state => state.Segments[Seg.Es].Access &= ~0x8000u },
    };

    [Theory]
    [MemberData(nameof(Violations))]
    public void KvmMakesSomeOfTheChecksWhenTheStateIsPut(string rule, string expected, Action<ProcessorState> violate)
    {
        using KvmGuest guest = new();
        ProcessorState state = LongState(guest);
        guest.Vcpu.PutState(state, PutLevel.Runtime);
        violate(state);
        Assert.Contains(EntryChecks.Check(state, EntryMode.EptUnrestricted).Failures, failure => failure.Rule.Id == rule);
        Assert.Equal(expected, Put(guest, state));
        Assert.Null(guest.Vcpu.Inspection.EntryFailure);
    }

    // The same PG without PE, run: KVM has refused it, so that the state before it is still in force.
    [Fact]
    public void ARefusedStateLeavesTheOneBeforeIt()
    {
        using KvmGuest guest = new();
        guest.LoadReal(code => code.hlt());
        ProcessorState state = guest.State();
        ulong before = state.Cr0;
        state.Cr0 = (before | Cr0.PG) & ~Cr0.PE;
        Assert.Equal(Refused, Put(guest, state));
        Assert.Equal(before & Cr0.PG, guest.State().Cr0 & Cr0.PG);
    }

    // What every KVM runs, whether its processor has unrestricted guest, or not, or emulates: the state after reset and the modes.
    [Fact]
    public void WhatOurRulesLetPassKvmTakes()
    {
        foreach (ProcessorState entering in (ProcessorState[])[EntryStates.Real(), EntryStates.Protected(), EntryStates.Long()])
        {
            using KvmGuest guest = new();
            ProcessorState state = guest.State();
            Copy(entering, state);
            Assert.Null(EntryChecks.FirstFailure(state));
            Assert.Equal(Taken, Put(guest, state));
        }
    }

    private static string Put(KvmGuest guest, ProcessorState state)
    {
        try
        {
            guest.Vcpu.PutState(state, PutLevel.Runtime);
            return Taken;
        }
        catch (VitrineException error) when (error.Kind == ErrorKind.Host && error.Message.Contains("EINVAL", StringComparison.Ordinal))
        {
            return Refused;
        }
    }

    private static ProcessorState LongState(KvmGuest guest)
    {
        ProcessorState state = guest.State();
        Copy(EntryStates.Long(), state);
        return state;
    }

    // Into a state that KVM gave, so that MSRs and the local APIC stay KVM's.
    private static void Copy(ProcessorState from, ProcessorState to)
    {
        from.Segments.CopyTo(to.Segments.AsSpan());
        (to.Cr0, to.Cr3, to.Cr4, to.Efer) = (from.Cr0, from.Cr3, from.Cr4, from.Efer);
        (to.Gdtr, to.Idtr, to.Rip, to.Rflags) = (from.Gdtr, from.Idtr, from.Rip, from.Rflags);
    }
}
