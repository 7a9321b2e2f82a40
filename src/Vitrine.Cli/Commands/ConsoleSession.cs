using System.Globalization;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Statistics;
using Vitrine.Cli.Terminal;
using Vitrine.Explain;

namespace Vitrine.Cli.Commands;

/// <summary>One guest from start to end, with its serial port on the user's console.</summary>
internal static class ConsoleSession
{
    // How long a reader may take nothing before the last output is given up. A terminal has somebody before it who waits for the shell.
    private static readonly TimeSpan PatienceWithTerminal = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PatienceWithReader = TimeSpan.FromSeconds(5);

    // The framework names the first four. The others of Linux on x86-64 (signal(7)) that end a process and come from another one or from a timer:
    // SIGABRT, SIGUSR1, SIGUSR2, SIGALRM, SIGSTKFLT, SIGVTALRM, SIGPROF, SIGIO, SIGPWR.
    private static readonly PosixSignal[] EndingSignals =
    [
        PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT,
        (PosixSignal)6, (PosixSignal)10, (PosixSignal)12, (PosixSignal)14, (PosixSignal)16, (PosixSignal)26, (PosixSignal)27, (PosixSignal)29, (PosixSignal)30,
    ];

    /// <summary>Runs a guest until it ends, is left, or its time is over.</summary>
    /// <param name="config">The machine.</param>
    /// <param name="serial">Where its serial port goes.</param>
    /// <param name="debug">Where firmware's debug port goes.</param>
    /// <param name="timeout">How long it may run; null for ever.</param>
    /// <param name="showTimes">Whether to tell when its start reached which point.</param>
    /// <param name="greeting">What to say when it is about to start; null for nothing.</param>
    /// <returns>The exit status.</returns>
    /// <exception cref="Errors.VitrineException">It could not be started.</exception>
    public static int Run(
        MachineConfig config, OutputTarget serial, OutputTarget debug, TimeSpan? timeout, bool showTimes, string? greeting = null)
    {
        DateTime? processStart = showTimes ? ProcessStart.Estimate() : null;
        foreach (OutputTarget.ToFile file in new[] { serial, debug }.OfType<OutputTarget.ToFile>()) BootFiles.Spare(config.Boot, file.Path);
        VirtualMachine? machine = null;
        using OutputPump? serialPump = serial.Open(result => StopWithoutOutput(serial, result, machine), timeout);

        // Two writers of one file would write over each other's output.
        using OutputPump? debugPump = debug.IsSameAs(serial) ? serialPump : debug.Open(result => StopWithoutOutput(debug, result, machine), timeout);
        config = config with
        {
            SerialOutput = serialPump is null ? null : serialPump.Send,
            DebugOutput = debugPump is null ? null : debugPump.Send,
        };

        using VirtualMachine created = VirtualMachine.Create(config);
        machine = created;
        if (greeting is not null) Messages.Say(greeting);
        PosixSignalRegistration[] signals = [.. EndingSignals.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            // The main thread restores the terminal and returns a status, instead of the signal ending the process here.
            context.Cancel = true;
            serialPump?.Abandon();
            debugPump?.Abandon();
            created.Stop();
        }))];
        bool outOfTime = false;
        using PosixSignalRegistration timeLimit = ProcessorTimeLimit.OnReached(() =>
        {
            outOfTime = true;
            created.Stop();
        });
        try
        {
            (VmEnd end, bool timedOut) = Run(created, serial is OutputTarget.Stdio, timeout, serialPump, debugPump);
            if (showTimes) TellTimes(created, processStart);
            if (outOfTime && end.Reason == VmEndReason.Stopped) return Messages.Fail(ProcessorTimeLimit.Error("The guest"));
            int status = Tell(created, end, timedOut, timeout);

            // The guest may have ended by itself before its last output was found to be lost.
            bool lost = serialPump is { HasFailed: true } || debugPump is { HasFailed: true };
            return lost && end.Reason is (VmEndReason.PowerOff or VmEndReason.DebugExit) ? ExitStatus.Stopped : status;
        }
        finally
        {
            foreach (PosixSignalRegistration signal in signals) signal.Dispose();
        }
    }

    private static void StopWithoutOutput(OutputTarget target, WriteResult result, VirtualMachine? machine)
    {
        if (target is OutputTarget.ToFile file)
        {
            Messages.Say($"Writing the guest's output to '{file.Path}' failed, and the guest is stopped. " + (result == WriteResult.Closed
                ? "It is a pipe, and its reader is gone. Let the reader stay until the guest ends, or choose another path after file:."
                : "The disk is probably full, or the file has reached the size that `ulimit -f` allows. Make room, or choose another path after file:."));
        }
        else
        {
            OutputEndedException.Report("The guest's output", result);
        }

        machine?.Stop();
    }

    private static (VmEnd End, bool TimedOut) Run(
        VirtualMachine machine, bool interactive, TimeSpan? timeout, OutputPump? serialPump, OutputPump? debugPump)
    {
        // Standard input that is the kernel, or another file of the guest's, is not also what its user types.
        bool reads = interactive && !BootFiles.Of(machine.Config.Boot).Any(StandardInput.Is);
        using RawTerminal? terminal = reads ? RawTerminal.OfUser() : null;

        // Before the guest starts: what it echoes is not also the terminal's to echo.
        terminal?.TryEnter();
        if (reads) ConsoleInput.Start(machine, terminal, LeaveByKey);
        machine.Start();
        VmEnd? end = machine.Wait(timeout);
        bool timedOut = end is null;
        if (timedOut)
        {
            serialPump?.Abandon();
            debugPump?.Abandon();
            machine.Stop();
            end = machine.Wait();
        }

        TimeSpan patience = StandardOutput.IsTerminal ? PatienceWithTerminal : PatienceWithReader;
        serialPump?.Flush(patience);
        debugPump?.Flush(patience);
        return (end!, timedOut);

        void LeaveByKey()
        {
            serialPump?.Abandon();
            machine.Stop();
        }
    }

    private static int Tell(VirtualMachine machine, VmEnd end, bool timedOut, TimeSpan? timeout)
    {
        int status = TellEnd(machine, end, timedOut, timeout);
        if (machine.Config.Software.Lockstep && end.Reason != VmEndReason.EnginesDiffer)
        {
            Messages.Say($"Lockstep: {machine.GetStatistics()?.Translation?.BlocksCompared ?? 0} blocks compared, no difference.");
        }

        if (machine.Config.Software.Statistics) Messages.Write(StatisticsText.Of(machine.GetStatistics()));
        return status;
    }

    private static int TellEnd(VirtualMachine machine, VmEnd end, bool timedOut, TimeSpan? timeout)
    {
        if (timedOut)
        {
            Messages.Say($"The guest did not end within {Numbers.Show(timeout!.Value)} s. {Remedies.Tell(end)}");
            return ExitStatus.Timeout;
        }

        if (end.Reason is not (VmEndReason.PowerOff or VmEndReason.DebugExit or VmEndReason.Stopped)) Messages.Say(Remedies.Tell(end));
        StringWriter explanation = new(CultureInfo.InvariantCulture);
        if (EndExplanation.Write(machine, end, explanation, Messages.IsColourful)) Messages.Write(explanation.ToString());
        return end.Error is null ? ExitStatus.Of(end) : Messages.StatusOf(end.Error);
    }

    private static void TellTimes(VirtualMachine machine, DateTime? processStart)
    {
        MachineTimestamps times = machine.Timestamps;
        Messages.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"process start {(processStart is { } start ? $"{start:HH:mm:ss.ffffff}" : "unknown")}, vCPU ready {times.VcpuReady:HH:mm:ss.ffffff}, " +
            $"first instruction {times.FirstInstruction:HH:mm:ss.ffffff} UTC; {machine.InstructionsExecuted} instructions {Counted(machine)}."));
    }

    // Translated code counts only for statistics.
    private static string Counted(VirtualMachine machine) =>
        machine.GetStatistics() is { Translation: not null, IsDetailed: false } ? "interpreted" : "executed";
}
