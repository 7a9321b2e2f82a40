using System.Diagnostics;
using System.Globalization;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.Explain.Served;
using Vitrine.Explain.Symbols;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Trace;
using Vitrine.KvmServer;
using Vitrine.KvmServer.Trace;
using Vitrine.KvmServer.Watch;
using Vitrine.Memory;
using Vitrine.X86.State;

namespace Vitrine.Explain;

/// <summary>
/// Watches a program that KVM is served to, up to the first instructions of its first machine's vCPUs, and tells the story. Given to a <see cref="KvmHost"/> as observer and as
/// watcher. Any thread.
/// </summary>
public sealed class ServedStoryRecorder : IKvmCallObserver, IVcpuWatcher
{
    // A client that never runs a vCPU may go on for hours.
    private const int MostCalls = 100_000;

    [ThreadStatic]
    private static Stack<OpenCall>? s_open;

    private static readonly OpenCall s_untold = new();

    private readonly Lock _lock = new();
    private readonly ulong _instructions;
    private readonly string _model;
    private readonly Action<Story> _tell;
    private readonly KernelPlacement? _placement;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly List<CallRecord> _calls = [];
    private readonly List<(KvmDescriptorKind Kind, uint Request)> _kinds = [];
    private readonly SortedDictionary<int, VcpuRecord> _vcpus = [];
    private readonly Dictionary<int, int> _runs = [];
    private readonly Lock _telling = new();
    private int _machine;
    private int _created;
    private volatile bool _isOver;

    /// <summary>Waits for a client.</summary>
    /// <param name="instructions">How many instructions of each vCPU are told: 1 to <see cref="StoryRequest.MostTold"/>.</param>
    /// <param name="model">The CPU model that is offered, in words.</param>
    /// <param name="symbols">Names addresses; null for none.</param>
    /// <param name="tell">Gets the story each time that a vCPU's part is complete. Called by a thread of the client's, which waits.</param>
    public ServedStoryRecorder(ulong instructions, string model, SymbolTable? symbols, Action<Story> tell)
    {
        ArgumentOutOfRangeException.ThrowIfZero(instructions);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(instructions, StoryRequest.MostTold);
        ArgumentNullException.ThrowIfNull(tell);
        (_instructions, _model, _tell) = (instructions, model, tell);
        if (symbols is not null) _placement = new KernelPlacement(symbols, isHeld: false);
    }

    /// <summary>All has been told, and nothing more is wanted of anybody.</summary>
    public bool IsOver => _isOver;

    /// <inheritdoc/>
    public void Begins(in KvmCall call)
    {
        OpenCall open = s_untold;
        if (!_isOver && IsTold(call))
        {
            open = new OpenCall();
            open.Words = CallWords.Note(call);
            open.Begun = Stopwatch.GetElapsedTime(_start);
            if (call.Kind == KvmDescriptorKind.Vcpu && PutsRegisters(call.Request))
            {
                open.Before = new ProcessorState();
                call.Watched!.GetState(open.Before);
            }

            lock (_lock)
            {
                // What the client does once the first vCPU's story is told doesn't lead to it; but other vCPUs may still be put.
                if (_calls.Count < MostCalls && (open.Before is not null || _vcpus.Count == 0 || !_vcpus.Values.First().IsComplete))
                {
                    // A story may be told before it comes back.
                    open.Number = _calls.Count + 1;
                    _calls.Add(Record(call, open, [], "has not returned yet", 0));
                    _kinds.Add((call.Kind, call.Request));
                }
            }
        }

        (s_open ??= new Stack<OpenCall>()).Push(open);
    }

    /// <inheritdoc/>
    public void Ended(in KvmCall call, long result, long nanoseconds)
    {
        if (s_open is not { Count: > 0 }) return;
        OpenCall open = s_open.Pop();
        if (open.Number == 0) return;
        CallArguments arguments = new();
        string text = IoctlDecoder.Decode(open.Words, result, arguments);
        CallRecord record = Record(call, open, arguments.Items, text, nanoseconds);
        IReadOnlyList<X86.State.RegisterChange> changes = [];
        if (open.Before is { } before)
        {
            ProcessorState after = new();
            call.Watched!.GetState(after);
            changes = StateDifference.Between(before, after);
        }

        lock (_lock)
        {
            _calls[open.Number - 1] = record;
            if (call is { Kind: KvmDescriptorKind.Vm, Request: KvmIoctl.KVM_CREATE_VCPU } && result >= 0)
            {
                if (_machine == 0) _machine = call.Machine;
                _created++;
            }

            if (call.Kind != KvmDescriptorKind.Vcpu) return;
            int run = _runs.GetValueOrDefault(call.Vcpu);
            if (open.Before is not null && result >= 0)
            {
                RecordOf(call.Watched!).Puts.Add(new PutCall(
                    open.Number, call.Request, record.Name, record.Thread, arguments.Items.Count, [.. changes.Where(static change => !change.IsClock).Select(Facts.Of)], run));
            }
            else if (call.Request is KvmIoctl.KVM_RUN or KvmIoctl.KVM_GET_REGS)
            {
                _runs[call.Vcpu] = run + 1;
            }
        }
    }

    /// <inheritdoc/>
    public bool Enters(WatchedVcpu vcpu)
    {
        if (_isOver || vcpu.Machine != _machine) return false;
        lock (_lock)
        {
            VcpuRecord record = RecordOf(vcpu);
            record.Enter();
            if (!record.IsComplete) return true;
            if (!vcpu.IsOutOfSight) return false;
            NoteComplete();
        }

        Tell(ended: false);
        return false;
    }

    /// <inheritdoc/>
    public bool Stepped(WatchedVcpu vcpu)
    {
        lock (_lock)
        {
            VcpuRecord record = RecordOf(vcpu);
            record.Step();
            if (!record.IsComplete) return true;
            NoteComplete();
        }

        Tell(ended: false);
        return false;
    }

    /// <inheritdoc/>
    public void Left(WatchedVcpu vcpu, ref VmExit exit)
    {
        lock (_lock) RecordOf(vcpu).Open?.Leaves(ref exit);
    }

    /// <inheritdoc/>
    public void Returns(WatchedVcpu vcpu)
    {
        lock (_lock) RecordOf(vcpu).Open?.Returns();
    }

    /// <summary>The client ends: what is known is told, if it hasn't been told as a whole.</summary>
    public void End()
    {
        if (_isOver) return;
        _isOver = true;
        Tell(ended: true);
    }

    // One that has been created, and nothing more, may still come.
    private void NoteComplete()
    {
        if (_vcpus.Values.Count(static vcpu => vcpu.IsComplete) >= _created) _isOver = true;
    }

    // What is told last is the newest.
    private void Tell(bool ended)
    {
        lock (_telling)
        {
            Story story;
            lock (_lock) story = Compose(ended);
            _tell(story);
        }
    }

    private static bool PutsRegisters(uint request) => request is
        KvmIoctl.KVM_SET_REGS or KvmIoctl.KVM_SET_SREGS or KvmIoctl.KVM_SET_SREGS2 or KvmIoctl.KVM_SET_FPU or KvmIoctl.KVM_SET_XSAVE or KvmIoctl.KVM_SET_XCRS or
        KvmIoctl.KVM_SET_MSRS or KvmIoctl.KVM_SET_VCPU_EVENTS or KvmIoctl.KVM_SET_MP_STATE or KvmIoctl.KVM_SET_DEBUGREGS or KvmIoctl.KVM_SET_LAPIC;

    private static CallRecord Record(in KvmCall call, OpenCall open, IReadOnlyList<KeyValuePair<string, string>> arguments, string result, long nanoseconds) => new(
        open.Number,
        0,
        CallWords.Target(call),
        KvmIoctlName.Of(call.Kind, call.Request),
        arguments,
        result,
        TimeSpan.FromTicks(nanoseconds / 100),
        Environment.CurrentManagedThreadId.ToString(CultureInfo.InvariantCulture))
    {
        Begun = open.Begun,
    };

    // A client may make a machine only to try; the first that gets a vCPU is the one.
    private bool IsTold(in KvmCall call) => call.Machine == 0 || _machine == 0 || call.Machine == _machine;

    private VcpuRecord RecordOf(WatchedVcpu vcpu)
    {
        if (_vcpus.TryGetValue(vcpu.Id, out VcpuRecord? record) && record.Vcpu == vcpu) return record;
        record = new VcpuRecord(vcpu, _instructions, _placement);
        _vcpus[vcpu.Id] = record;
        return record;
    }

    private Story Compose(bool ended)
    {
        string program = Environment.ProcessPath ?? "";
        bool isQemu = Path.GetFileName(program).StartsWith("qemu", StringComparison.Ordinal);
        List<CallRecord> calls = [.. _calls];
        VcpuStory[] vcpus = [.. _vcpus.Values.Select(vcpu => vcpu.Tell(_model, isQemu, ended))];
        VcpuStory first = vcpus.Length > 0 ? vcpus[0] : new VcpuStory(0, new StateStory([], [], []), null, [], new StoryEnd("client", "The client has made no vCPU.", 0));
        return new Story
        {
            Machine = TellMachine(program),
            Client = new ClientStory(program, Environment.ProcessId, isQemu ? "QEMU" : "", isQemu ? QemuSteps.Of(calls, _kinds) : []),
            Creation = new CreationStory(calls),
            State = first.State,
            Entry = first.Entry ?? new EntryStory([], ""),
            Instructions = first.Instructions,
            OtherVcpus = [.. vcpus.Skip(1)],
            Symbols = _placement?.Tell(),
            End = first.End,
        };
    }

    private MachineFacts TellMachine(string program)
    {
        WatchedVcpu? vcpu = _vcpus.Count > 0 ? _vcpus.Values.First().Vcpu : null;
        IReadOnlyList<MemorySlot> slots = _vcpus.Count > 0 ? _vcpus.Values.First().Slots : [];
        ulong bytes = 0;
        foreach (MemorySlot slot in slots) bytes += slot.Size;
        string mmu = vcpu?.Mmu?.Mode switch
        {
            MmuMode.Shadow => "shadow",
            MmuMode.TwoDimensional => "two-dimensional",
            _ when vcpu is { IsHardware: true } => KvmMmu.OfThisHost().Name,
            _ => "not known",
        };
        string accelerator = vcpu switch
        {
            null => "KVM",
            { IsHardware: true } => "KVM, the host's own",
            _ => $"KVM, served by the software CPU ({vcpu.Engine})",
        };
        Evidence evidence = vcpu is { IsHardware: true } ? Evidence.Derived : Evidence.Observed;
        return new MachineFacts($"what {Path.GetFileName(program)} runs", bytes, _model, accelerator, mmu, evidence, [.. slots.Select(Facts.Of)]);
    }

    private sealed class OpenCall
    {
        public int Number { get; set; }

        public IoctlCall Words { get; set; }

        public TimeSpan Begun { get; set; }

        public ProcessorState? Before { get; set; }
    }
}
