using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests.Machine;

public sealed class VcpuGateTests
{
    [Fact]
    public async Task Who_waits_for_vcpus_that_are_released_again_goes_on()
    {
        VcpuGate gate = new(1, () => { });
        gate.Hold();
        Task<bool> held = Task.Run(gate.WaitUntilHeld, TestContext.Current.CancellationToken);
        gate.Release();
        Assert.False(await held.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }
}
