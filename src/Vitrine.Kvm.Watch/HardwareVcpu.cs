using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Mmu;
using Vitrine.KvmServer.Watch;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Watch;

/// <summary>A vCPU of the client's on the host's own KVM. Its registers are read by the thread that makes the client's calls on it, around these.</summary>
/// <param name="machine">Its machine.</param>
/// <param name="id">Its number.</param>
/// <param name="vcpu">What is seen of it.</param>
internal sealed class HardwareVcpu(WatchedMachine machine, int id, ForeignKvmVcpu vcpu) : WatchedVcpu(machine.Number)
{
    private CpuidEntry[] _cpuid = [];
    private int _users = 1;
    private bool _isOutOfSight;

    /// <inheritdoc/>
    public override int Id => id;

    /// <inheritdoc/>
    public override IReadOnlyList<CpuidEntry> Cpuid => _cpuid;

    /// <inheritdoc/>
    public override IMmuInspection? Mmu => null;

    /// <inheritdoc/>
    public override string Engine => "";

    /// <inheritdoc/>
    public override bool IsHardware => true;

    /// <inheritdoc/>
    public override bool IsOutOfSight => _isOutOfSight;

    /// <inheritdoc/>
    public override IReadOnlyList<MemorySlot> Slots => machine.Slots;

    /// <summary>The client steps or breaks by itself, and is left alone.</summary>
    public bool IsDebugged { get; set; }

    /// <summary>An access of its last instruction is with the client.</summary>
    public bool IsUnfinished { get; set; }

    /// <summary>What is seen of it.</summary>
    public ForeignKvmVcpu Kvm => vcpu;

    /// <inheritdoc/>
    public override void GetState(ProcessorState state) => vcpu.GetState(state);

    /// <summary>Another thread may enter KVM_RUN at any moment, and KVM would let this one wait.</summary>
    public override bool TryGetState(ProcessorState state) => false;

    /// <inheritdoc/>
    public override bool TryTranslate(ulong linear, out Gpa? gpa)
    {
        gpa = vcpu.TryTranslate(linear, out ulong address) ? new Gpa(address) : null;
        return true;
    }

    /// <summary>The client has said what CPUID answers.</summary>
    public void SetCpuid(CpuidEntry[] entries)
    {
        Volatile.Write(ref _cpuid, entries);
        vcpu.CpuidChanged();
    }

    /// <summary>Looks whether it starts by itself. One that waits for another vCPU is out of sight from now on.</summary>
    public void LookForStart()
    {
        if (vcpu.ReadActivity() is { } activity and not (MpState.Runnable or MpState.Halted)) _isOutOfSight = true;
    }

    /// <summary>
    /// True when HLT comes next, and leaves for the client. It must not be stepped: KVM's emulator then tells of the step, and the halt is lost.
    /// </summary>
    public bool HaltsNext()
    {
        const byte Hlt = 0xF4;
        if (vcpu.HasLocalApic) return false;
        ProcessorState state = new();
        vcpu.GetState(state);
        ulong linear = state.Segments[Seg.Cs].Long ? state.Rip : (uint)(state.Segments[Seg.Cs].Base + state.Rip);
        Span<byte> first = stackalloc byte[1];
        return TryTranslate(linear, out Gpa? address) && address is { } gpa && TryRead(gpa, first) && first[0] == Hlt;
    }

    /// <summary>Keeps its pages mapped.</summary>
    /// <returns>False when they are gone.</returns>
    public bool TryUse()
    {
        for (int users = Volatile.Read(ref _users); users > 0;)
        {
            int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users) return true;
            users = seen;
        }

        return false;
    }

    /// <summary>Ends what <see cref="TryUse"/> began, or its descriptors' use. A machine lives as long as anything of it is mapped.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0) vcpu.Dispose();
    }
}
