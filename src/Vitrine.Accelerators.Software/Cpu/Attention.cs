using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>How a vCPU that runs is made to look at events.</summary>
internal static unsafe partial class Attention
{
    // SAFETY: takes a vCPU's state, which outlives everybody who asks; the two fields are words.
    private const int Tgkill = 234;
    private const int SIGUSR1 = 10;

    /// <summary>Makes it look soon. Any thread.</summary>
    public static void Ask(CpuState* cpu)
    {
        // Who begins to run user code natively says so before it looks, and this comes the other way round.
        Interlocked.Exchange(ref cpu->PollAt, 0);
        uint thread = Volatile.Read(ref cpu->NativeThread);
        if (thread != 0) Stop(thread);
    }

    /// <summary>Stops user code that runs natively.</summary>
    public static void Stop(uint thread) => _ = Call(Tgkill, (nint)thread, (nint)thread, SIGUSR1);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number, nint first, nint second, nint third);
}
