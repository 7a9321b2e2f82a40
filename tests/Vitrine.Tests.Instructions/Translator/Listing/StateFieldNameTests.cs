using System.Reflection;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator.Listing;
using Xunit;

namespace Vitrine.Tests.Software.Translator.Listing;

public sealed class StateFieldNameTests
{
    // Those that only the interpreter addresses have no names.
    private static readonly string[] s_interpreted =
        [nameof(CpuOffsets.Gpr), nameof(CpuOffsets.Zero), nameof(CpuOffsets.BlockRip), nameof(CpuOffsets.X87)];

    public static TheoryData<string> Fields =>
        [.. typeof(CpuOffsets).GetFields(BindingFlags.Public | BindingFlags.Static).Select(offset => offset.Name).Except(s_interpreted)];

    [Theory]
    [MemberData(nameof(Fields))]
    public void EveryFieldThatEmittedCodeKnowsHasItsName(string name)
    {
        int offset = (int)typeof(CpuOffsets).GetField(name)!.GetValue(null)!;
        Assert.StartsWith(name, StateFieldNames.Of(offset), StringComparison.Ordinal);
    }

    [Fact]
    public void AByteWithinAFieldIsNamedByItsDistance() =>
        Assert.Equal("PackedFlags+1", StateFieldNames.Of(CpuOffsets.PackedFlags + 1));

    [Fact]
    public void AKeyIsNamedByItsNumber() => Assert.Equal("Keys[3]", StateFieldNames.Of(StateMemory.Keys + 24));
}
