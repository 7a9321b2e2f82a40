using Vitrine.X86.Exceptions;
using Xunit;

namespace Vitrine.Tests.X86.Exceptions;

public sealed class ExceptionVectorTests
{
    /// <summary>SDM vol. 3, table 6-1, column "Error Code".</summary>
    [Fact]
    public void ErrorCodes()
    {
        int[] expected = [8, 10, 11, 12, 13, 14, 17, 21];
        Assert.Equal(expected, Enumerable.Range(-1, 258).Where(ExceptionVector.HasErrorCode));
    }

    /// <summary>SDM vol. 3, table 6-5 "Conditions for Generating a Double Fault".</summary>
    [Theory]
    [InlineData(ExceptionVector.UD, ExceptionVector.GP, false)]
    [InlineData(ExceptionVector.DB, ExceptionVector.PF, false)]
    [InlineData(ExceptionVector.GP, ExceptionVector.UD, false)]
    [InlineData(ExceptionVector.GP, ExceptionVector.NP, true)]
    [InlineData(ExceptionVector.DE, ExceptionVector.SS, true)]
    [InlineData(ExceptionVector.GP, ExceptionVector.PF, false)]
    [InlineData(ExceptionVector.PF, ExceptionVector.GP, true)]
    [InlineData(ExceptionVector.PF, ExceptionVector.PF, true)]
    [InlineData(ExceptionVector.PF, ExceptionVector.AC, false)]
    public void DoubleFaults(int first, int second, bool doubleFault) =>
        Assert.Equal(doubleFault, ExceptionVector.MakesDoubleFault(first, second));
}
