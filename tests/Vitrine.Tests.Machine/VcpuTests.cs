using Vitrine.Run;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Machine;

/// <summary>
/// Who owns the registers: our copy counts from creation, from a reset and from a get on, and is then put exactly once,
/// before the next run, at the level that the change asks for.
/// </summary>
public sealed class VcpuTests
{
    // Steps: s claim (get, to change), l look (get, to read), r run, p put, R reset. Calls: what the accelerator must see, no more and no less.
    [Theory]
    [InlineData("", "")]
    [InlineData("p", "put Full")]
    [InlineData("pp", "put Full")]
    [InlineData("r", "put Full, run")]
    [InlineData("pr", "put Full, run")]
    [InlineData("rr", "put Full, run, run")]
    [InlineData("s", "")]
    [InlineData("sr", "put Full, run")]
    [InlineData("rs", "put Full, run, get")]
    [InlineData("rss", "put Full, run, get")]
    [InlineData("rsr", "put Full, run, get, put Runtime, run")]
    [InlineData("rsrr", "put Full, run, get, put Runtime, run, run")]
    [InlineData("rsrsr", "put Full, run, get, put Runtime, run, get, put Runtime, run")]
    [InlineData("rR", "put Full, run")]
    [InlineData("rRr", "put Full, run, put Reset, run")]
    [InlineData("rsRr", "put Full, run, get, put Reset, run")]
    [InlineData("rRsr", "put Full, run, put Reset, run")]
    [InlineData("rRrsr", "put Full, run, put Reset, run, get, put Runtime, run")]
    [InlineData("Rr", "put Full, run")]
    [InlineData("l", "")]
    [InlineData("pl", "put Full, get")]
    [InlineData("rl", "put Full, run, get")]
    [InlineData("rll", "put Full, run, get")]
    [InlineData("rlr", "put Full, run, get, run")]
    [InlineData("rlrl", "put Full, run, get, run, get")]
    [InlineData("rls", "put Full, run, get")]
    [InlineData("rlsr", "put Full, run, get, put Runtime, run")]
    [InlineData("rslr", "put Full, run, get, put Runtime, run")]
    [InlineData("rlRr", "put Full, run, get, put Reset, run")]
    [InlineData("rRlr", "put Full, run, put Reset, run")]
    [InlineData("rlspl", "put Full, run, get, put Runtime, get")]
    public void PutsOnceInOrderAndAtTheRightLevel(string steps, string calls)
    {
        RecordingCpu cpu = new();
        using Vcpu vcpu = new(cpu, new ProcessorState());
        foreach (char step in steps)
        {
            switch (step)
            {
                case 's': vcpu.Claim(); break;
                case 'l': vcpu.Refresh(); break;
                case 'r': vcpu.Run(); break;
                case 'p': vcpu.Put(); break;
                case 'R': vcpu.MarkReset(); break;
            }
        }

        Assert.Equal(calls, string.Join(", ", cpu.Calls));
    }

    [Fact]
    public void AChangeAfterAGetReachesTheAcceleratorAndItsProgressReachesUs()
    {
        RecordingCpu cpu = new();
        ProcessorState state = new() { Rip = 0x100 };
        using Vcpu vcpu = new(cpu, state);
        cpu.OnRun = () => cpu.Rip += 2;
        vcpu.Run();
        Assert.Equal(0x102u, cpu.Rip);
        vcpu.Claim();
        Assert.Equal(0x102u, state.Rip);
        state.Rip = 0x200;
        vcpu.Run();
        vcpu.Run();
        vcpu.Claim();
        Assert.Equal(0x204u, state.Rip);
    }

    [Fact]
    public void ItsOwnCopyIsNeverOverwrittenWhileItIsTheTruth()
    {
        RecordingCpu cpu = new() { Rip = 0xBAD };
        ProcessorState state = new() { Rip = 0x100 };
        using Vcpu vcpu = new(cpu, state);
        vcpu.Claim();
        Assert.Equal(0x100u, state.Rip);
    }
}
