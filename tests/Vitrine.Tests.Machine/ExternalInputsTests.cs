using System.Collections.Concurrent;
using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests;

public sealed class ExternalInputsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AnInputThatThrowsHoldsUpNoOther(bool held)
    {
        Lock deviceLock = new();
        using BlockingCollection<(Exception Error, bool Locked)> failures = [];
        ExternalInputs inputs = new(deviceLock, error => failures.Add((error, deviceLock.IsHeldByCurrentThread)));
        int taken = 0;
        if (!held) inputs.Release();
        inputs.Post(() => throw new InvalidDataException("a defect"));
        inputs.Post(() => taken++);
        if (held) inputs.Release();
        inputs.Post(() => taken++);
        Assert.Equal(2, taken);
        Assert.True(failures.TryTake(out (Exception Error, bool Locked) failure, TimeSpan.FromSeconds(60)));
        Assert.Equal(("a defect", false), (failure.Error.Message, failure.Locked));
    }
}
