using System.Text;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Statistics;
using Vitrine.Accelerators.Translation;
using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Devices.Io;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.Run;
using Vitrine.State;
using Vitrine.Timing;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine;

/// <summary>
/// A virtual machine: created from a configuration, started once, disposed. Its members may be called from any thread,
/// also from the callbacks of the configuration; but a callback must not wait for the machine
/// (<see cref="Wait"/>, <see cref="Pause"/>, <see cref="Dispose"/>), because the machine waits for the callback.
/// </summary>
public sealed class VirtualMachine : IDisposable
{
    private readonly IAccelerator _accelerator;
    private readonly MachineClock _clock;
    private readonly Lock _deviceLock = new();
    private readonly ExternalInputs _inputs;
    private readonly IoCompletions _io;
    private readonly BoardInterrupts _interrupts;
    private readonly SerialInput _serialInput = new();
    private readonly SerialTranscript _serialOutput = new();
    private readonly VcpuThread[] _vcpus;
    private readonly VcpuGate _gate;
    private readonly TaskCompletionSource<VmEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly IBoard _board;
    private VmEnd? _end;
    private int _vcpusLeft;
    private readonly Lock _disposeLock = new();
    private volatile bool _disposed;

    private VirtualMachine(MachineConfig config, MachineClock clock, GuestMemory memory, MemoryLayout layout, IAccelerator accelerator)
    {
        Config = config;
        _clock = clock;
        _inputs = new ExternalInputs(_deviceLock, Fail);
        _io = new IoCompletions(_deviceLock, _inputs.Post, Fail);
        Memory = memory;
        _accelerator = accelerator;
        foreach (MemorySlot slot in memory.Slots) accelerator.SetMemorySlot(slot);
        memory.Observe(accelerator);
        _vcpus = new VcpuThread[config.Cpus];
        _gate = new VcpuGate(config.Cpus, ResetBoard, vcpu => _vcpus[vcpu].Settle(), NoteStanding);
        _vcpusLeft = config.Cpus;
        _interrupts = new BoardInterrupts(accelerator);
        BufferedOutput output = new(_io.CreateQueue("output", depth: 1, workers: 1));
        _board = config.Board.Create(new BoardContext
        {
            Memory = layout,
            Cpus = config.Cpus,
            GuestMemory = memory.ForDevices,
            Attached = config.Devices,
            Post = _inputs.Post,
            Notice = config.Notice,
            DeviceLock = _deviceLock,
            Clock = clock,
            Interrupts = _interrupts,
            SerialInput = _serialInput,

            // First to whoever shows it: who waits for a text finds it shown.
            Output = output,
            SerialOutput = output.AddPort(config.SerialOutput + _serialOutput.Append),
            DebugOutput = output.AddPort(config.DebugOutput),
            Io = _io,
            Failed = Fail,
        });
        for (int id = 0; id < config.Cpus; id++)
        {
            _vcpus[id] = new VcpuThread(this, id, ResetState.Create(id, cpuidSignature: 0));
        }
    }

    /// <summary>The configuration it was made from.</summary>
    public MachineConfig Config { get; }

    /// <summary>
    /// Guest-physical memory. May be read and written at any time; a running guest sees writes as it sees those of a device (see <see cref="IGuestMemory"/>),
    /// code and page tables included.
    /// </summary>
    public GuestMemory Memory { get; }

    /// <summary>"kvm" or "soft": what the machine runs on.</summary>
    public string Accelerator => _accelerator.Name;

    /// <summary>When the start reached which point.</summary>
    public MachineTimestamps Timestamps => new(_vcpus[0].ReadyAt, _vcpus[0].FirstRunAt);

    /// <summary>
    /// Guest instructions executed, all vCPUs together, where the accelerator counts them; else 0. Those in translated code count only with
    /// <see cref="SoftwareOptions.Statistics"/>. Approximate while running.
    /// </summary>
    public ulong InstructionsExecuted => _vcpus.Aggregate(0UL, (sum, vcpu) => sum + vcpu.InstructionsExecuted);

    /// <summary>
    /// What the software CPU has done, all vCPUs together; null on KVM, whose processor is the host's. Part of it is counted only with
    /// <see cref="SoftwareOptions.Statistics"/>. Approximate while running.
    /// </summary>
    public CpuStatistics? GetStatistics() => CpuStatistics.Sum(_vcpus.Select(static vcpu => vcpu.Statistics).OfType<CpuStatistics>());

    /// <summary>Bytes given to <see cref="SendSerial"/> that the guest has not taken yet.</summary>
    public int SerialBacklog => _serialInput.Count;

    internal IAccelerator AcceleratorInUse => _accelerator;

    internal VcpuGate Gate => _gate;

    internal MachineBus Bus => _board.Bus;

    internal BoardInterrupts Interrupts => _interrupts;

    /// <summary>What CPUID answers on a vCPU.</summary>
    internal CpuidEntry[] CpuidFor(IVirtualCpu cpu)
    {
        bool hostCpuid = _accelerator.UsesHostCpuid;
        return CpuModels.Get(Config.CpuModel).Build(
            new CpuidEnvironment
            {
                TscKilohertz = cpu.TscKilohertz,
                ApicTimerKilohertz = cpu.ApicTimerKilohertz,
                CpuCount = Config.Cpus,
                Supported = hostCpuid ? cpu.SupportedCpuid : null,
                Native = hostCpuid ? null : cpu.SupportedCpuid,
                PassKvmLeaves = hostCpuid,
            },
            cpu.Id);
    }

    /// <summary>Checks the configuration, builds the board, loads the guest. The guest doesn't run yet.</summary>
    /// <exception cref="VitrineException">The configuration, a file or the host doesn't allow it.</exception>
    public static VirtualMachine Create(MachineConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Build(config, state: null);
    }

    /// <summary>
    /// Makes a machine that goes on from a state that was captured, in place of booting. It doesn't run yet. What its guest boots after a reset is the
    /// configuration's. Calendar time is the host's; all other time stands where it stood.
    /// </summary>
    /// <param name="config">A configuration with the same hardware. Its outputs, engine and MMU mode may be others.</param>
    /// <param name="state">The state. It is copied, and may serve again.</param>
    /// <exception cref="VitrineException">As <see cref="Create"/>; or the state is another configuration's, or impossible.</exception>
    public static VirtualMachine Restore(MachineConfig config, MachineState state)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(state);
        state.Check();
        return Build(config, state);
    }

    private static VirtualMachine Build(MachineConfig config, MachineState? state)
    {
        config.Check();
        MemoryLayout layout = config.Board.MapMemory(config.MemoryBytes);
        MachineClock clock = new(config.ClockSource, state?.Clock ?? 0);
        GuestMemory? memory = null;
        IAccelerator? accelerator = null;
        VirtualMachine? machine = null;
        try
        {
            accelerator = AcceleratorSelection.Create(config, clock, out string? notice);
            ConfigCheck.Cpus(config.Cpus, accelerator.MaximumVcpus, accelerator.Name);
            memory = CreateMemory(config, layout, accelerator.NeedsSharedMemory);
            state?.Identity.Require(MachineIdentity.Of(config, accelerator.Name, memory));
            machine = new VirtualMachine(config, clock, memory, layout, accelerator);
            if (state is null) machine.LoadGuest();
            else state.Memory.CopyTo(memory);
            if (notice is not null) config.Notice?.Invoke(notice);
            foreach (VcpuThread vcpu in machine._vcpus) vcpu.Start();
            foreach (VcpuThread vcpu in machine._vcpus) vcpu.WaitUntilReady();
            if (state is null) return machine;
            machine.StateTransfer().Load(state);

            // What was typed while the first machine was held has not been offered to a device yet.
            machine._inputs.Post(machine._board.FeedSerial);
            return machine;
        }
        catch when (machine is not null)
        {
            machine.Dispose();
            throw;
        }
        catch
        {
            accelerator?.Dispose();
            memory?.Dispose();
            throw;
        }
    }

    private static GuestMemory CreateMemory(MachineConfig config, MemoryLayout layout, bool prefersShared)
    {
        GuestMemory memory = new(prefersShared ? MemoryBacking.Shared : config.MemoryBacking);
        try
        {
            MemorySlots.Create(memory, layout, config.Boot);
            return memory;
        }
        catch (VitrineException error) when (error.Code == ErrorCode.MemorySharedRefused && config.MemoryBacking != MemoryBacking.Shared)
        {
            // The accelerator does without what it wanted it for.
            memory.Dispose();
            return CreateMemory(config, layout, prefersShared: false);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Lets the guest run. A second call does nothing.</summary>
    public void Start() => Resume();

    /// <summary>
    /// Stops the vCPUs between two instructions and waits until they stand. The machine's time stands still with them, except for the calendar;
    /// on KVM the processors' counters go on. Does nothing when the machine has ended.
    /// </summary>
    public void Pause()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _gate.Hold();
        KickAll();
        if (_gate.WaitUntilHeld()) DrainIo();
    }

    /// <summary>
    /// The whole state of a machine that is held: before its start or paused. Nothing changes by it, and the machine can go on.
    /// </summary>
    /// <exception cref="InvalidOperationException">The machine is running or has ended, or this is a callback of it.</exception>
    public MachineState Capture()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        RefuseFromCallback();
        return StateTransfer().Capture(MachineIdentity.Of(Config, Accelerator, Memory));
    }

    /// <summary>Lets the guest run again. Changes of <see cref="GetState"/> made meanwhile take effect.</summary>
    public void Resume()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _gate.Release();
    }

    /// <summary>Asks the machine to end, with <see cref="VmEndReason.Stopped"/>, and doesn't wait for it.</summary>
    public void Stop() => End(new VmEnd(VmEndReason.Stopped, 0, "The machine was stopped."));

    /// <summary>Waits for the end.</summary>
    /// <param name="timeout">How long at most; null for ever.</param>
    /// <returns>How it ended; null when the time was over first.</returns>
    public VmEnd? Wait(TimeSpan? timeout = null) =>
        _ended.Task.Wait(timeout ?? Timeout.InfiniteTimeSpan) ? _ended.Task.Result : null;

    /// <summary>Waits for the end.</summary>
    /// <param name="cancellation">Ends the waiting, not the machine.</param>
    public Task<VmEnd> WaitAsync(CancellationToken cancellation = default) => _ended.Task.WaitAsync(cancellation);

    /// <summary>
    /// Sends bytes to the guest's first serial port. They are queued without limit and delivered as the guest takes them, none while the machine
    /// is held: see <see cref="SerialBacklog"/>.
    /// </summary>
    public void SendSerial(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _serialInput.Append(bytes);
        _inputs.Post(_board.FeedSerial);
    }

    /// <summary>
    /// Waits until the guest has sent a text on its first serial port: a prompt, say, before something is typed. What an earlier wait has taken does
    /// not count again; of the rest, at least the last 64 KiB do.
    /// </summary>
    /// <param name="text">The text, as UTF-8 at most 64 KiB.</param>
    /// <param name="timeout">How long at most; null for as long as the machine runs.</param>
    /// <returns>True when the text came; false when the time was over, or the machine ended, first.</returns>
    public bool WaitForSerial(string text, TimeSpan? timeout = null)
    {
        using CancellationTokenSource limit = new(timeout ?? Timeout.InfiniteTimeSpan);
        try
        {
            return WaitForSerialAsync(text, limit.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Waits as <see cref="WaitForSerial"/>.</summary>
    /// <param name="text">The text, as UTF-8 at most 64 KiB.</param>
    /// <param name="cancellation">Ends the waiting, not the machine.</param>
    public Task<bool> WaitForSerialAsync(string text, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, SerialTranscript.Capacity, nameof(text));
        return _serialOutput.WaitFor(bytes, cancellation);
    }

    /// <summary>
    /// The registers of a vCPU, while the machine is not running: before its start, paused or ended. Changes take effect when
    /// it runs next: all registers are written to the accelerator then, which on the software CPU drops its translations. To look only,
    /// <see cref="ReadState"/> is cheaper. After the vCPU has run or stepped, ask again.
    /// </summary>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running, or this is a callback of it.</exception>
    public ProcessorState GetState(int vcpu)
    {
        VcpuThread thread = Still(vcpu, claim: true);
        return thread.State;
    }

    /// <summary>A copy of the registers of a vCPU, under the conditions of <see cref="GetState"/>. The vCPU is not disturbed by it.</summary>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running, or this is a callback of it.</exception>
    public ProcessorState ReadState(int vcpu)
    {
        ProcessorState copy = new();
        copy.CopyFrom(Still(vcpu, claim: false).State);
        return copy;
    }

    /// <summary>What CPUID answers on a vCPU: the model cut down to what the accelerator offers.</summary>
    /// <param name="vcpu">Its number, from 0.</param>
    public IReadOnlyList<CpuidEntry> GetCpuid(int vcpu) => Vcpu(vcpu).Cpuid;

    /// <summary>The MMU behind a vCPU, where it is the accelerator's own; null on KVM. Only while the machine is not running.</summary>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running.</exception>
    public IMmuInspection? GetMmu(int vcpu) => Still(vcpu, claim: false).Accelerated.Inspection.Mmu;

    /// <summary>The translator behind a vCPU; null where the machine has none. Only while the machine is not running.</summary>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running.</exception>
    public ITranslatorInspection? GetTranslator(int vcpu) => Still(vcpu, claim: false).Accelerated.Inspection.Translator;

    /// <summary>
    /// Asks the accelerator to translate an address, whatever the rights and without side effects (on KVM: KVM_TRANSLATE). Only while the
    /// machine is not running.
    /// </summary>
    /// <param name="vcpu">Number of the vCPU, from 0.</param>
    /// <param name="address">The address.</param>
    /// <param name="translated">The guest-physical address.</param>
    /// <returns>False when it is not mapped.</returns>
    /// <exception cref="InvalidOperationException">The machine is running.</exception>
    public bool TryTranslate(int vcpu, Gva address, out Gpa translated)
    {
        bool mapped = Still(vcpu, claim: false).Accelerated.Inspection.TryTranslate(address.Value, out ulong gpa);
        translated = new Gpa(gpa);
        return mapped;
    }

    /// <summary>
    /// Lets one vCPU execute one instruction, or take one event (a fault's, trap's or interrupt's delivery ends at the handler's first
    /// instruction), while the machine is not running. Devices answer as usual. A repeated string instruction takes a step for each
    /// element. The machine is paused again behind it.
    /// </summary>
    /// <param name="vcpu">Its number, from 0. The others stand still.</param>
    /// <param name="timeout">How long at most; null for ever. A vCPU that has halted waits for its interrupt until then.</param>
    /// <exception cref="InvalidOperationException">The machine is running or has ended, or this is a callback of it.</exception>
    public StepReport Step(int vcpu = 0, TimeSpan? timeout = null) => Carry(new StepOrder { MaxSteps = 1 }, vcpu, timeout);

    /// <summary>Steps as <see cref="Step"/> until the next instruction is at an address, on the vCPU's thread at its full stepping speed.</summary>
    /// <param name="linearAddress">Linear address: CS.base + RIP. At least one step is made, so that one may go on from it.</param>
    /// <param name="maxSteps">How many steps at most, from 1; null for any number.</param>
    /// <param name="timeout">How long at most; null for ever.</param>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running or has ended, or this is a callback of it.</exception>
    public StepReport StepUntil(ulong linearAddress, ulong? maxSteps = null, TimeSpan? timeout = null, int vcpu = 0) =>
        Carry(new StepOrder { Address = linearAddress, MaxSteps = maxSteps ?? ulong.MaxValue }, vcpu, timeout);

    /// <summary>
    /// Runs a vCPU until the next instruction is at an address, before it is executed: as <see cref="StepUntil(ulong, ulong?, TimeSpan?, int)"/>, but at the speed of an ordinary run on the
    /// software CPU (elsewhere, and in lockstep, a step at a time). What is decoded and translated before and behind is made anew.
    /// </summary>
    /// <param name="linearAddress">Linear address: CS.base + RIP. At least one step is made, so that one may go on from it.</param>
    /// <param name="timeout">How long at most; null for ever.</param>
    /// <param name="vcpu">Its number, from 0. The others stand still.</param>
    /// <returns>
    /// How it went. <see cref="StepReport.Steps"/> are the instructions that the accelerator has counted, which the translator does with <see cref="SoftwareOptions.Statistics"/> only;
    /// exits are counted, and none is kept.
    /// </returns>
    /// <exception cref="InvalidOperationException">The machine is running or has ended, or this is a callback of it.</exception>
    public StepReport RunUntil(ulong linearAddress, TimeSpan? timeout = null, int vcpu = 0) =>
        Carry(new StepOrder { Address = linearAddress, MaxSteps = ulong.MaxValue, Runs = true }, vcpu, timeout);

    /// <summary>Steps as <see cref="Step"/> until a step has caused an exit, for a device or another reason.</summary>
    /// <param name="before">The registers before that step; where none came, before the last one.</param>
    /// <param name="maxSteps">How many steps at most; null for any number.</param>
    /// <param name="timeout">How long at most; null for ever.</param>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running or has ended, or this is a callback of it.</exception>
    public StepReport StepUntilExit(out ProcessorState before, ulong? maxSteps = null, TimeSpan? timeout = null, int vcpu = 0)
    {
        before = new ProcessorState();
        return Carry(new StepOrder { BeforeExit = before, MaxSteps = maxSteps ?? ulong.MaxValue }, vcpu, timeout);
    }

    /// <summary>
    /// Steps as <see cref="Step"/> until a condition holds. The registers are read behind every step, which is much slower than a stop
    /// address.
    /// </summary>
    /// <param name="condition">Given the registers, for looking only, on the vCPU's thread; it must not call the machine. What it throws comes out here.</param>
    /// <param name="maxSteps">How many steps at most, from 1; null for any number.</param>
    /// <param name="timeout">How long at most; null for ever.</param>
    /// <param name="vcpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running or has ended, or this is a callback of it.</exception>
    public StepReport StepUntil(Func<ProcessorState, bool> condition, ulong? maxSteps = null, TimeSpan? timeout = null, int vcpu = 0)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return Carry(new StepOrder { Condition = condition, MaxSteps = maxSteps ?? ulong.MaxValue }, vcpu, timeout);
    }

    /// <summary>Ends the machine if it has not ended, and frees what it holds. <see cref="Memory"/> is gone after this.</summary>
    public void Dispose()
    {
        Stop();
        foreach (VcpuThread vcpu in _vcpus) vcpu.Join();
        lock (_disposeLock)
        {
            if (_disposed) return;
            _disposed = true;
            _board.Dispose();
            Memory.Ignore(_accelerator);
            foreach (VcpuThread vcpu in _vcpus) vcpu.Dispose();
            _io.Dispose();
            _accelerator.Dispose();
            Memory.Dispose();
        }
    }

    /// <summary>A vCPU has left its run loop because of something that happened in it. On its thread.</summary>
    internal void Leave(Vcpu vcpu, ExitOutcome outcome, ref VmExit exit)
    {
        if (outcome.Kind == ExitKind.Reset && !Config.ExitOnReset)
        {
            _gate.Reset();
            KickAll();
            return;
        }

        End(EndDescription.Describe(outcome, ref exit, vcpu, Memory, _accelerator.Name));
    }

    /// <summary>Ends the machine. The first end counts.</summary>
    internal void End(VmEnd end)
    {
        // Before the gate opens: a vCPU's thread that finds the machine ended reads it.
        if (Interlocked.CompareExchange(ref _end, end, null) is not null) return;
        _gate.End();
        KickAll();
    }

    /// <summary>A vCPU's thread is about to finish; its state is synchronized where that was possible.</summary>
    internal void Finished(VcpuThread vcpu)
    {
        // Where a stopped guest stood is worth knowing: it may have hung.
        if (vcpu.Id == 0 && _end is { Reason: VmEndReason.Stopped } stopped) _end = stopped with { Report = vcpu.Report(stopped.Report) };
        if (Interlocked.Decrement(ref _vcpusLeft) > 0) return;

        // All that the guest has sent was received before its end is told. A device that begins anew whenever it has finished would go on for ever.
        _board.EndWork();
        _io.Drain();
        _serialOutput.Close();
        _ended.TrySetResult(_end!);
    }

    // A vCPU whose registers may be looked at: its thread has read them, or is over.
    private VcpuThread Still(int vcpu, bool claim)
    {
        VcpuThread thread = Vcpu(vcpu);
        bool still = _ended.Task.IsCompleted || _gate.Send(vcpu, () => thread.Read(claim)) || _ended.Task.IsCompleted;
        return still ? thread : throw new InvalidOperationException(
            "The machine is running; pause it, or wait for its end, before reading registers.");
    }

    private StepReport Carry(StepOrder order, int vcpu, TimeSpan? timeout)
    {
        VcpuThread thread = Vcpu(vcpu);
        ArgumentOutOfRangeException.ThrowIfZero(order.MaxSteps);
        ObjectDisposedException.ThrowIf(_disposed, this);
        using Timer? clock = timeout is { } limit ? new Timer(_ => Recall(order, thread), null, limit, Timeout.InfiniteTimeSpan) : null;
        bool done = _gate.Send(vcpu, () => thread.Step(order), runs: true);
        DrainIo();
        if (!done && !_gate.HasEnded) throw new InvalidOperationException("The machine is running; pause it before stepping.");
        order.Failure?.Throw();
        if (!done && order.Outcome is null && order.Steps == 0) throw new InvalidOperationException("The machine has ended.");

        // Its registers and its report are there when its threads are over.
        return order.Report(_gate.HasEnded ? _ended.Task.Result : null);
    }

    private static void Recall(StepOrder order, VcpuThread thread)
    {
        order.Cancelled = true;
        thread.Kick();
    }

    private VcpuThread Vcpu(int vcpu)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vcpu);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vcpu, _vcpus.Length);
        RefuseFromCallback();
        return _vcpus[vcpu];
    }

    private void RefuseFromCallback()
    {
        if (!_io.IsOnWorker && !Array.Exists(_vcpus, static thread => thread.IsCurrentThread)) return;
        throw new InvalidOperationException("A callback of the machine must not wait for its vCPUs, which wait for the callback.");
    }

    private MachineStateTransfer StateTransfer() => new()
    {
        Clock = _clock,
        Gate = _gate,
        Vcpus = _vcpus,
        Board = _board,
        Accelerator = _accelerator,
        SerialInput = _serialInput,
        Memory = Memory,
    };

    // All vCPUs stand at the gate, or are about to go on. Nothing of the machine changes between.
    private void NoteStanding(bool stand)
    {
        if (stand)
        {
            _inputs.Hold();
            _clock.Stop();
        }
        else
        {
            _clock.Start();
            _inputs.Release();
        }
    }

    private void KickAll()
    {
        foreach (VcpuThread vcpu in _vcpus) vcpu.Kick();
    }

    private void LoadGuest() => BootLoader.Load(Config.Boot, Memory, _board.Description, _vcpus[0].State);

    // What stands has nothing in flight. It may be let go on meanwhile.
    private void DrainIo() => _io.Drain(() => _gate.IsOpen);

    // A device has thrown away from the vCPUs: in its work, its timer or at an input. On a thread of the pool.
    private void Fail(Exception error) =>
        End(new VmEnd(VmEndReason.InternalError, 0, error is VitrineException known ? known.Message : $"Vitrine failed: {error}", error as VitrineException));

    // On the thread of the last vCPU to arrive, while all stand at the gate.
    private void ResetBoard()
    {
        try
        {
            _board.Reset();
            foreach (VcpuThread vcpu in _vcpus) vcpu.Reset();
            LoadGuest();

            // A serial port that is empty again asks for nothing: what waits is offered to it as at the start.
            _inputs.Post(_board.FeedSerial);
        }
        catch (VitrineException error)
        {
            End(new VmEnd(VmEndReason.InternalError, 0, error.Message, error));
        }
    }
}
