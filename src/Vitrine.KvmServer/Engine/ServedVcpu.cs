using Vitrine.Accelerators;
using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Statistics;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.Engine;

/// <summary>
/// A vCPU of a served machine: the engine's vCPU, which is exchanged when the machine gets its second one, and what the client has told it. Whoever holds its
/// lock may use it.
/// </summary>
internal sealed unsafe class ServedVcpu
{
    // SAFETY: the attention block is native memory that is never freed; the words that it points to live as long as the engine's vCPU, which the machine keeps
    // until it ends, also after an exchange.
    private readonly AttentionBlock* _attention;
    private readonly List<CpuStatistics> _former = [];
    private volatile bool _isAskedOut;

    /// <summary>Takes over an engine's vCPU.</summary>
    /// <param name="id">Number and local-APIC id.</param>
    /// <param name="cpu">The engine's vCPU.</param>
    /// <param name="attention">What signal handlers store to.</param>
    public ServedVcpu(int id, IVirtualCpu cpu, AttentionBlock* attention)
    {
        Id = id;
        _attention = attention;
        Cpu = cpu;
        Parts = cpu.Parts!;
        NameWords();
    }

    /// <summary>Number and local-APIC id.</summary>
    public int Id { get; }

    /// <summary>Held during every call on the vCPU.</summary>
    public object Gate { get; } = new();

    /// <summary>The engine's vCPU.</summary>
    public IVirtualCpu Cpu { get; private set; }

    /// <summary>The same, in parts.</summary>
    public IVcpuParts Parts { get; private set; }

    /// <summary>Room for the state that a call reads or writes.</summary>
    public ProcessorState State { get; } = new();

    /// <summary>What it has done, by all engines that it has had; null where nobody counts. Any thread.</summary>
    public CpuStatistics? Statistics
    {
        get
        {
            CpuStatistics[] engines;
            lock (_former) engines = [.. _former];
            return Cpu.Inspection.Statistics is { } present ? CpuStatistics.Sum([.. engines, present])! with { Vcpus = 1 } : null;
        }
    }

    /// <summary>What KVM_SET_CPUID2 has set.</summary>
    public CpuidEntry[] Cpuid { get; private set; } = [];

    /// <summary>It has been in the guest.</summary>
    public bool HasRun { get; set; }

    /// <summary>
    /// How much of the guest's memory the client may have written since the last run: as a device at any exit; code when it puts general registers, as debuggers and
    /// loaders do; all of it when it puts special registers, as what restores a snapshot does.
    /// </summary>
    public MemoryDoubt Doubt { get; private set; }

    /// <summary>The client has put registers.</summary>
    public void NoteWritten(MemoryDoubt doubt)
    {
        if (doubt > Doubt) Doubt = doubt;
    }

    /// <summary>The CPU has been told.</summary>
    public void ForgetWritten() => Doubt = MemoryDoubt.Passing;

    /// <summary>What CPUID answers from now on.</summary>
    public void SetCpuid(CpuidEntry[] entries)
    {
        Cpuid = entries;
        Cpu.SetCpuid(entries);
    }

    /// <summary>
    /// Lets another thread do to the vCPU what <see cref="Exchange"/> does: takes its lock, for which the thread that runs it comes out of the guest.
    /// </summary>
    public void AskOut()
    {
        _isAskedOut = true;
        Cpu.Kick();
        Monitor.Enter(Gate);
    }

    /// <summary>Lets the vCPU go on.</summary>
    public void LetIn()
    {
        _isAskedOut = false;
        Monitor.PulseAll(Gate);
        Monitor.Exit(Gate);
    }

    /// <summary>The thread that runs the vCPU has come out of the guest without a signal: somebody else may want it, who now gets its lock.</summary>
    public void Attend()
    {
        while (_isAskedOut) Monitor.Wait(Gate);
    }

    /// <summary>Goes on as another engine's vCPU, with the state of this one.</summary>
    public void Exchange(IVirtualCpu cpu)
    {
        UnfinishedWork unfinished = Parts.Unfinished;
        if (Cpu.Inspection.Statistics is { } statistics)
        {
            lock (_former) _former.Add(statistics);
        }

        ProcessorState state = new();
        Cpu.GetState(state);
        HiddenVcpuState hidden = Cpu.GetHiddenState();
        if (Cpuid.Length != 0) cpu.SetCpuid(Cpuid);
        cpu.PutState(state, PutLevel.Full);
        cpu.PutHiddenState(hidden);
        cpu.Parts!.Debugging = Parts.Debugging;
        cpu.Parts.Unfinished = unfinished;
        Cpu = cpu;
        Parts = cpu.Parts!;
        NameWords();
    }

    private void NameWords()
    {
        AttentionWords words = Parts.Attention;
        _attention->Kicked = words.Kicked;
        _attention->PollAt = words.PollAt;
        _attention->Futex = words.Futex;
    }
}
