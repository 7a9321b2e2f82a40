using System.Runtime.InteropServices;
using Vitrine.Accelerators.Parts;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// The exit that a vCPU leaves with: filled where its cause is found, returned by the vCPU. An access that user space has to answer is part of an instruction that is not
/// finished: its answer goes into the <see cref="ReplayLog"/> before the instruction runs again.
/// </summary>
internal sealed unsafe class VcpuExit : IDisposable
{
    // SAFETY: _data is a native allocation of DataBytes that this object owns and frees in Dispose; _cpu is the vCPU's state, which outlives it. The vCPU's thread only.

    /// <summary>Room for the data of an access, or the bytes of an instruction.</summary>
    public const int DataBytes = 64;

    private readonly CpuState* _cpu;
    private readonly byte* _data = (byte*)NativeMemory.AllocZeroed(DataBytes);
    private VmExit _exit;
    private bool _accessPending;
    private bool _resumePointNoted;
    private ulong _resumePoint;

    /// <summary>An exit of the vCPU that a state belongs to.</summary>
    public VcpuExit(CpuState* cpu) => _cpu = cpu;

    /// <summary>The exit itself.</summary>
    public ref VmExit Value => ref _exit;

    /// <summary>Leaves for an access to a port.</summary>
    public void ForPort(ushort port, int size, bool isWrite, uint value)
    {
        _exit.Reason = VmExitReason.PortIo;
        _exit.Port = port;
        ForAccess(size, isWrite, value);
    }

    /// <summary>Leaves for a write to a port whose instruction is complete already.</summary>
    public void ForCompletedPort(ushort port, int size, uint value)
    {
        ForPort(port, size, isWrite: true, value);
        _accessPending = false;
    }

    /// <summary>Leaves for a debugger outside the guest.</summary>
    /// <param name="vector">The exception that it stands for.</param>
    /// <param name="linear">Linear address of the next instruction.</param>
    /// <param name="reason">DR6.</param>
    /// <param name="control">DR7.</param>
    public void ForDebug(byte vector, ulong linear, ulong reason, ulong control)
    {
        _exit.Reason = VmExitReason.Debug;
        _exit.Vector = vector;
        _exit.Address = linear;
        _exit.Detail = reason;
        _exit.DebugControl = control;
        _cpu->Leave = LeaveReason.Exit;
    }

    /// <summary>Leaves for an access to a model-specific register.</summary>
    /// <param name="index">Which.</param>
    /// <param name="isWrite">WRMSR.</param>
    /// <param name="value">What is written.</param>
    /// <param name="reason">Why the client has to answer.</param>
    public void ForMsr(uint index, bool isWrite, ulong value, MsrExitReasons reason)
    {
        _exit.Reason = VmExitReason.Msr;
        _exit.Address = index;
        _exit.Detail = (ulong)reason;
        _exit.Failed = false;
        ForAccess(sizeof(ulong), isWrite, value);
    }

    /// <summary>Leaves for an access to device memory.</summary>
    public void ForMemory(ulong gpa, int size, bool isWrite, ulong value)
    {
        _exit.Reason = VmExitReason.Mmio;
        _exit.Address = gpa;
        ForAccess(size, isWrite, value);
    }

    /// <summary>Leaves because of a triple fault.</summary>
    /// <returns>False.</returns>
    public bool ForShutdown()
    {
        _exit.Reason = VmExitReason.Shutdown;

        // What an exit before has left there is not the shutdown's.
        _exit.Detail = 0;
        return false;
    }

    /// <summary>Leaves because code in the host failed while it executed an instruction.</summary>
    /// <param name="instruction">The bytes of the guest's instruction; at most <see cref="DataBytes"/>, empty when they are not known.</param>
    public void ForHostFault(ReadOnlySpan<byte> instruction)
    {
        instruction.CopyTo(new Span<byte>(_data, DataBytes));
        _exit.SetInstruction(_data, instruction.Length);
        _exit.Reason = VmExitReason.InternalError;
        _exit.Suberror = 0;
        _cpu->Leave = LeaveReason.Exit;
    }

    /// <summary>Leaves because code is to be fetched where memory is missing (<see cref="VmBehavior.IsMissing"/>).</summary>
    /// <returns>True.</returns>
    public bool ForMissingCode()
    {
        _exit.Reason = VmExitReason.InternalError;
        _exit.Suberror = 0;
        _exit.SetInstruction(_data, 0);
        _cpu->Leave = LeaveReason.Exit;
        return true;
    }

    /// <summary>Leaves because the engines differ, see <see cref="VmExitReason.EnginesDiffer"/>.</summary>
    /// <param name="rip">Where they do.</param>
    public void ForDifference(ulong rip)
    {
        _exit.Reason = VmExitReason.EnginesDiffer;
        _exit.Detail = rip;
        _cpu->Leave = LeaveReason.Exit;
    }

    /// <summary>
    /// RIP or CS is about to be written from outside. The instruction of an access that is not complete goes on only where it stands when the vCPU runs next: at the
    /// linear address where it stands now.
    /// </summary>
    public void NoteResumePoint()
    {
        if (_resumePointNoted) return;
        _resumePointNoted = true;
        _resumePoint = NextInstruction;
    }

    /// <summary>Forgets an access whose instruction shall not go on.</summary>
    public void DropAccess()
    {
        _accessPending = false;
        _resumePointNoted = false;
        _cpu->Replay.Count = 0;
    }

    /// <summary>What the next run is to go on with.</summary>
    public UnfinishedExit Unfinished
    {
        get
        {
            ReplayLog log = _cpu->Replay;
            log.Instruction -= _cpu->Instructions;
            return new UnfinishedExit
            {
                Exit = _exit,
                Data = new ReadOnlySpan<byte>(_data, DataBytes).ToArray(),
                AccessPending = _accessPending,
                ResumePoint = _resumePointNoted ? _resumePoint : null,
                Log = log,
            };
        }

        set
        {
            int length = value.Exit.Data.Length;
            _exit = value.Exit;
            _exit.SetData(_data, length);
            _exit.SetInstruction(_data, 0);
            value.Data.CopyTo(new Span<byte>(_data, DataBytes));
            _accessPending = value.AccessPending;
            _resumePointNoted = value.ResumePoint is not null;
            _resumePoint = value.ResumePoint ?? 0;
            _cpu->Replay = value.Log;
            _cpu->Replay.Instruction += _cpu->Instructions;
        }
    }

    /// <summary>Enters the answer of the last exit into the replay log.</summary>
    /// <returns>True when the interrupted instruction has to run again before anything else.</returns>
    public bool CompleteAccess()
    {
        if (_resumePointNoted && _resumePoint != NextInstruction) DropAccess();
        _resumePointNoted = false;
        ref ReplayLog log = ref _cpu->Replay;
        if (_accessPending)
        {
            _accessPending = false;
            if (log.Count < ReplayLog.Capacity) log.Data[log.Count++] = *(ulong*)_data;
        }

        log.Cursor = 0;
        return log.Count > 0 && log.Instruction == _cpu->Instructions + 1;
    }

    private ulong NextInstruction => _cpu->Segments[Seg.Cs].Base + _cpu->Rip;

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.Free(_data);

    private void ForAccess(int size, bool isWrite, ulong value)
    {
        _exit.Size = size;
        _exit.Count = 1;
        _exit.IsWrite = isWrite;
        *(ulong*)_data = value;
        _exit.SetData(_data, size);
        _cpu->Leave = LeaveReason.Exit;
        _accessPending = true;
    }
}
