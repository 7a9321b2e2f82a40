using System.Reflection;
using Vitrine.Cli;
using Xunit;

namespace Vitrine.Tests.Cli;

public sealed class ExitStatusTests
{
    [Theory]
    [InlineData(VmEndReason.PowerOff, 0u, 0)]
    [InlineData(VmEndReason.DebugExit, 0u, 1)]
    [InlineData(VmEndReason.DebugExit, 5u, 11)]
    [InlineData(VmEndReason.DebugExit, 0x10u, 33)]
    [InlineData(VmEndReason.DebugExit, 0x7Fu, 255)]
    [InlineData(VmEndReason.DebugExit, 0x80u, 1)]
    [InlineData(VmEndReason.DebugExit, 0xFFFF_FFFFu, 255)]
    public void ADebugExitGivesTwiceTheValuePlusOne(VmEndReason reason, uint value, int status) =>
        Assert.Equal(status, ExitStatus.Of(new VmEnd(reason, value, "")));

    /// <summary>As the table of README.md has them. 92 is tried only here: no test can count on a guest that makes the engines differ.</summary>
    [Theory]
    [InlineData(VmEndReason.TripleFault, 80)]
    [InlineData(VmEndReason.HaltForever, 82)]
    [InlineData(VmEndReason.Reset, 84)]
    [InlineData(VmEndReason.GuestCrash, 86)]
    [InlineData(VmEndReason.FailEntry, 88)]
    [InlineData(VmEndReason.Stopped, 90)]
    [InlineData(VmEndReason.EnginesDiffer, 92)]
    [InlineData(VmEndReason.InternalError, 70)]
    public void EveryOtherEndHasAStatusOfItsOwn(VmEndReason reason, int status) => Assert.Equal(status, ExitStatus.Of(new VmEnd(reason, 0, "")));

    [Fact]
    public void NoOtherStatusCanBeTakenForADebugExit()
    {
        int[] others = [.. Enum.GetValues<VmEndReason>().Except([VmEndReason.DebugExit]).Select(reason => ExitStatus.Of(new VmEnd(reason, 0, "")))];
        Assert.All(others, status => Assert.Equal(0, status % 2));
        Assert.Equal(others.Length, others.Distinct().Count());
    }

    [Fact]
    public void HelpNamesEveryStatus()
    {
        IEnumerable<int> statuses = typeof(ExitStatus).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.FieldType == typeof(int)).Select(field => (int)field.GetRawConstantValue()!);
        Assert.All(statuses, status => Assert.Contains($"\n  {status} ", ExitStatus.Help, StringComparison.Ordinal));
    }
}
