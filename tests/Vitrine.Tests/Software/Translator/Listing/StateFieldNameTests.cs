using System.Reflection;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Listing;
using Xunit;

namespace Vitrine.Tests.Software.Translator.Listing;

public sealed class StateFieldNameTests
{
    public static TheoryData<string> Fields => [.. typeof(StateOffsets).GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(property => property.PropertyType == typeof(int)).Select(property => property.Name)];

    [Theory]
    [MemberData(nameof(Fields))]
    public void Every_field_that_emitted_code_knows_has_its_name(string name)
    {
        int offset = (int)typeof(StateOffsets).GetProperty(name)!.GetValue(StateOffsets.Instance)!;
        Assert.StartsWith(name, StateFieldNames.Of(offset), StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_within_a_field_is_named_by_its_distance() =>
        Assert.Equal("PackedFlags+1", StateFieldNames.Of(StateOffsets.Instance.PackedFlags + 1));

    [Fact]
    public void A_key_is_named_by_its_number() => Assert.Equal("Keys[3]", StateFieldNames.Of(StateMemory.Keys + 24));
}
