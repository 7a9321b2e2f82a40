namespace Vitrine.Cli;

/// <summary>
/// Exit statuses of the command. A guest's debug exit gives (v &lt;&lt; 1) | 1, which is odd, so that all others are even.
/// </summary>
internal static class ExitStatus
{
    /// <summary>The guest powered off, or the command did what it was asked for.</summary>
    public const int Success = 0;

    /// <summary>The request can't be carried out as given (EX_USAGE of sysexits.h).</summary>
    public const int UserError = 64;

    /// <summary>Vitrine or the accelerator failed (EX_SOFTWARE).</summary>
    public const int InternalError = 70;

    /// <summary>The host refused or failed (EX_OSFILE).</summary>
    public const int HostError = 72;

    /// <summary>The guest triple-faulted.</summary>
    public const int TripleFault = 80;

    /// <summary>The guest halted for ever.</summary>
    public const int HaltForever = 82;

    /// <summary>The guest asked for a reset, and --no-reboot was given.</summary>
    public const int Reset = 84;

    /// <summary>The guest reported a crash.</summary>
    public const int GuestCrash = 86;

    /// <summary>The CPU refused to enter the guest; check-entry: it would refuse.</summary>
    public const int FailEntry = 88;

    /// <summary>Left with Ctrl-A X or by a signal, or the guest's output takes no more.</summary>
    public const int Stopped = 90;

    /// <summary>With --lockstep: translator and interpreter differ.</summary>
    public const int EnginesDiffer = 92;

    /// <summary>The time given with --timeout is over (as timeout(1)).</summary>
    public const int Timeout = 124;

    /// <summary>The table for --help.</summary>
    public const string Help =
        """
        Exit status:
          0          the guest powered off
          (v<<1)|1   the guest wrote v to the debug-exit port 0xf4 (8 bits; always odd)
          64         user error: an argument, a file, a configuration
          70         internal error of Vitrine or the accelerator
          72         host error: a device node, a capability, memory
          80         triple fault
          82         the guest halted with interrupts disabled
          84         the guest asked for a reset and --no-reboot was given
          86         the guest reported a crash
          88         the CPU refused to enter the guest; check-entry: it refuses
          90         stopped by Ctrl-A X or a signal, or output is closed or full
          92         --lockstep: the translator and the interpreter differ
          124        the time given with --timeout was over
        """;

    /// <summary>The table of check-entry.</summary>
    public const string CheckEntryHelp =
        """
        Exit status:
          0          no check fails
          64         the file can't be read as a dump, or has too little to judge
          88         a check fails: a processor refuses; or the dump says that one did
        """;

    /// <summary>The status for how a machine ended.</summary>
    public static int Of(VmEnd end) => end.Reason switch
    {
        VmEndReason.PowerOff => Success,
        VmEndReason.DebugExit => (int)(((end.Value << 1) | 1) & 0xFF),
        VmEndReason.Reset => Reset,
        VmEndReason.TripleFault => TripleFault,
        VmEndReason.HaltForever => HaltForever,
        VmEndReason.GuestCrash => GuestCrash,
        VmEndReason.FailEntry => FailEntry,
        VmEndReason.EnginesDiffer => EnginesDiffer,
        VmEndReason.Stopped => Stopped,
        _ => end.Error is null ? InternalError : HostError,
    };
}
