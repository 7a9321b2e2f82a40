namespace Vitrine.Cli.Terminal;

/// <summary>Carries standard input to the guest's serial port, on a thread of its own.</summary>
internal sealed class ConsoleInput
{
    private const string Hint =
        "Standard input has ended, and the guest runs on. What was typed before it listened may be lost: let input come later, as from " +
        "'(sleep 20; echo poweroff)', or end the guest with Ctrl-C or --timeout.";

    // Input that the guest doesn't take stays where it comes from, instead of filling memory.
    private const int MostWaiting = 4096;
    private static readonly TimeSpan WaitForGuest = TimeSpan.FromMilliseconds(10);

    // A shell's `fg` sends a process that runs no signal; this is soon enough for whoever typed that.
    private static readonly TimeSpan LookForForeground = TimeSpan.FromMilliseconds(200);

    // Long enough that a guest which was given its commands and carries them out has ended.
    private static readonly TimeSpan HintAfter = TimeSpan.FromSeconds(10);

    private readonly VirtualMachine _machine;
    private readonly RawTerminal? _terminal;
    private readonly EscapeFilter? _escapes;
    private readonly Action _leave;

    private ConsoleInput(VirtualMachine machine, RawTerminal? terminal, Action leave)
    {
        _machine = machine;
        _terminal = terminal;
        _leave = leave;
        _escapes = terminal is null ? null : new EscapeFilter();
    }

    /// <summary>Starts reading. The thread ends with the process: a read from a terminal can't be taken back.</summary>
    /// <param name="machine">Where the bytes go.</param>
    /// <param name="terminal">Where Ctrl-A is a command, and nothing is read in the background; null when all bytes are the guest's.</param>
    /// <param name="leave">Carries out Ctrl-A X.</param>
    public static void Start(VirtualMachine machine, RawTerminal? terminal, Action leave) =>
        new Thread(new ConsoleInput(machine, terminal, leave).Pump) { Name = "stdin", IsBackground = true }.Start();

    private void Pump()
    {
        byte[] typed = new byte[1024];
        byte[] forGuest = new byte[typed.Length];
        try
        {
            // Reading a terminal from the background would stop the process.
            while (_terminal?.TryEnter() == false) Thread.Sleep(LookForForeground);
            bool any = false;
            while (Libc.Read(StandardDescriptors.Input, typed) is > 0 and int count)
            {
                any = true;
                while (_escapes is null && _machine.SerialBacklog > MostWaiting) Thread.Sleep(WaitForGuest);
                if (_escapes is null) _machine.SendSerial(typed.AsSpan(0, count));
                else Take(typed.AsSpan(0, count), forGuest);
            }

            // The end of the input is not the end of the guest; but `echo poweroff |` may have wanted that.
            if (any && _escapes is null && _machine.Wait(HintAfter) is null) Messages.Say(Hint);
        }
        catch (ObjectDisposedException)
        {
            // The machine has ended while a key was on its way.
        }
    }

    private void Take(ReadOnlySpan<byte> typed, Span<byte> forGuest)
    {
        EscapeCommand command = _escapes!.Split(typed, forGuest, out int length);
        if (length > 0) _machine.SendSerial(forGuest[..length]);
        if (command == EscapeCommand.Help) Messages.Say(EscapeFilter.Help);
        if (command == EscapeCommand.Leave) _leave();
    }
}
