using Vitrine.Devices.Interrupts;
using Xunit;

namespace Vitrine.Tests.Devices.Interrupts;

/// <summary>A shared interrupt is asserted while one of its lines is, whatever the order.</summary>
public sealed class SharedInterruptTests
{
    [Fact]
    public void ItIsAssertedWhileOneLineIs()
    {
        LineRecorder recorder = new();
        SharedInterrupt shared = new(recorder);
        InterruptLine first = shared.AddLine(16);
        InterruptLine second = shared.AddLine(16);
        first.Set(true);
        second.Set(true);
        first.Set(false);
        Assert.True(recorder.Level(16));
        second.Set(false);
        Assert.False(recorder.Level(16));

        // Levels of a state that was loaded count, though they were not driven.
        second.Restore(true);
        first.Set(true);
        first.Set(false);
        Assert.True(recorder.Level(16));
    }
}
