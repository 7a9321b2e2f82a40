using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>
/// The signal that ends a KVM_RUN. It needs a handler, because the kernel drops an ignored signal without interrupting anything,
/// and no SA_RESTART. The handler is libc's abs: it takes the signal number, computes, and touches nothing, whereas
/// managed code must not run in signal context.
/// </summary>
internal static unsafe class KickSignal
{
    // glibc hands out real-time signals from 34; .NET uses that first one itself.
    private const int Number = 40;

    private static readonly Lock s_lock = new();
    private static bool s_installed;

    /// <summary>Installs the handler, once in the process.</summary>
    public static void Install()
    {
        lock (s_lock)
        {
            if (s_installed) return;
            nint abs = NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "abs");
            var action = new SignalActionRecord { Handler = abs };

            // SAFETY: the record has libc's layout, and abs may be called as void(int): its result is ignored.
            if (Libc.SignalAction(Number, &action, null) < 0) throw KvmError.FromSignal(Marshal.GetLastPInvokeError());
            s_installed = true;
        }
    }

    /// <summary>Sends the signal to a thread of this process; a thread that has ended is ignored.</summary>
    public static void Send(int threadId) => _ = Libc.ThreadKill(Libc.GetPid(), threadId, Number);
}
