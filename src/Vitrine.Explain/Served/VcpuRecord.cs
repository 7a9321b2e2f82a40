using Vitrine.Explain.Entry;
using Vitrine.Explain.Model;
using Vitrine.Explain.State;
using Vitrine.Explain.Symbols;
using Vitrine.KvmServer.Watch;
using Vitrine.Memory;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Explain.Served;

/// <summary>What is known of one vCPU of a served machine.</summary>
/// <param name="vcpu">It.</param>
/// <param name="wanted">How many instructions are to be told.</param>
/// <param name="placement">Names addresses; null for none.</param>
internal sealed class VcpuRecord(WatchedVcpu vcpu, ulong wanted, KernelPlacement? placement)
{
    private readonly List<InstructionStory> _told = [];
    private ProcessorState? _first;
    private ProcessorState? _waiting;
    private CpuidEntry[] _cpuid = [];
    private IReadOnlyList<MemorySlot>? _slots;
    private InstructionTelling? _open;

    /// <summary>Number of the vCPU.</summary>
    public int Id => vcpu.Id;

    /// <summary>The vCPU.</summary>
    public WatchedVcpu Vcpu => vcpu;

    /// <summary>The memory slots at its first instruction, or now before that.</summary>
    public IReadOnlyList<MemorySlot> Slots => _slots ?? vcpu.Slots;

    /// <summary>All that is to be told has been.</summary>
    public bool IsComplete => (ulong)_told.Count >= wanted || vcpu.IsOutOfSight;

    /// <summary>The calls that put registers, with what they changed.</summary>
    public List<PutCall> Puts { get; } = [];

    /// <summary>The guest is about to be entered.</summary>
    public void Enter()
    {
        if ((ulong)_told.Count >= wanted || _open is not null) return;
        ProcessorState state = new();
        vcpu.GetState(state);

        // One that waits for its start-up IPI comes to its first instruction with other registers.
        _waiting = state;
        if (state.MpState is MpState.Runnable or MpState.Halted && !vcpu.IsOutOfSight) Begin();
    }

    /// <summary>An instruction is done, or an event delivered.</summary>
    public void Step()
    {
        if (_open is { } done) _told.Add(done.Finish());
        _open = null;
        if (!IsComplete) Begin();
    }

    /// <summary>An instruction waits for an answer.</summary>
    public InstructionTelling? Open => _open;

    /// <summary>What is known so far.</summary>
    /// <param name="model">The CPU model in words.</param>
    /// <param name="isQemu">The client's functions are QEMU's.</param>
    /// <param name="ended">Nothing more will come.</param>
    public VcpuStory Tell(string model, bool isQemu, bool ended)
    {
        ProcessorState? state = _first ?? _waiting;
        CpuidEntry[] cpuid = _first is null ? [.. vcpu.Cpuid] : _cpuid;
        IReadOnlyList<RegisterFact> registers = state is null ? [] : StateExplanation.Registers(state, new CpuidTable(cpuid).Signature, beforeFirst: true);
        List<InstructionStory> told = [.. _told];
        if (ended && _open is { } open) told.Add(open.GiveUp());
        return new VcpuStory(
            Id,
            new StateStory(StateExplanation.Settings(model, cpuid, vcpu.IsHardware), registers, []) { ClientPuts = ClientPuts.Of(Puts, isQemu) },
            _first is null ? null : EntryExplanation.Of(_first, cpuid),
            told,
            End(told.Count, ended));
    }

    private StoryEnd End(int told, bool ended)
    {
        ulong executed = (ulong)_told.Count;
        if (vcpu.IsOutOfSight)
        {
            return new StoryEnd("hidden", "It waits for its start-up IPI inside KVM_RUN, where the host's own KVM shows nobody what it does first.", executed);
        }

        if (IsComplete)
        {
            return new StoryEnd(
                "instructions", executed == 1 ? "The first instruction has been executed." : $"{executed} instructions have been executed, as asked for.", executed);
        }

        string sofar = told == 0 ? "It has executed no instruction" : $"It has executed {executed} of {wanted} instructions";
        string why = ended ? "when the client ended." : _first is null ? "yet: it waits for its start-up IPI, or the client has not run it." : "yet.";
        return new StoryEnd(ended ? "client" : "pending", $"{sofar} {why}", executed);
    }

    private void Begin()
    {
        _open = new InstructionTelling(vcpu, (ulong)_told.Count + 1, placement);
        if (_first is not null) return;
        _first = _open.Before;
        _slots = vcpu.Slots;
        _cpuid = [.. vcpu.Cpuid];
    }
}
