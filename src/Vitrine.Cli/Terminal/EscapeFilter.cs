namespace Vitrine.Cli.Terminal;

/// <summary>Finds Ctrl-A X, Ctrl-A H and Ctrl-A A in what is typed; everything else is the guest's.</summary>
internal sealed class EscapeFilter
{
    /// <summary>The help that Ctrl-A H shows.</summary>
    public const string Help =
        "Ctrl-A X  leave: ends the guest\nvitrine: Ctrl-A H  this help\nvitrine: Ctrl-A A  sends Ctrl-A to the guest";

    private const byte ControlA = 1;
    private bool _escaped;

    /// <summary>Splits what was typed.</summary>
    /// <param name="typed">The bytes typed.</param>
    /// <param name="forGuest">Receives what is the guest's; at least as long as <paramref name="typed"/>.</param>
    /// <param name="length">How many bytes of it are.</param>
    /// <returns>The last command among them. An escape that is not known is dropped with its key.</returns>
    public EscapeCommand Split(ReadOnlySpan<byte> typed, Span<byte> forGuest, out int length)
    {
        EscapeCommand command = EscapeCommand.None;
        length = 0;
        foreach (byte key in typed)
        {
            if (!_escaped)
            {
                if (key == ControlA) _escaped = true;
                else forGuest[length++] = key;
                continue;
            }

            _escaped = false;
            switch (key)
            {
                case (byte)'x' or (byte)'X':
                    return EscapeCommand.Leave;
                case (byte)'h' or (byte)'H' or (byte)'?':
                    command = EscapeCommand.Help;
                    break;
                case (byte)'a' or (byte)'A':
                    forGuest[length++] = ControlA;
                    break;
            }
        }

        return command;
    }
}
