using System.Runtime.InteropServices;

namespace Vitrine.Cli.Terminal;

/// <summary>
/// The user's terminal in raw mode while this process is in the foreground, so that every key goes to the guest. Restored when disposed, at the
/// end of the process, before an unhandled exception ends it, and while it is suspended.
/// </summary>
internal sealed class RawTerminal : IDisposable
{
    private readonly Lock _sync = new();
    private readonly PosixSignalRegistration _suspend;
    private readonly PosixSignalRegistration _resume;
    private Termios? _original;
    private bool _disposed;

    private RawTerminal()
    {
        AppDomain.CurrentDomain.ProcessExit += OnProcessEnd;
        AppDomain.CurrentDomain.UnhandledException += OnProcessEnd;

        // Before raw mode: a suspension between the two would leave the shell with a raw terminal.
        _suspend = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, Suspend);
        _resume = PosixSignalRegistration.Create(PosixSignal.SIGCONT, Resume);
    }

    /// <summary>The terminal that standard input is, as it was until <see cref="TryEnter"/>; null when it is none.</summary>
    public static RawTerminal? OfUser() => Libc.IsTerminal(StandardDescriptors.Input) ? new RawTerminal() : null;

    /// <summary>Puts it into raw mode. What it is restored to is how it is found the first time: before, it was the shell's.</summary>
    /// <returns>False when it is not this process's to read and to change: it runs in the background.</returns>
    public bool TryEnter()
    {
        lock (_sync)
        {
            if (_disposed || !Libc.IsForeground(StandardDescriptors.Input)) return false;
            if (_original is null && Libc.TryGetAttributes(StandardDescriptors.Input, out Termios found)) _original = found;
            return _original is { } original && Libc.TrySetAttributes(StandardDescriptors.Input, original.ToRaw());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_sync)
        {
            if (_disposed) return;
            Restore();
            _disposed = true;
        }

        AppDomain.CurrentDomain.ProcessExit -= OnProcessEnd;
        AppDomain.CurrentDomain.UnhandledException -= OnProcessEnd;
        _suspend.Dispose();
        _resume.Dispose();
    }

    private void Suspend(PosixSignalContext context)
    {
        context.Cancel = true;
        Restore();
        Libc.StopThisProcess();
    }

    private void Resume(PosixSignalContext context)
    {
        // The runtime's own answer would be to set the terminal as it found it at the start.
        context.Cancel = true;
        TryEnter();
    }

    private void OnProcessEnd(object? sender, EventArgs arguments) => Restore();

    private void Restore()
    {
        lock (_sync)
        {
            if (_disposed || _original is not { } original) return;

            // In the background the attempt would stop the process.
            if (Libc.IsForeground(StandardDescriptors.Input)) Libc.TrySetAttributes(StandardDescriptors.Input, original);
        }
    }
}
