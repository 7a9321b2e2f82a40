using System.Diagnostics;
using System.Runtime.InteropServices;
using Vitrine.Accelerators;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.Kvm.Trace;
using Vitrine.KvmServer;
using Vitrine.KvmServer.Trace;
using Vitrine.KvmServer.Watch;
using Vitrine.X86.Cpuid;

namespace Vitrine.Kvm.Watch;

/// <summary>
/// Watches the calls that a client makes to the host's own KVM. Who makes them for it says when each begins and ends, by the thread that makes it; the call itself is the
/// kernel's. The first instructions are stepped by KVM_SET_GUEST_DEBUG inside the client's KVM_RUN. Nothing that goes wrong here reaches the client: it ends the watch.
/// </summary>
public sealed unsafe class KvmWatch
{
    // SAFETY: for the whole type: the word of interest is never freed, because anybody may be about to read it.

    /// <summary>What <see cref="Ends"/> returns when KVM_RUN is to be made once more: the client has not got an exit yet.</summary>
    public const long Again = long.MinValue;

    [ThreadStatic]
    private static Stack<OpenCall>? s_open;

    private readonly WatchedFiles _files = new();
    private readonly IKvmCallObserver _observer;
    private readonly IVcpuWatcher? _watcher;
    private readonly Func<bool> _isOver;
    private readonly Action<Exception> _report;
    private readonly uint* _interest = (uint*)NativeMemory.AllocZeroed(sizeof(uint));

    /// <summary>Begins to watch.</summary>
    /// <param name="observer">Hears of calls.</param>
    /// <param name="watcher">Looks at what vCPUs do first; null for nobody.</param>
    /// <param name="isOver">Says when nobody wants to hear of anything any more.</param>
    /// <param name="report">Is told what ends the watch before that.</param>
    public KvmWatch(IKvmCallObserver observer, IVcpuWatcher? watcher, Func<bool> isOver, Action<Exception> report)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ArgumentNullException.ThrowIfNull(isOver);
        ArgumentNullException.ThrowIfNull(report);
        (_observer, _watcher, _isOver, _report) = (observer, watcher, isOver, report);
        *_interest = 1;
    }

    /// <summary>Address of a word that is 0 when nobody wants to hear of calls any more. Valid as long as the process lives.</summary>
    public nint Interest => (nint)_interest;

    /// <summary>The client has opened /dev/kvm.</summary>
    public void Opened(int descriptor)
    {
        try
        {
            _files.AddSystem(descriptor);
        }
        catch (Exception defect)
        {
            Stop(defect);
        }
    }

    /// <summary>The client is about to close a descriptor.</summary>
    public void Closing(int descriptor) => _files.Remove(descriptor);

    /// <summary>The client makes an ioctl of KVM's.</summary>
    public CallStart Begins(int descriptor, uint request, ulong argument)
    {
        try
        {
            if (*_interest == 0 || _files.Find(descriptor) is not { } file || file.Vcpu is { } used && !used.TryUse()) return CallStart.Unobserved;
            HardwareVcpu? vcpu = file.Vcpu;
            if (vcpu is not null) vcpu.Kvm.Descriptor = descriptor;
            KvmCall call = new(
                file.Kind, file.Machine?.Number ?? 0, vcpu?.Id ?? -1, request, argument, vcpu?.Kvm.Pages ?? 0, vcpu)
            {
                PagesLength = vcpu?.Kvm.PagesLength ?? 0,
            };
            OpenCall open = new(call, file);
            _observer.Begins(call);
            (s_open ??= new Stack<OpenCall>()).Push(open);
            bool isAnswered = request == KvmIoctl.KVM_RUN && vcpu is not null && _watcher is not null && !BeginRun(open, vcpu);
            open.Started = Stopwatch.GetTimestamp();
            return isAnswered ? CallStart.Answered : CallStart.Observed;
        }
        catch (Exception defect)
        {
            Stop(defect);
            return CallStart.Unobserved;
        }
    }

    /// <summary>The call has returned.</summary>
    /// <param name="descriptor">The descriptor that it was made on.</param>
    /// <param name="result">Its result, or −errno.</param>
    /// <param name="interrupted">A handler of the client's has run on this thread meanwhile.</param>
    /// <returns>What the client gets, or <see cref="Again"/>.</returns>
    public long Ends(int descriptor, long result, bool interrupted)
    {
        if (s_open is not { Count: > 0 } stack) return result;
        OpenCall open = stack.Peek();
        try
        {
            if (open is { IsTold: true, File.Vcpu: { } vcpu } && EndStep(open, vcpu, interrupted, ref result)) return Again;
            stack.Pop();
            long nanoseconds = (long)Stopwatch.GetElapsedTime(open.Started).TotalNanoseconds;
            if (result >= 0) Learn(open, descriptor, result);
            _observer.Ended(open.Call, result, nanoseconds);
            if (open.Call.Request == KvmIoctl.KVM_RUN && _isOver()) *_interest = 0;
        }
        catch (Exception defect)
        {
            stack.Clear();
            Stop(defect);
        }

        open.File.Vcpu?.Release();
        return result;
    }

    // False when KVM_RUN has come back already.
    private bool BeginRun(OpenCall open, HardwareVcpu vcpu)
    {
        if (vcpu.IsDebugged || vcpu.IsOutOfSight) return true;
        vcpu.LookForStart();
        if (!_watcher!.Enters(vcpu)) return true;
        if (vcpu.IsUnfinished)
        {
            // KVM doesn't step when it completes an access: the next instruction would belong to the step.
            int result = vcpu.Kvm.Complete();
            if (result == 0)
            {
                open.IsTold = true;
                return false;
            }

            vcpu.IsUnfinished = false;
            if (result != -Errno.EINTR || !_watcher.Stepped(vcpu)) return true;
        }

        Prepare(open, vcpu);
        return true;
    }

    // The next instruction is told: KVM_RUN is to return behind it, whatever it is.
    private static void Prepare(OpenCall open, HardwareVcpu vcpu)
    {
        open.IsTold = true;
        bool steps = !vcpu.HaltsNext();
        if (steps == open.Steps) return;
        open.Steps = vcpu.Kvm.TrySetStepping(steps) && steps;
    }

    private static void Release(OpenCall open, HardwareVcpu vcpu)
    {
        open.IsTold = false;
        if (open.Steps) vcpu.Kvm.TrySetStepping(false);
        open.Steps = false;
    }

    // True when KVM_RUN is to be made again, because it came back for the watch only.
    private bool EndStep(OpenCall open, HardwareVcpu vcpu, bool interrupted, ref long result)
    {
        if (open.Steps && result == 0 && vcpu.Kvm.ExitReason == KvmExit.KVM_EXIT_DEBUG)
        {
            bool goesOn = _watcher!.Stepped(vcpu);
            if (goesOn && !interrupted) Prepare(open, vcpu);
            else Release(open, vcpu);
            if (!interrupted) return true;

            // KVM looks for signals when it enters the guest: it would have found this one.
            vcpu.Kvm.ExitReason = KvmExit.KVM_EXIT_INTR;
            result = -Errno.EINTR;
            return false;
        }

        Release(open, vcpu);
        if (result != 0) return false;
        VmExit exit = default;
        if (!vcpu.Kvm.TryDecodeExit(ref exit)) return false;
        _watcher!.Left(vcpu, ref exit);
        _watcher.Returns(vcpu);
        vcpu.IsUnfinished = exit.Reason is VmExitReason.PortIo or VmExitReason.Mmio or VmExitReason.Msr;

        // HLT is done when it leaves.
        if (exit.Reason == VmExitReason.Halt) _watcher.Stepped(vcpu);
        return false;
    }

    private void Learn(OpenCall open, int descriptor, long result)
    {
        KvmCall call = open.Call;
        switch (call.Kind, call.Request)
        {
            case (KvmDescriptorKind.System, KvmIoctl.KVM_CREATE_VM):
                _files.AddMachine((int)result);
                break;

            case (KvmDescriptorKind.Vm, KvmIoctl.KVM_CREATE_VCPU):
                _files.AddVcpu(open.File.Machine!, descriptor, (int)call.Argument, (int)result);
                break;

            case (KvmDescriptorKind.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION):
                kvm_userspace_memory_region region = default;
                if (TryRead(call, ref region)) open.File.Machine!.Set(region);
                break;

            case (KvmDescriptorKind.Vcpu, KvmIoctl.KVM_SET_CPUID2):
                if (ReadCpuid(call) is { } cpuid) open.File.Vcpu?.SetCpuid(cpuid);
                break;

            case (KvmDescriptorKind.Vcpu, KvmIoctl.KVM_SET_GUEST_DEBUG):
                kvm_guest_debug debug = default;
                if (open.File.Vcpu is { } vcpu && TryRead(call, ref debug)) vcpu.IsDebugged = (debug.control & KvmConstants.KVM_GUESTDBG_ENABLE) != 0;
                break;
        }
    }

    private static CpuidEntry[]? ReadCpuid(in KvmCall call)
    {
        kvm_cpuid2 header = default;
        if (!TryRead(call, ref header) || header.nent > CpuidCodec.MaximumEntries) return null;
        byte[] bytes = new byte[CountedEntries.BytesFor<kvm_cpuid2, kvm_cpuid_entry2>((int)header.nent)];
        IArgumentMemory memory = CallWords.Note(call).Memory;
        return memory.TryRead(call.Argument, bytes) && CpuidCodec.TryDecode(bytes, out CpuidEntry[] entries) ? entries : null;
    }

    private static bool TryRead<T>(in KvmCall call, ref T value)
        where T : unmanaged =>
        CallWords.Note(call).Memory.TryRead(call.Argument, MemoryMarshal.AsBytes(new Span<T>(ref value)));

    private void Stop(Exception defect)
    {
        *_interest = 0;
        _report(defect);
    }
}
