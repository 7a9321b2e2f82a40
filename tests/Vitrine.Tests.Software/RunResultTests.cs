using Vitrine.Tests.Software.Mmu;
using Xunit;
using Xunit.Sdk;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software;

/// <summary>What a test's run of guest code comes to, and what an assertion shows of it.</summary>
public sealed class RunResultTests
{
    [Theory]
    [InlineData("ok")]
    [InlineData("shutdown")]
    [InlineData("#6")]
    [InlineData("#14(1f)")]
    public void AnExpectedResultIsItsText(string text) => Assert.Equal(text, ((RunResult)text).ToString());

    [Fact]
    public void ADifferenceShowsWhereTheProcessorStood()
    {
        const ulong NotMapped = 0x50_0000;
        using PagedMachine m = new();
        RunResult result = m.Run(static a =>
        {
            a.mov(ebx, 0x1234);
            a.mov(__byte_ptr[NotMapped], 1);
        });
        Assert.Equal("#14(2)", result);
        Assert.NotEqual("#14(0)", result);
        EqualException difference = Assert.Throws<EqualException>(() => Assert.Equal("ok", result));
        foreach (string shown in (string[])["#14(2)", "rip 8005", "cr2 500000", "rbx 1234", "8005: mov byte ptr"])
            Assert.Contains(shown, difference.Message, StringComparison.Ordinal);
    }
}
