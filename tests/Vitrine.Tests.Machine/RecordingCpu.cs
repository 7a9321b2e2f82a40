using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Tests.Machine;

/// <summary>A vCPU that runs nothing: it writes down what is asked of it, and returns the exits it was given.</summary>
internal sealed class RecordingCpu : IVirtualCpu, IVcpuInspection
{
    private readonly Queue<VmExitReason> _exits = new();
    private VmExit _exit;

    /// <summary>The calls in order: "get", "put Runtime", "run", "kick".</summary>
    public List<string> Calls { get; } = [];

    /// <summary>RIP as the accelerator has it.</summary>
    public ulong Rip { get; set; }

    public int Id => 0;

    public uint TscKilohertz => 1_000_000;

    public uint ApicTimerKilohertz => 0;

    public IReadOnlyList<CpuidEntry> SupportedCpuid => [];

    public IVcpuInspection Inspection => this;

    public ulong InstructionsExecuted => 0;

    public bool SingleStep { get; set; }

    public bool TryStopAt(ulong? address) => address is null;

    public IMmuInspection? Mmu => null;

    /// <summary>Called in each run: what the guest does.</summary>
    public Action? OnRun { get; set; }

    /// <summary>Called in each put.</summary>
    public Action? OnPut { get; set; }

    public void Enqueue(params VmExitReason[] exits)
    {
        foreach (VmExitReason exit in exits) _exits.Enqueue(exit);
    }

    public void SetCpuid(ReadOnlySpan<CpuidEntry> entries) => Calls.Add("cpuid");

    public void GetState(ProcessorState state)
    {
        Calls.Add("get");
        state.Rip = Rip;
    }

    public void PutState(ProcessorState state, PutLevel level)
    {
        Calls.Add($"put {level}");
        OnPut?.Invoke();
        Rip = state.Rip;
    }

    public ref VmExit Run()
    {
        Calls.Add("run");
        OnRun?.Invoke();
        _exit.Reason = _exits.Count > 0 ? _exits.Dequeue() : VmExitReason.Interrupted;
        return ref _exit;
    }

    public void Kick() => Calls.Add("kick");

    public void NotifyExternalInterrupt(bool level)
    {
    }

    public void RaiseNmi()
    {
    }

    public bool TryTranslate(ulong gva, out ulong gpa)
    {
        gpa = gva;
        return true;
    }

    public void Dispose() => Calls.Add("dispose");
}
