using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software;

/// <summary>
/// What a halted vCPU waits on: a signal from any thread, or a time to the nanosecond (the runtime's own waits count in
/// milliseconds, too coarse for a guest's timers). A signal costs a system call only when somebody waits.
/// </summary>
internal sealed unsafe partial class WakeSignal : IDisposable
{
    // SAFETY: _word is a native allocation freed in Dispose, after which nobody signals; the kernel only reads it.
    private const int Idle = 0;
    private const int Signalled = 1;
    private const int Waiting = 2;
    private const int WaitPrivate = 128;
    private const int WakePrivate = 129;

    private static readonly nint s_futexCall = FutexCall(RuntimeInformation.ProcessArchitecture);

    private readonly int* _word = (int*)NativeMemory.AllocZeroed(sizeof(int));

    /// <summary>What is waited on. A signal handler on the thread that waits, which ends the system call itself, stores 1 there instead of calling <see cref="Signal"/>.</summary>
    public uint* Word => (uint*)_word;

    /// <summary>Ends the present or the next wait.</summary>
    public void Signal()
    {
        if (Interlocked.Exchange(ref *_word, Signalled) == Waiting) _ = Futex(s_futexCall, _word, WakePrivate, 1, null);
    }

    /// <summary>Waits for a signal.</summary>
    /// <param name="nanoseconds">At most this long; not positive returns at once, <see cref="long.MaxValue"/> waits for ever.</param>
    public void Wait(long nanoseconds)
    {
        if (nanoseconds > 0 && Interlocked.CompareExchange(ref *_word, Waiting, Idle) == Idle)
        {
            long* time = stackalloc long[2];
            time[0] = nanoseconds / 1_000_000_000;
            time[1] = nanoseconds % 1_000_000_000;
            _ = Futex(s_futexCall, _word, WaitPrivate, Waiting, nanoseconds == long.MaxValue ? null : time);
        }

        // A full barrier: what the caller looks at next must not be older than this.
        Interlocked.Exchange(ref *_word, Idle);
    }

    /// <summary>
    /// The number of the system call futex: x86-64 has a table of its own (&lt;asm/unistd_64.h&gt;); Arm64, RISC-V and LoongArch share one
    /// (&lt;asm-generic/unistd.h&gt;).
    /// </summary>
    internal static nint FutexCall(Architecture host) => host == Architecture.X64 ? 202 : 98;

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.Free(_word);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Futex(nint number, int* word, int operation, int value, long* timeout);
}
