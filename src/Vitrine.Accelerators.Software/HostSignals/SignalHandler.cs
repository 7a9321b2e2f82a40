using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.HostSignals;

/// <summary>
/// Keeps a signal that emitted code raises from ending the process: the code's owner finds it in a record, and reports it. The handler is
/// installed once in the process, when the first code is guarded, which is after .NET's own handlers: those get what comes from elsewhere.
/// </summary>
internal static unsafe partial class SignalHandler
{
    // SAFETY: what the handler reads (its code, the table, the actions from before) stays for as long as the process lives.
    private const int SignalNumbers = 65;
    private const nuint KernelActionBytes = 32;

    private static readonly HostSignal[] s_signals =
        [HostSignal.SIGILL, HostSignal.SIGTRAP, HostSignal.SIGBUS, HostSignal.SIGFPE, HostSignal.SIGSEGV];
    private static readonly Lock s_lock = new();
    private static CodeRangeTable? s_ranges;

    /// <summary>Guards a range of emitted code. Where the host refuses a handler, signals do what they did without one.</summary>
    /// <returns>What <see cref="Release"/> takes, before the code's memory is freed.</returns>
    /// <exception cref="VitrineException">The host refuses memory for the handler.</exception>
    public static CodeRange* Guard(in CodeRange range)
    {
        lock (s_lock) s_ranges ??= Install();
        return s_ranges.Add(in range);
    }

    /// <summary>Ends a guard. Nobody executes the code any more.</summary>
    public static void Release(CodeRange* range) => s_ranges!.Remove(range);

    private static CodeRangeTable Install()
    {
        CodeRangeTable ranges = new();
        nint* previous = (nint*)NativeMemory.AllocZeroed(SignalNumbers, (nuint)sizeof(nint));
        ExecutableMemory code = ExecutableMemory.Create(HandlerCode.MaximumBytes);
        CodeEmitter emitter = new(code.Writable);
        HandlerCode.Write(ref emitter, ranges, previous, NativeMemory.AllocZeroed(KernelActionBytes));
        foreach (HostSignal signal in s_signals) Install(signal, (nint)code.Executable, previous);
        return ranges;
    }

    private static void Install(HostSignal signal, nint handler, nint* previous)
    {
        SignalAction action;
        if (Sigaction((int)signal, null, &action) != 0) return;

        // Flags and mask stay what the handler from before counts on: whether it runs on a stack of its own above all.
        bool isFunction = action.Handler is not (0 or 1);
        previous[(int)signal] = action.Handler;
        action.Handler = handler;
        action.Flags |= SignalAction.SA_SIGINFO;
        if (!isFunction) action.Flags |= SignalAction.SA_ONSTACK | SignalAction.SA_RESTART;
        _ = Sigaction((int)signal, &action, null);
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int Sigaction(int signal, SignalAction* action, SignalAction* previous);
}
