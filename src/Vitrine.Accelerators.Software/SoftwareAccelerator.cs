using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Accelerators.Software.System;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Software;

/// <summary>The accelerator that needs no help from the host's processor.</summary>
public sealed class SoftwareAccelerator : IAccelerator
{
    /// <summary>The most vCPUs that an accelerator may have.</summary>
    public const int VcpuLimit = 64;

    // What a machine of the library may have: it is known from the start, and so are its tables.
    private const int MachineLimit = NarrowPageSharers.Limit;

    private readonly Lock _lock = new();
    private readonly SoftwareVcpu?[] _vcpus;
    private readonly List<SoftwareVcpu> _retired = [];
    private readonly OutsideWrites _outsideWrites;

    private SoftwareAccelerator(SoftwareOptions options, int vcpus, MachineClock? clock)
    {
        _vcpus = new SoftwareVcpu?[vcpus];
        Group = new VcpuGroup(vcpus);
        _outsideWrites = new OutsideWrites(Group);
        Sleeps = new SleepRegister(vcpus);
        Clock = clock ?? MachineClock.StartNew();
        TimeStamps = new TimeStampOrigin(Clock);
        Mmu = options.Mmu ?? DefaultMmu(vcpus);
        Engine = EngineOf(options);
        if (Engine == SoftwareEngine.Translator && HostHasTranslator) TranslationBytes = CodeMemorySize.ForHost(vcpus);
        Lockstep = options.Lockstep;
        Statistics = options.Statistics;
        ForeignWrites = options.ForeignWrites;
        UserCodeObstacle = FindUserCodeObstacle();
        UserCode = UserCodeObstacle is null ? options.UserCode ?? UserCode.Auto : UserCode.Translated;
    }

    /// <summary>True where <see cref="SoftwareEngine.Translator"/> can be chosen: on Linux, in a process of 64-bit x86 code.</summary>
    public static bool HostHasTranslator => ExecutableMemory.IsSupported;

    /// <inheritdoc/>
    public string Name => "soft";

    /// <inheritdoc/>
    public bool HasInterruptControllers => false;

    /// <inheritdoc/>
    public bool UsesHostCpuid => false;

    /// <inheritdoc/>
    /// <remarks>Guests rely on the order in which an x86 processor's stores are seen, which other hosts don't keep.</remarks>
    public int MaximumVcpus => HostKeepsStoreOrder ? MachineLimit : 1;

    /// <summary>What a server of KVM's calls can choose, beside the options, while the machine is there.</summary>
    public VmBehavior Behavior { get; } = new();

    /// <summary>Bits of CR4 that guests can set, whether or not their CPUID announces them.</summary>
    public const ulong ImplementedCr4 = ControlRegisters.ImplementedCr4;

    /// <summary>What CPU models are made into leaves for here: its clocks, and the host's features where the host executes instructions.</summary>
    public CpuidEnvironment CpuidEnvironment => new()
    {
        TscKilohertz = GuestClock.TscKilohertz,
        ApicTimerKilohertz = GuestClock.ApicTimerKilohertz,
        Native = HostLeaves,
    };

    /// <summary>What the host's CPUID says; empty where guests have nothing of it.</summary>
    internal IReadOnlyList<CpuidEntry> HostLeaves => Engine == SoftwareEngine.Translator ? HostProcessor.Cpuid : [];

    /// <summary>True where each processor sees the stores of another in the order in which they were made, as on x86.</summary>
    private static bool HostKeepsStoreOrder => X86Base.IsSupported;

    /// <summary>How many vCPUs the machine has.</summary>
    internal int Vcpus => _vcpus.Length;

    /// <summary>The vCPUs that wait.</summary>
    internal SleepRegister Sleeps { get; }

    /// <summary>The way between local APICs.</summary>
    internal InterruptFabric Interrupts { get; } = new();

    /// <summary>The vCPUs as they see each other.</summary>
    internal VcpuGroup Group { get; }

    /// <summary>The machine's time.</summary>
    internal MachineClock Clock { get; }

    /// <summary>Where time-stamp counters begin.</summary>
    internal TimeStampOrigin TimeStamps { get; }

    /// <summary>The 8259 pair, once connected.</summary>
    internal IExternalInterruptSource? ExternalInterrupts { get; private set; }

    /// <summary>Size of the memory for decoded blocks, in bytes.</summary>
    internal nuint CodeArenaBytes { get; set; } = 96 << 20;

    /// <summary>The bound of each vCPU's memory for translated code, in bytes.</summary>
    internal nuint TranslationBytes { get; set; }

    /// <summary>The slots as vCPUs see them.</summary>
    internal SlotTable SlotTable { get; } = new();

    /// <summary>How the vCPU translates addresses.</summary>
    internal MmuMode Mmu { get; }

    /// <summary>How the vCPU executes instructions.</summary>
    internal SoftwareEngine Engine { get; }

    /// <summary>Each translated block is compared with the interpreter.</summary>
    internal bool Lockstep { get; }

    /// <summary>What costs time to count is counted too.</summary>
    internal bool Statistics { get; }

    /// <summary>What runs user code: what was asked for, unless there is a <see cref="UserCodeObstacle"/>.</summary>
    public UserCode UserCode { get; }

    /// <summary>With <see cref="UserCode.Native"/>: decides at each occasion whether user code runs natively now. Set before vCPUs are made; null for always.</summary>
    internal Func<bool>? UserCodeChoice { get; set; }

    /// <summary>What in the options keeps user code from running natively, as the end of a sentence; null where nothing does.</summary>
    public string? UserCodeObstacle { get; }

    /// <inheritdoc/>
    public bool NeedsSharedMemory => UserCode != UserCode.Translated;

    /// <summary>Memory is written by others, who don't tell.</summary>
    internal bool ForeignWrites { get; }

    /// <summary>Creates the accelerator of one machine. With the interpreter it is always possible.</summary>
    /// <param name="options">What can be chosen; null for the defaults.</param>
    /// <param name="vcpus">
    /// How many vCPUs the machine gets, or may get: from 1 to <see cref="VcpuLimit"/>. With one it needs no regard for others; beyond 8, tables about pages take 32 bytes
    /// of each instead of 4.
    /// </param>
    /// <param name="clock">The machine's time, for time-stamp counters and APIC timers; null for a clock of its own, which runs.</param>
    /// <exception cref="VitrineException">
    /// The translator is asked for on a host that it can't run on; several vCPUs on a host that is not x86; several and shadow page tables, which one
    /// vCPU can have; or several and lockstep.
    /// </exception>
    public static SoftwareAccelerator Create(SoftwareOptions? options = null, int vcpus = 1, MachineClock? clock = null)
    {
        options ??= new SoftwareOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vcpus, VcpuLimit);
        CheckVcpus(vcpus, HostKeepsStoreOrder);
        CheckMmu(options.Mmu, vcpus);
        if (options.Lockstep && vcpus > 1)
        {
            throw VitrineException.User(
                ErrorCode.ConfigLockstepCpus,
                $"Lockstep was asked for with {vcpus} CPUs.",
                "Between the interpreter's try of a block and the translator's run another CPU may change what it reads, which is no fault of either.",
                "Give the machine one CPU.").With("cpus", vcpus);
        }

        if (EngineOf(options) == SoftwareEngine.Translator && !HostHasTranslator)
        {
            throw VitrineException.User(
                ErrorCode.ConfigTranslatorHost,
                $"The translator does not run on this host ({RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}).",
                "It makes machine code for Linux on x86-64.",
                options.Lockstep
                    ? "Leave lockstep out: it compares the translator with the interpreter, which alone runs on every host."
                    : "Leave the choice of engine out, or choose the interpreter, which runs on every host.").With("lockstep", options.Lockstep);
        }

        return new SoftwareAccelerator(options, vcpus, clock);
    }

    private string? FindUserCodeObstacle() =>
        Engine != SoftwareEngine.Translator ? "the interpreter executes each instruction itself"
        : Lockstep ? "lockstep compares all instructions"
        : Statistics ? "statistics count what translated code does"
        : ForeignWrites ? "its memory is another program's"
        : null;

    private static SoftwareEngine EngineOf(SoftwareOptions options) =>
        options.Engine ?? (options.Lockstep ? SoftwareEngine.Translator : SoftwareOptions.DefaultEngine);

    /// <summary>Checks that the engine can execute the instructions of a CPU model on this host.</summary>
    /// <exception cref="VitrineException">It can't.</exception>
    public void CheckModel(CpuModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (Engine == SoftwareEngine.Interpreter)
        {
            if (IsInterpreted(model)) return;
            throw VitrineException.User(
                ErrorCode.CpuModelNotInterpreted,
                $"The interpreter does not have the CPU model {model}.",
                $"It offers {string.Join(", ", CpuModels.All.Where(IsInterpreted))}; the others let the host's processor execute what is new in them.",
                HostHasTranslator ? "Choose one of these, or the translator." : "Choose one of these.")
                .With("model", model.Name).With("translator", HostHasTranslator);
        }

        if (model == CpuModels.Host || model == CpuModels.Max) return;
        IReadOnlyList<string> missing = model.Missing(new CpuidEnvironment { Native = HostProcessor.Cpuid });
        if (missing.Count == 0) return;
        throw VitrineException.User(
            ErrorCode.CpuModelBeyondHost,
            $"The CPU model {model} can't run on this host.",
            $"The host's processor has to execute what is new in it, and lacks {string.Join(", ", missing)}.",
            $"Choose {CpuModels.Host}, which has what the host has, or {CpuModels.X8664V2}.")
            .With("model", model.Name).With("like-host", CpuModels.Host.Name).With("everywhere", CpuModels.X8664V2.Name);
    }

    // What is new in them is left out of "max", so that the interpreter has it too.
    private static bool IsInterpreted(CpuModel model) => model == CpuModels.Max || !model.Features.Any(CpuModels.IsNative);

    /// <summary>How addresses are translated when nothing is said about it.</summary>
    /// <param name="vcpus">How many vCPUs the machine has.</param>
    public static MmuMode DefaultMmu(int vcpus) => vcpus == 1 ? MmuMode.Shadow : MmuMode.TwoDimensional;

    /// <summary>Checks an MMU mode against the number of vCPUs.</summary>
    /// <exception cref="VitrineException">The mode is for one vCPU.</exception>
    public static void CheckMmu(MmuMode? mmu, int vcpus)
    {
        if (mmu != MmuMode.Shadow || vcpus == 1) return;
        throw VitrineException.User(
            ErrorCode.ConfigShadowCpus,
            $"Shadow page tables were asked for with {vcpus} CPUs.",
            "They belong to one CPU: what another one writes to the guest's tables would not reach them.",
            "Leave the choice of MMU out or choose the nested one, or give the machine one CPU.").With("cpus", vcpus);
    }

    /// <summary>Checks the number of vCPUs against the host.</summary>
    /// <exception cref="VitrineException">Several, on a host whose processors see stores in another order than a guest relies on.</exception>
    internal static void CheckVcpus(int vcpus, bool hostKeepsStoreOrder)
    {
        if (vcpus == 1 || hostKeepsStoreOrder) return;
        throw VitrineException.User(
            ErrorCode.CpuStoreOrder,
            $"{vcpus} CPUs were asked for, and the software CPU has one on this host ({RuntimeInformation.ProcessArchitecture}).",
            "Guests rely on the order in which an x86 processor's stores are seen by another, which this host's processors don't keep.",
            "Give the machine one CPU.").With("cpus", vcpus);
    }

    /// <inheritdoc/>
    public void SetMemorySlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        lock (_lock)
        {
            Group.AddMemory(slot);
            ChangeSlots([.. SlotTable.Views.Where(view => view.Slot.Id != slot.Id), new SlotView(slot)]);
        }
    }

    /// <inheritdoc/>
    public void RemoveMemorySlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        lock (_lock) ChangeSlots([.. SlotTable.Views.Where(view => view.Slot.Id != slot.Id)]);
    }

    /// <inheritdoc/>
    public void OnSlotsChanged(IReadOnlyList<MemorySlot> removed, IReadOnlyList<MemorySlot> added)
    {
        lock (_lock)
        {
            foreach (MemorySlot slot in added) Group.AddMemory(slot);
            ChangeSlots([.. SlotTable.Views.Where(view => !removed.Contains(view.Slot)), .. added.Select(static slot => new SlotView(slot))]);
        }
    }

    /// <inheritdoc/>
    public void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap)
    {
        ArgumentNullException.ThrowIfNull(slot);
        SlotView? view = Array.Find(SlotTable.Views, candidate => candidate.Slot.Id == slot.Id);
        if (view is null) return;
        view.TakeDirty(bitmap);

        // Writes before the flush may come without being noted, but then also before the caller reads the memory.
        Span<int> tickets = stackalloc int[VcpuLimit];
        for (int i = 0; i < _vcpus.Length; i++) tickets[i] = Group.Find(i)?.AskForFlush() ?? 0;
        for (int i = 0; i < _vcpus.Length; i++) Group.Find(i)?.WaitForFlush(tickets[i]);
    }

    /// <inheritdoc/>
    public unsafe void OnWritten(MemorySlot slot, ulong offset, ulong length)
    {
        ArgumentNullException.ThrowIfNull(slot);

        // SAFETY: the address is only compared; a slot that this machine doesn't have leads nowhere.
        SlotView[] slots = SlotTable.Views;
        if (Array.Exists(slots, view => view.Slot.Host == slot.Host)) _outsideWrites.Follow(slots, slot.Pointer + offset, length);
    }

    /// <inheritdoc/>
    public IVirtualCpu CreateVcpu(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, _vcpus.Length);
        lock (_lock)
        {
            if (_vcpus[id] is not null) throw new InvalidOperationException($"vCPU {id} exists already.");
            if (_vcpus.Length > MachineLimit && TranslationBytes != 0) TranslationBytes = CodeMemorySize.ForHost(_vcpus.Count(static vcpu => vcpu is not null) + 1);
            SoftwareVcpu vcpu = new(this, id);
            Volatile.Write(ref _vcpus[id], vcpu);
            Group.Add(vcpu.Presence);
            Sleeps.Add(id, vcpu.Activity);
            Interrupts.Connect(vcpu.LocalApic);
            return vcpu;
        }
    }

    /// <inheritdoc/>
    public void SetInterruptLine(int gsi, bool level) =>
        throw new InvalidOperationException("The software CPU has no interrupt controllers besides the local APIC.");

    /// <inheritdoc/>
    public int SendInterruptMessage(ulong address, uint data) => Interrupts.Deliver(address, data);

    /// <inheritdoc/>
    public void ConnectExternalInterrupts(IExternalInterruptSource source) => ExternalInterrupts = source;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SoftwareVcpu? vcpu in _vcpus) vcpu?.Dispose();
        foreach (SoftwareVcpu vcpu in _retired) vcpu.Release();
        _retired.Clear();
        SlotTable.Replace([]);
        Group.Dispose();
    }

    /// <summary>A vCPU goes, while others may run: nobody finds it from now on. Its number is free again.</summary>
    internal void Retire(SoftwareVcpu vcpu)
    {
        lock (_lock)
        {
            _retired.Add(vcpu);
            if (_vcpus[vcpu.Id] == vcpu) Volatile.Write(ref _vcpus[vcpu.Id], null);
            Group.Remove(vcpu.Presence);
            Sleeps.Remove(vcpu.Id);
            Interrupts.Disconnect(vcpu.LocalApic);
        }
    }

    // All at once: no vCPU sees a part of the change.
    private void ChangeSlots(SlotView[] slots)
    {
        int version = SlotTable.Replace(slots);
        for (int id = 0; id < Group.Count; id++) Group.Find(id)?.AskForAttention();
        for (int id = 0; id < Group.Count; id++) Group.Find(id)?.WaitForSlots(version);
    }
}
