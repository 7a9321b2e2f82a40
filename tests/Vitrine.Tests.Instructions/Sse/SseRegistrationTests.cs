using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Xunit;

namespace Vitrine.Tests.Software.Sse;

public sealed class SseRegistrationTests
{
    [Fact]
    public void EveryInstructionIsRegistered()
    {
        Code[] missing = [.. OwnedCodes.All.Where(code => !OpTable.Instance.Contains(code))];
        Assert.Empty(missing);
    }

    [Theory]
    [InlineData(Code.Xsavec_mem)]
    [InlineData(Code.Xsavec64_mem)]
    [InlineData(Code.Xsaves_mem)]
    [InlineData(Code.Xrstors_mem)]
    [InlineData(Code.Clflushopt_m8)]
    [InlineData(Code.VEX_Vpaddb_xmm_xmm_xmmm128)]
    public void WhatIsNotAnnouncedIsNotThere(Code code) => Assert.False(OpTable.Instance.Contains(code));
}
