using System.Runtime.CompilerServices;

namespace Vitrine.KvmServer.Native;

/// <summary>The calling thread's own stack: what its callers have put there is mapped and can be written, which needs no system call to find out.</summary>
internal static unsafe class ThreadStack
{
    // SAFETY: the address of a local is only compared, never kept.

    // Where the thread's stack lies, asked for once: both are the same where the host does not say.
    [ThreadStatic]
    private static ulong t_low;

    [ThreadStatic]
    private static ulong t_high;

    /// <summary>
    /// True when bytes lie above the caller's frame in the stack that the thread was started with. False for all else, also where the thread runs on another
    /// stack for a while, as coroutines and signal handlers do, and for what lies below: a stack grows, and what it has not reached may not be mapped.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Holds(ulong address, int length)
    {
        byte here;
        ulong frame = (ulong)&here;
        if (t_high == 0) (t_low, t_high) = Libc.FindStack();
        return frame >= t_low && frame < t_high && address > frame && address < t_high && t_high - address >= (ulong)length;
    }
}
