using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// A process of the host in which a guest's user code runs as it is: one thread, nothing in its address space but the guest's pages and <see cref="StubLayout"/>, no
/// system call that the guest's code can make. Monitor and stub take turns. The monitor's side; one thread.
/// </summary>
internal sealed unsafe class StubProcess : IDisposable
{
    // SAFETY: _shared points to StubLayout.SharedBytes until Dispose. The guest's code can write there at any time that it runs: offsets into it are checked before use.

    // glibc's and musl's structures are smaller.
    private const int PosixStructBytes = 512;
    private const short SetGroup = 2;
    private const short SetMask = 8;
    private const ulong UserEnd = 0x7FFF_FFFF_F000;
    private const int LivenessNanoseconds = 50_000_000;

    private static readonly int[] s_handled =
        [HostCalls.SIGILL, HostCalls.SIGTRAP, HostCalls.SIGBUS, HostCalls.SIGFPE, HostCalls.SIGUSR1, HostCalls.SIGSEGV, HostCalls.SIGSYS];

    private readonly byte* _shared;
    private readonly ulong _key;
    private int _calls;
    private bool _ended;
    private ulong _floatArea = StubLayout.Stack;
    private readonly byte[] _frameStart = new byte[SignalFrame.Registers];
    private readonly byte[] _floatWords = new byte[FloatFrame.SoftwareBytes];
    private ulong _signalMask;

    private StubProcess(int process, byte* shared, ulong start, ulong key)
    {
        Id = process;
        _shared = shared;
        Start = start;
        _key = key;
    }

    /// <summary>Process and thread number.</summary>
    public int Id { get; }

    /// <summary>Where its own memory lies in its address space, <see cref="StubLayout.Bytes"/> long.</summary>
    public ulong Start { get; }

    /// <summary>The signal that it stands at.</summary>
    public int Signal => *(int*)(_shared + StubLayout.Signal);

    /// <summary>FS base of the guest.</summary>
    public ref ulong FsBase => ref *(ulong*)(_shared + StubLayout.FsBase);

    /// <summary>GS base of the guest.</summary>
    public ref ulong GsBase => ref *(ulong*)(_shared + StubLayout.GsBase);

    /// <summary>DS, ES, FS and GS of the guest where it stopped, 16 bits each from the lowest.</summary>
    public ulong Selectors => Volatile.Read(ref *(ulong*)(_shared + StubLayout.Selectors));

    /// <summary>How often either side looks for its turn before it sleeps.</summary>
    public int Spins { get; set; } = 2000;

    /// <summary>No room for another system call in this turn.</summary>
    public bool IsFull => _calls == StubLayout.MostCalls;

    /// <summary>System calls that it was given so far.</summary>
    public ulong CallsMade { get; private set; }

    /// <summary>Starts one.</summary>
    /// <param name="memory">Descriptors of the guest's memory objects; they become <see cref="StubLayout.FirstMemoryDescriptor"/> and following.</param>
    /// <param name="refused">What the host refused, where it did.</param>
    /// <returns>Null where it did.</returns>
    public static StubProcess? TryStart(ReadOnlySpan<int> memory, out string refused)
    {
        // Somewhere in the middle of what a user has, where kernels put nothing by themselves; aligned so that the page of code crosses no 4 GiB.
        ulong start = 0x1000_0000_0000UL + ((ulong)RandomNumberGenerator.GetInt32(1 << 25) << 21);
        ulong key;
        RandomNumberGenerator.Fill(new Span<byte>(&key, sizeof(ulong)));
        Span<int> opened = stackalloc int[2];
        opened.Fill(-1);
        nint shared = -1;
        try
        {
            refused = "a memory object for a program";
            opened[0] = CreateFile("vitrine-stub", StubLayout.CodeBytes);
            if (opened[0] < 0) return null;
            nint page = HostCalls.Map(0, StubLayout.CodeBytes, HostCalls.ProtRead | HostCalls.ProtWrite, HostCalls.MapShared, opened[0], 0);
            if (page == -1) return null;
            StubCode code = StubImage.Write((byte*)page, start, Environment.ProcessId);
            _ = HostCalls.Unmap(page, StubLayout.CodeBytes);
            refused = "shared memory";
            opened[1] = CreateFile("vitrine-turns", StubLayout.SharedBytes);
            if (opened[1] < 0) return null;
            shared = HostCalls.Map(0, StubLayout.SharedBytes, HostCalls.ProtRead | HostCalls.ProtWrite, HostCalls.MapShared, opened[1], 0);
            if (shared == -1) return null;
            refused = "to start a program from memory";
            *(int*)(shared + StubLayout.Turn) = 1;
            int process = Spawn(opened[0], opened[1], memory);
            if (process <= 0) return null;
            StubProcess stub = new(process, (byte*)shared, start, key);
            shared = -1;
            if (stub.Prepare(code, memory.Length, out refused)) return stub;
            stub.Dispose();
            return null;
        }
        finally
        {
            if (shared != -1) _ = HostCalls.Unmap(shared, StubLayout.SharedBytes);
            foreach (int descriptor in opened)
            {
                if (descriptor >= 0) _ = HostCalls.CloseDescriptor(descriptor);
            }
        }
    }

    /// <summary>Adds a system call to the next turn.</summary>
    public void Call(int number, ulong first, ulong second = 0, ulong third = 0, ulong fourth = 0, uint fifth = 0, ulong sixth = 0)
    {
        CallsMade++;
        Debug.Assert(!IsFull, "The caller looks before.");
        ulong* call = (ulong*)(_shared + StubLayout.FirstCall + (_calls++ * StubLayout.CallBytes));
        call[0] = (ulong)number;
        call[1] = first;
        call[2] = second;
        call[3] = third;
        ulong key = number is HostCalls.Mmap or HostCalls.Munmap or HostCalls.Mprotect ? _key : 0;
        call[4] = fourth | (key & 0xFFFF_FFFF_0000_0000);
        call[5] = fifth | (key << 32);
        call[6] = sixth;
    }

    /// <summary>Gives it the turn, and waits until it has it no more.</summary>
    /// <param name="action">What it does behind the system calls.</param>
    /// <param name="urgent">A word that becomes zero when the guest shall stop; looked at while this thread is awake, and when a signal woke it.</param>
    /// <returns>How it ended.</returns>
    public StubTurn TakeTurn(StubAction action, ulong* urgent = null)
    {
        *(int*)(_shared + StubLayout.Action) = (int)action;
        *(int*)(_shared + StubLayout.HasRun) = 0;
        *(int*)(_shared + StubLayout.Calls) = _calls;
        *(int*)(_shared + StubLayout.Spins) = Spins;
        int calls = _calls;
        _calls = 0;
        int* turn = (int*)(_shared + StubLayout.Turn);
        Interlocked.Exchange(ref *turn, 1);
        if (Volatile.Read(ref *(int*)(_shared + StubLayout.StubSleeps)) != 0) Wake(turn);
        if (!Wait(turn, urgent)) return StubTurn.Ended;

        // The number is the guest's to write, but only while it runs; where no call was asked for it means nothing.
        int left = *(int*)(_shared + StubLayout.Calls);
        if (calls == 0 || left == 0) return StubTurn.Done;

        // The key is in those that were not made. Where the first of them has no error, a signal has come in between: only in a stub that the guest's code has brought
        // to its own place, and with the key in a register.
        const ulong LeastError = ulong.MaxValue - 4094;
        ulong* first = (ulong*)(_shared + StubLayout.FirstCall + ((calls - left) * StubLayout.CallBytes));
        bool failed = left > 0 && left <= calls && *first >= LeastError;
        new Span<byte>(_shared + StubLayout.FirstCall, calls * StubLayout.CallBytes).Clear();
        if (failed) return StubTurn.Refused;
        End();
        return StubTurn.Ended;
    }

    /// <summary>The guest's code may have run in the last turn. Where the process has ended before that, its registers are where they were.</summary>
    public bool HasRun => Volatile.Read(ref *(int*)(_shared + StubLayout.HasRun)) != 0;

    /// <summary>Puts everything into a frame that the guest's code may have changed and no register is.</summary>
    public void Mend(byte* context)
    {
        _frameStart.CopyTo(new Span<byte>(context, SignalFrame.Registers));
        *(ulong*)(context + SignalFrame.SignalMask) = _signalMask;
        _floatWords.CopyTo(new Span<byte>(FloatArea + FloatFrame.SoftwareWords, FloatFrame.SoftwareBytes));
    }

    /// <summary>The context of the signal frame that it stands at; null where the guest has spoiled what says where it is.</summary>
    public byte* Frame()
    {
        // Context and floating-point state lie behind one another on the signal stack.
        ulong shared = Start + StubLayout.CodeBytes;
        ulong offset = Volatile.Read(ref *(ulong*)(_shared + StubLayout.Context)) - shared;
        if (offset is < StubLayout.Stack or > StubLayout.Monitor - SignalFrame.FrameBytes || (offset & 7) != 0) return null;
        byte* context = _shared + offset;
        _floatArea = *(ulong*)(context + SignalFrame.FloatState) - shared;
        return _floatArea is >= StubLayout.Stack and <= StubLayout.Monitor - FloatFrame.Bytes && (_floatArea & 63) == 0 ? context : null;
    }

    /// <summary>The floating-point state of the frame that <see cref="Frame"/> has found.</summary>
    public byte* FloatArea => _shared + _floatArea;

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        _ = HostCalls.Unmap((nint)_shared, StubLayout.SharedBytes);
    }

    private void End()
    {
        if (_ended) return;
        _ = HostCalls.Kill(Id, HostCalls.SIGKILL);
        int status;
        while (HostCalls.WaitPid(Id, &status, 0) < 0 && Marshal.GetLastPInvokeError() == 4)
        {
        }

        _ended = true;
    }

    private static int CreateFile(string name, int bytes)
    {
        int descriptor = HostCalls.MemfdCreate(name, HostCalls.MFD_CLOEXEC | HostCalls.MFD_EXEC);
        if (descriptor < 0 && Marshal.GetLastPInvokeError() == HostCalls.EINVAL) descriptor = HostCalls.MemfdCreate(name, HostCalls.MFD_CLOEXEC);
        if (descriptor < 0) return -1;

        // Numbers that the new process's own don't meet.
        const int LowestDescriptor = 64;
        int moved = HostCalls.Fcntl(descriptor, HostCalls.F_DUPFD_CLOEXEC, LowestDescriptor);
        _ = HostCalls.CloseDescriptor(descriptor);
        if (moved < 0 || HostCalls.Ftruncate(moved, bytes) == 0) return moved;
        _ = HostCalls.CloseDescriptor(moved);
        return -1;
    }

    private static int Spawn(int image, int shared, ReadOnlySpan<int> memory)
    {
        byte* actions = stackalloc byte[PosixStructBytes];
        byte* attributes = stackalloc byte[PosixStructBytes];
        byte* mask = stackalloc byte[128];
        byte** nothing = stackalloc byte*[1];
        byte** arguments = stackalloc byte*[2];
        byte* name = stackalloc byte[13];
        "vitrine-stub\0"u8.CopyTo(new Span<byte>(name, 13));
        nothing[0] = arguments[1] = null;
        arguments[0] = name;
        new Span<byte>(mask, 128).Fill(0xFF);
        foreach (int signal in s_handled) mask[(signal - 1) / 8] &= (byte)~(1 << ((signal - 1) % 8));
        _ = HostCalls.FileActionsInit(actions);
        _ = HostCalls.AttributesInit(attributes);

        // A terminal's signals are not for it, and neither are those that the process's own group gets.
        _ = HostCalls.AttributesSetFlags(attributes, SetGroup | SetMask);
        _ = HostCalls.AttributesSetGroup(attributes, 0);
        _ = HostCalls.AttributesSetMask(attributes, mask);
        Span<int> moved = stackalloc int[memory.Length];
        int process = 0;
        bool complete = HostCalls.FileActionsAddDup2(actions, shared, StubLayout.SharedDescriptor) == 0;
        for (int i = 0; i < memory.Length; i++)
        {
            moved[i] = HostCalls.Fcntl(memory[i], HostCalls.F_DUPFD_CLOEXEC, 64);
            complete &= moved[i] >= 0 && HostCalls.FileActionsAddDup2(actions, moved[i], StubLayout.FirstMemoryDescriptor + i) == 0;
        }

        if (!complete || HostCalls.Spawn(&process, $"/proc/self/fd/{image}", actions, attributes, arguments, nothing) != 0) process = -1;
        foreach (int descriptor in moved)
        {
            if (descriptor >= 0) _ = HostCalls.CloseDescriptor(descriptor);
        }

        _ = HostCalls.FileActionsDestroy(actions);
        _ = HostCalls.AttributesDestroy(attributes);
        return process;
    }

    /// <summary>Brings it from its start to where it stands at a signal frame, with nothing left that it was born with.</summary>
    private bool Prepare(StubCode code, int objects, out string refused)
    {
        const int SA_SIGINFO = 4;
        const int SA_ONSTACK = 0x0800_0000;
        const int SA_RESTORER = 0x0400_0000;
        const int RLIMIT_CORE = 4;
        const int PR_SET_NAME = 15;
        const int NameAt = 12;
        const int PR_SET_TSC = 26;
        const int PR_TSC_SIGSEGV = 2;
        const int PR_SET_NO_NEW_PRIVS = 38;
        const int SECCOMP_SET_MODE_FILTER = 1;
        const int SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
        ulong seen = Start + StubLayout.CodeBytes;
        ulong scratch = seen + StubLayout.Scratch;
        ulong* action = (ulong*)(_shared + StubLayout.Scratch);
        refused = "to start a program from memory";
        if (!Wait((int*)(_shared + StubLayout.Turn), null)) return false;

        // struct sigaction of the kernel: handler, flags, restorer, mask of all signals.
        action[0] = Start + (ulong)code.Handler;
        action[1] = SA_SIGINFO | SA_ONSTACK | SA_RESTORER;
        action[2] = Start + (ulong)code.Restorer;
        action[3] = ulong.MaxValue;

        // stack_t: address, flags, size.
        action[4] = seen + StubLayout.Stack;
        action[6] = StubLayout.StackBytes;

        // Its command line goes with its stack, and this is what process lists show then.
        "vitrine-stub\0"u8.CopyTo(new Span<byte>(action + NameAt, 16));
        Call(HostCalls.Prctl, PR_SET_NAME, scratch + (NameAt * sizeof(ulong)));
        foreach (int signal in s_handled) Call(HostCalls.RtSigaction, (ulong)signal, scratch, 0, sizeof(ulong));
        Call(HostCalls.Sigaltstack, scratch + (4 * sizeof(ulong)));

        // What came without FD_CLOEXEC, the terminal among it, is not for a guest.
        Call(HostCalls.CloseRange, 0, StubLayout.SharedDescriptor - 1);
        Call(HostCalls.CloseRange, (ulong)(StubLayout.FirstMemoryDescriptor + objects), uint.MaxValue);
        Call(HostCalls.Mprotect, seen + StubLayout.Monitor, StubLayout.SharedBytes - StubLayout.Monitor, HostCalls.ProtRead);
        Call(HostCalls.Munmap, 0, Start);
        Call(HostCalls.Munmap, Start + StubLayout.Bytes, UserEnd - Start - StubLayout.Bytes);
        Call(HostCalls.Setrlimit, RLIMIT_CORE, scratch + (8 * sizeof(ulong)));
        refused = "a process that starts with nothing";
        if (TakeTurn(StubAction.Stand) != StubTurn.Done) return false;
        refused = "to withhold the time-stamp counter from a process";
        Call(HostCalls.Prctl, PR_SET_TSC, PR_TSC_SIGSEGV);
        if (TakeTurn(StubAction.Stand) != StubTurn.Done) return false;
        refused = "a seccomp filter";
        action[0] = StubFilter.Count;
        action[1] = scratch + (2 * sizeof(ulong));
        StubFilter.Write(new Span<ulong>(action + 2, StubFilter.Count), Start, code, _key);
        Call(HostCalls.Prctl, PR_SET_NO_NEW_PRIVS, 1);
        Call(HostCalls.Seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, scratch);
        bool filtered = TakeTurn(StubAction.Stand) == StubTurn.Done;

        // The filter has the key in it.
        new Span<byte>(action, StubLayout.Stack - StubLayout.Scratch).Clear();
        if (!filtered) return false;
        refused = "a signal frame of the usual form";
        if (TakeTurn(StubAction.Raise) != StubTurn.Done || Signal != HostCalls.SIGILL) return false;
        byte* context = Frame();
        if (context == null || !FloatFrame.IsUsual(FloatArea)) return false;
        new Span<byte>(context, SignalFrame.Registers).CopyTo(_frameStart);
        new Span<byte>(FloatArea + FloatFrame.SoftwareWords, FloatFrame.SoftwareBytes).CopyTo(_floatWords);
        _signalMask = *(ulong*)(context + SignalFrame.SignalMask);
        return true;
    }

    private void Wake(int* turn) => _ = HostCalls.Call(HostCalls.Futex, (nint)turn, HostCalls.FutexWake, 1, 0);

    /// <summary>Waits for the monitor's turn.</summary>
    /// <returns>False when the process has ended.</returns>
    private bool Wait(int* turn, ulong* urgent)
    {
        bool kicked = urgent == null;
        for (int i = 0; i < Spins; i++)
        {
            if (Volatile.Read(ref *turn) == 0) return true;
            if (!kicked && Volatile.Read(ref *urgent) == 0)
            {
                kicked = true;
                Attention.Stop((uint)Id);
            }

            Thread.SpinWait(1);
        }

        int* sleeps = (int*)(_shared + StubLayout.MonitorSleeps);
        long* time = stackalloc long[2];
        time[0] = 0;
        time[1] = LivenessNanoseconds;
        Deafness deafness = new(Id);
        Interlocked.Exchange(ref *sleeps, 1);
        while (Volatile.Read(ref *turn) is var present and not 0)
        {
            if (!kicked && Volatile.Read(ref *urgent) == 0)
            {
                kicked = true;
                Attention.Stop((uint)Id);
            }

            bool woken = HostCalls.Call(HostCalls.Futex, (nint)turn, HostCalls.FutexWait, present, (nint)time) == 0;
            if (woken || Volatile.Read(ref *turn) == 0) continue;
            int status;
            if (HostCalls.WaitPid(Id, &status, HostCalls.WNOHANG) != 0)
            {
                _ended = true;
                break;
            }

            if (!kicked || urgent == null || !deafness.IsCertain()) continue;
            End();
            break;
        }

        *sleeps = 0;
        return !_ended;
    }
}
