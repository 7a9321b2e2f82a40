using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.KvmServer.Events;
using Vitrine.KvmServer.Native;
using Vitrine.Timing;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.Engine;

/// <summary>
/// The software CPU of a served machine. A client does not say how many vCPUs a machine will have. One alone has shadow page tables and code that
/// needs no regard for others; when the second one is created, which is before any runs in all known clients, the engine is made anew for several.
/// </summary>
internal sealed class VmEngine : IDisposable
{
    private readonly SoftwareOptions _options;
    private readonly List<SoftwareAccelerator> _former = [];
    private readonly SortedDictionary<int, ServedVcpu> _vcpus = [];

    // The same, replaced as a whole, for those who look without the machine's lock.
    private ServedVcpu[] _present = [];
    private volatile Exception? _defect;
    private SoftwareAccelerator _accelerator;
    private bool _isShared;

    /// <summary>The engine of a machine without vCPUs.</summary>
    public VmEngine(SoftwareOptions options)
    {
        _options = options with { ForeignWrites = true };
        _accelerator = SoftwareAccelerator.Create(_options, vcpus: 1, Clock);
        (Behavior.LocalApicAtClient, Behavior.WaitsForEver, Behavior.SkipsOut7E) = (true, true, true);
        Behavior.IsMissing = address => Slots.IsHole(address, isWrite: false);
        Interrupts = new VmInterrupts(Clock, Fail);
        Interrupts.Connect(_accelerator);
    }

    /// <summary>The machine's time.</summary>
    public MachineClock Clock { get; } = MachineClock.StartNew();

    /// <summary>Rate of the time-stamp counters.</summary>
    public uint TscKilohertz => _accelerator.CpuidEnvironment.TscKilohertz;

    /// <summary>What the client's calls choose.</summary>
    public VmBehavior Behavior => _accelerator.Behavior;

    /// <summary>The interrupt controllers, the timer, and what the client's event descriptors lead to.</summary>
    public VmInterrupts Interrupts { get; }

    /// <summary>The accelerator, as it is now.</summary>
    public IAccelerator Accelerator => _accelerator;

    /// <summary>The memory slots.</summary>
    public ClientSlots Slots { get; } = new();

    /// <summary>The vCPUs by their numbers.</summary>
    public IReadOnlyDictionary<int, ServedVcpu> Vcpus => _vcpus;

    /// <summary>True when a vCPU has been created and is still there.</summary>
    public bool HasVcpus => _vcpus.Count != 0;

    /// <summary>What the client has said that has no effect here.</summary>
    public VmSettings Settings { get; } = new();

    /// <summary>A thread of the interrupt controllers has failed, which is a fault of the server: the machine's vCPUs go no further.</summary>
    public Exception? Defect
    {
        get => _defect;
        private set => _defect = value;
    }

    /// <summary>What KVM_GET_CLOCK shows beyond the machine's time, in nanoseconds (KVM_SET_CLOCK).</summary>
    public long ClockOffset
    {
        get => Behavior.ClockOffset;
        set => Behavior.ClockOffset = value;
    }

    /// <summary>The call that chooses interrupt controllers has been carried out: the local APICs are in the engine from now on.</summary>
    /// <returns>The call's result.</returns>
    public int Choose(int result)
    {
        if (result == 0) Behavior.LocalApicAtClient = false;
        return result;
    }

    /// <summary>Creates a vCPU. The machine's lock is held.</summary>
    /// <param name="id">Its number; none has it.</param>
    /// <param name="attention">What signal handlers store to.</param>
    public unsafe ServedVcpu CreateVcpu(int id, AttentionBlock* attention)
    {
        // SAFETY: the block is only passed on.
        if (!_isShared && (_vcpus.Count != 0 || id != 0)) Share();
        IVirtualCpu cpu = CreateCpu(_accelerator, id);
        cpu.Parts!.SetMachineCheck(MachineCheck.Default);

        // As KVM does: the counters of a machine's vCPUs are together until a client parts them.
        cpu.Parts.TryWriteMsr(Msr.IA32_TIME_STAMP_COUNTER, 0);
        ServedVcpu vcpu = new(id, cpu, attention);
        if (Behavior.LocalApicAtClient) Start(vcpu);
        _vcpus.Add(id, vcpu);
        Volatile.Write(ref _present, [.. _vcpus.Values]);
        if (id == (int)Settings.BootCpuId) Interrupts.Connect(cpu);
        return vcpu;
    }

    /// <summary>A vCPU has gone. The machine's lock is held.</summary>
    public void RemoveVcpu(int id)
    {
        if (!_vcpus.Remove(id, out ServedVcpu? vcpu)) return;
        Volatile.Write(ref _present, [.. _vcpus.Values]);
        vcpu.Cpu.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Interrupts.Dispose();
        _accelerator.Dispose();
        foreach (SoftwareAccelerator accelerator in _former) accelerator.Dispose();
    }

    /// <summary>A thread of the interrupt controllers has failed: KVM_RUN returns EIO from now on. Any thread.</summary>
    public void Fail(Exception defect)
    {
        Defect = defect;
        foreach (ServedVcpu vcpu in Volatile.Read(ref _present)) vcpu.Cpu.Kick();
    }

    // Whoever has the local APICs sees to the start-up IPIs too (Documentation/virt/kvm/api.rst 4.38): what the client runs, runs.
    private static void Start(ServedVcpu vcpu)
    {
        vcpu.State.MpState = MpState.Runnable;
        vcpu.Parts.Put(vcpu.State, StateParts.Activity);
    }

    // It has a thread for its timer, which is not to get the client's signals.
    private static IVirtualCpu CreateCpu(SoftwareAccelerator accelerator, int id)
    {
        using (ClientSignals.KeptAway()) return accelerator.CreateVcpu(id);
    }

    // All stand outside the guest meanwhile.
    private void Share()
    {
        SoftwareOptions options = _options with { Mmu = _options.Mmu == MmuMode.Shadow ? null : _options.Mmu };
        SoftwareAccelerator accelerator = SoftwareAccelerator.Create(options, SoftwareAccelerator.VcpuLimit, Clock);
        accelerator.Behavior.CopyFrom(Behavior);
        foreach (Memory.MemorySlot slot in Slots.Slots) accelerator.SetMemorySlot(slot);
        foreach (ServedVcpu vcpu in _vcpus.Values) vcpu.AskOut();
        lock (Interrupts.DeviceLock)
        {
            foreach (ServedVcpu vcpu in _vcpus.Values) vcpu.Exchange(CreateCpu(accelerator, vcpu.Id));
            _former.Add(_accelerator);
            _accelerator = accelerator;
            _isShared = true;
            Interrupts.Connect(accelerator);
            if (_vcpus.TryGetValue((int)Settings.BootCpuId, out ServedVcpu? boot)) Interrupts.Connect(boot.Cpu);
        }

        foreach (ServedVcpu vcpu in _vcpus.Values) vcpu.LetIn();
    }
}
