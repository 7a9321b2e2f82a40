using System.Collections.Immutable;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;
using Vitrine.X86.VmEntry.Rules;
using Xunit;

namespace Vitrine.Tests.X86.VmEntry;

/// <summary>The tables of entry checks: each rule is violated by one change, and by nothing that hardware accepts.</summary>
public sealed class EntryRuleTests
{
    public static TheoryData<string> VmxIds => [.. EntryRules.Vmx.Select(rule => rule.Id)];

    public static TheoryData<string> SvmIds => [.. EntryRules.Svm.Select(rule => rule.Id)];

    // States of every mode, with the ways of running them in which they enter.
    public static TheoryData<string, EntryMode> Entering
    {
        get
        {
            TheoryData<string, EntryMode> rows = [];
            foreach (string state in (string[])["long", "user", "protected", "pae", "real", "vm86"])
            {
                foreach (EntryMode mode in Enum.GetValues<EntryMode>()) rows.Add(state, mode);
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(VmxIds))]
    public void EachVmxRuleIsViolatedAlone(string id)
    {
        Assert.True(VmxCases.All.TryGetValue(id, out (Func<Vmcs> Valid, Action<Vmcs> Violate) test), $"no case violates {id}");
        Vmcs vmcs = test.Valid();
        AssertPasses(EntryChecks.Evaluate(vmcs));
        test.Violate(vmcs);
        Assert.Equal([id], Failed(EntryChecks.Evaluate(vmcs)));
    }

    [Theory]
    [MemberData(nameof(SvmIds))]
    public void EachSvmRuleIsViolatedAlone(string id)
    {
        Assert.True(SvmCases.All.TryGetValue(id, out (Func<Vmcb> Valid, Action<Vmcb> Violate) test), $"no case violates {id}");
        Vmcb vmcb = test.Valid();
        AssertPasses(EntryChecks.Evaluate(vmcb));
        test.Violate(vmcb);
        Assert.Equal([id], Failed(EntryChecks.Evaluate(vmcb)));
    }

    [Fact]
    public void CasesAreOfRulesAndIdsAreUnique()
    {
        Assert.Equal(EntryRules.Vmx.Length, EntryRules.Vmx.DistinctBy(rule => rule.Id).Count());
        Assert.Equal(EntryRules.Svm.Length, EntryRules.Svm.DistinctBy(rule => rule.Id).Count());
        Assert.Equal(EntryRules.Vmx.Select(rule => rule.Id).Order(), VmxCases.All.Keys.Order());
        Assert.Equal(EntryRules.Svm.Select(rule => rule.Id).Order(), SvmCases.All.Keys.Order());
    }

    [Fact]
    public void RulesAreCompleteInTheirTexts()
    {
        foreach (EntryRule rule in EntryRules.Vmx.Concat(EntryRules.Svm))
        {
            Assert.EndsWith(".", rule.Text, StringComparison.Ordinal);
            Assert.EndsWith(".", rule.UsualCause, StringComparison.Ordinal);
            Assert.Matches(rule.Refusal == EntryRefusal.Svm ? @"^15\.\d+(\.\d)?$" : @"^26\.[23](\.\d)+$", rule.Section);
        }
    }

    [Fact]
    public void ARuleLooksAtNoFieldThatItDoesNotName()
    {
        foreach ((string id, (Func<Vmcs> valid, Action<Vmcs> violate)) in VmxCases.All)
        {
            VmxRule rule = EntryRules.Vmx.Cast<VmxRule>().Single(rule => rule.Id == id);
            HashSet<string> read = [];
            Vmcs vmcs = valid();
            VmxView view = new(vmcs, EntryEnvironment.Default) { OnRead = field => read.Add(field.Describe().Key) };
            EntryChecks.Evaluate(rule, view);
            violate(vmcs);
            EntryChecks.Evaluate(rule, view);
            Assert.Empty(read.Except(rule.Fields.Select(field => field.Key)).Select(field => $"{id} reads {field}"));
        }
    }

    [Theory]
    [MemberData(nameof(Entering))]
    public void WhatHardwareAcceptsPasses(string name, EntryMode mode)
    {
        ProcessorState state = State(name);
        if (mode.IsVmx()) AssertPasses(EntryChecks.Evaluate(EntryAreas.Vmcs(state, mode)));
        else AssertPasses(EntryChecks.Evaluate(EntryAreas.Vmcb(state, mode)));
        Assert.True(EntryChecks.Check(state, mode).Enters);
        Assert.Null(EntryChecks.FirstFailure(state));
    }

    // SDM vol. 3, table 9-1 against 26.3.1: KVM runs the reset state natively only with unrestricted guest; virtual-8086 mode can't express
    // a CS base that isn't its selector times 16, and the vm86 state is all else that KVM changes.
    [Theory]
    [InlineData(EntryMode.EptUnrestricted)]
    [InlineData(EntryMode.Ept, "guest.cs.base.vm86")]
    [InlineData(EntryMode.VmxShadow, "guest.cs.base.vm86")]
    [InlineData(EntryMode.NestedPaging)]
    [InlineData(EntryMode.SvmShadow)]
    public void TheResetStateEntersOnlyWhereRealModeRunsAsItIs(EntryMode mode, params string[] failed) =>
        Assert.Equal(failed, EntryChecks.Check(ResetState.Create(0, 0x663), mode).Failures.Select(failure => failure.Rule.Id));

    // As it is, without what KVM does about it: PE and PG must be one. Everything else of the reset state is valid.
    [Fact]
    public void TheResetStateAsItIsFailsOneCheckWithoutUnrestrictedGuest()
    {
        Vmcs vmcs = EntryAreas.Vmcs(ResetState.Create(0, 0x663), EntryMode.EptUnrestricted);
        AssertPasses(EntryChecks.Evaluate(vmcs));
        vmcs.Set(VmcsField.SecondaryControls, (1 << VmxControl.Ept) | (1 << VmxControl.Vpid));
        Assert.Equal(["guest.cr0.fixed"], Failed(EntryChecks.Evaluate(vmcs)));
    }

    [Fact]
    public void AFieldThatIsMissingOrTheHostsLeavesItsRulesUnchecked()
    {
        Vmcs vmcs = EntryAreas.Long();
        vmcs.Remove(VmcsField.GuestLinkPointer);
        vmcs.LeaveToHost(VmcsField.EptPointer, "root");
        ImmutableArray<EntryCheckResult> results = EntryChecks.Evaluate(vmcs);
        EntryCheckResult[] open = [.. results.Where(result => result.Outcome == EntryOutcome.NotChecked)];
        Assert.Equal(
            ["control.ept-pointer.memory-type", "control.ept-pointer.walk-length", "control.ept-pointer.reserved", "guest.link-pointer"],
            open.Select(result => result.Rule.Id));
        Assert.True(open[0].UnknownToHost);
        Assert.False(open[3].UnknownToHost);
        Assert.Equal("guest.link-pointer", open[3].Unknown!.Key);
        Assert.Empty(Failed(results));
    }

    // What decides is known even though another field isn't: without EPT nobody asks for the EPT pointer.
    [Fact]
    public void AMissingFieldThatNobodyAsksForIsNoLoss()
    {
        Vmcs vmcs = EntryAreas.Shadow();
        vmcs.Remove(VmcsField.EptPointer);
        AssertPasses(EntryChecks.Evaluate(vmcs));
    }

    private static ProcessorState State(string name) => name switch
    {
        "long" => EntryStates.Long(),
        "user" => EntryStates.User(),
        "protected" => EntryStates.Protected(),
        "pae" => EntryStates.Pae(),
        "real" => EntryStates.Real(),
        _ => EntryStates.Virtual8086(),
    };

    private static void AssertPasses(ImmutableArray<EntryCheckResult> results) =>
        Assert.Empty(results.Where(result => result.Outcome is EntryOutcome.Failed or EntryOutcome.NotChecked).Select(result => $"{result.Rule.Id}: {result.Outcome} {result.Unknown?.Key}"));

    private static string[] Failed(ImmutableArray<EntryCheckResult> results) =>
        [.. results.Where(result => result.Outcome == EntryOutcome.Failed).Select(result => result.Rule.Id)];
}
