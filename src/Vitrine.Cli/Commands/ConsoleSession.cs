using System.Globalization;
using System.Runtime.InteropServices;
using Vitrine.Cli.Terminal;
using Vitrine.Explain;

namespace Vitrine.Cli.Commands;

/// <summary>One guest from start to end, with its serial port on the user's console.</summary>
internal static class ConsoleSession
{
    // How long the last output may take to drain into a slow reader.
    private static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(5);

    private static readonly PosixSignal[] EndingSignals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];

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
        VirtualMachine? machine = null;
        using OutputPump? serialPump = serial.Open(() => StopWithoutOutput(serial, machine));
        using OutputPump? debugPump = debug.Open(() => StopWithoutOutput(debug, machine));
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
        try
        {
            (VmEnd end, bool timedOut) = Run(created, serial is OutputTarget.Stdio, timeout, serialPump, debugPump);
            return Tell(created, end, timedOut, timeout, showTimes);
        }
        finally
        {
            foreach (PosixSignalRegistration signal in signals) signal.Dispose();
        }
    }

    // A reader that is gone has had enough; a file that takes no more is a surprise.
    private static void StopWithoutOutput(OutputTarget target, VirtualMachine? machine)
    {
        if (target is OutputTarget.ToFile file)
        {
            Messages.Say(
                $"Writing the guest's output to '{file.Path}' failed, and the guest is stopped. " +
                "The disk is probably full. Make room, or choose another path after file:.");
        }

        machine?.Stop();
    }

    private static (VmEnd End, bool TimedOut) Run(
        VirtualMachine machine, bool interactive, TimeSpan? timeout, OutputPump? serialPump, OutputPump? debugPump)
    {
        // In the background there is no input: reading a terminal from there would stop the process.
        bool isTerminal = Libc.IsTerminal(Libc.StandardInput);
        bool mayRead = interactive && (!isTerminal || Libc.IsForeground(Libc.StandardInput));
        using RawTerminal? raw = mayRead ? RawTerminal.TryEnter() : null;
        if (mayRead) ConsoleInput.Start(machine, raw is not null, LeaveByKey);
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

        serialPump?.Flush(FlushTime);
        debugPump?.Flush(FlushTime);
        return (end!, timedOut);

        void LeaveByKey()
        {
            serialPump?.Abandon();
            machine.Stop();
        }
    }

    private static int Tell(VirtualMachine machine, VmEnd end, bool timedOut, TimeSpan? timeout, bool showTimes)
    {
        if (showTimes) TellTimes(machine);
        int status = TellEnd(machine, end, timedOut, timeout);
        if (machine.Config.Lockstep && end.Reason != VmEndReason.EnginesDiffer)
        {
            Messages.Say($"Lockstep: {machine.GetStatistics()?.Translation?.BlocksCompared ?? 0} blocks compared, no difference.");
        }

        if (machine.Config.Statistics) Messages.Write(StatisticsText.Of(machine.GetStatistics()));
        return status;
    }

    private static int TellEnd(VirtualMachine machine, VmEnd end, bool timedOut, TimeSpan? timeout)
    {
        if (timedOut)
        {
            Messages.Say($"The guest did not end within {timeout!.Value.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s.");
            Messages.Say(end.Report);
            return ExitStatus.Timeout;
        }

        if (end.Reason is not (VmEndReason.PowerOff or VmEndReason.DebugExit or VmEndReason.Stopped)) Messages.Say(end.Report);
        StringWriter explanation = new(CultureInfo.InvariantCulture);
        if (EndExplanation.Write(machine, end, explanation, Messages.IsColourful)) Messages.Write(explanation.ToString());
        return end.Error is null ? ExitStatus.Of(end) : Messages.StatusOf(end.Error);
    }

    private static void TellTimes(VirtualMachine machine)
    {
        MachineTimestamps times = machine.Timestamps;
        Messages.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"process start {times.ProcessStart:HH:mm:ss.ffffff}, vCPU ready {times.VcpuReady:HH:mm:ss.ffffff}, " +
            $"first instruction {times.FirstInstruction:HH:mm:ss.ffffff} UTC; {machine.InstructionsExecuted} instructions {Counted(machine)}."));
    }

    // Translated code counts only for statistics.
    private static string Counted(VirtualMachine machine) =>
        machine.GetStatistics() is { Translation: not null, IsDetailed: false } ? "interpreted" : "executed";
}
