using System.Runtime.InteropServices;

namespace Vitrine.Cli.Terminal;

/// <summary>
/// The user's terminal in raw mode, so that every key goes to the guest. Restored when disposed, at the end of the
/// process, before an unhandled exception ends it, and while it is suspended.
/// </summary>
internal sealed class RawTerminal : IDisposable
{
    private readonly Lock _sync = new();
    private readonly Termios _original;
    private readonly Termios _raw;
    private readonly PosixSignalRegistration _suspend;
    private readonly PosixSignalRegistration _resume;
    private bool _disposed;

    private RawTerminal(in Termios original)
    {
        _original = original;
        _raw = original.ToRaw();
        AppDomain.CurrentDomain.ProcessExit += OnProcessEnd;
        AppDomain.CurrentDomain.UnhandledException += OnProcessEnd;

        // Handlers first: a suspension between the two would leave the shell with a raw terminal.
        _suspend = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, Suspend);
        _resume = PosixSignalRegistration.Create(PosixSignal.SIGCONT, Resume);
        Set(_raw);
    }

    /// <summary>Puts standard input into raw mode.</summary>
    /// <returns>Null when it is no terminal, or not this process's to change (it runs in the background).</returns>
    public static RawTerminal? TryEnter() =>
        Libc.IsTerminal(StandardDescriptors.Input) && Libc.IsForeground(StandardDescriptors.Input) &&
        Libc.TryGetAttributes(StandardDescriptors.Input, out Termios original)
            ? new RawTerminal(original)
            : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_sync)
        {
            if (_disposed) return;
            Libc.TrySetAttributes(StandardDescriptors.Input, _original);
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
        Set(_original);
        Libc.StopThisProcess();
    }

    private void Resume(PosixSignalContext context)
    {
        // The runtime's own answer would be to set the terminal as it found it at the start.
        context.Cancel = true;
        Set(_raw);
    }

    private void OnProcessEnd(object? sender, EventArgs arguments) => Set(_original);

    private void Set(in Termios settings)
    {
        lock (_sync)
        {
            // In the background the attempt would stop the process.
            if (!_disposed && Libc.IsForeground(StandardDescriptors.Input)) Libc.TrySetAttributes(StandardDescriptors.Input, settings);
        }
    }
}
