using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary>The options that say where a guest is to stand when it is looked at.</summary>
internal sealed class PlaceOptions
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(1);

    private readonly Option<string?> _until = new("--until") { Description = "Run the guest to this linear address first.", HelpName = "ADDR" };
    private readonly Option<string?> _after = new("--after") { Description = "Let the guest run for this many seconds first.", HelpName = "SECONDS" };
    private ulong? _address;
    private TimeSpan? _time;

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_until);
        command.Options.Add(_after);
    }

    /// <summary>Reads what was asked for.</summary>
    /// <exception cref="Errors.VitrineException">A value can't be understood.</exception>
    public void Read(ParseResult parsed)
    {
        _address = parsed.GetValue(_until) is { } place ? Numbers.Address(place, _until.Name) : null;
        _time = parsed.GetValue(_after) is { } seconds ? Numbers.Seconds(seconds, _after.Name) : null;
    }

    /// <summary>Brings a machine that has not started there, and leaves it standing. What goes otherwise is said on standard error.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="timeout">How long the way to an address may take; null for a minute.</param>
    /// <returns>False when the address was not reached.</returns>
    public bool Reach(VirtualMachine machine, TimeSpan? timeout)
    {
        TimeSpan patience = timeout ?? DefaultTimeout;
        if (_time is { } time)
        {
            machine.Start();
            if (machine.Wait(time) is { } end)
            {
                Messages.Say($"The guest ended before; this is how it stands. {Remedies.Tell(end)}");
                return true;
            }

            machine.Pause();
        }

        if (_address is not { } address) return true;
        StepReport report = machine.RunUntil(address, timeout: patience);
        if (report.Outcome == StepOutcome.Reached) return true;
        Messages.Say(report.End is { } ended
            ? $"The guest ended before it came to 0x{address:x}; this is how it stands. {Remedies.Tell(ended)}"
            : $"The guest did not come to 0x{address:x} within {Numbers.Show(patience)} s; this is how it stands.");
        return false;
    }
}
