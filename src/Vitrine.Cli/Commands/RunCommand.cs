using System.CommandLine;
using Vitrine.Cli.Terminal;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine run: boots a kernel, a firmware image or flat code.</summary>
internal static class RunCommand
{
    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Option<string> serial = new("--serial")
        {
            Description = "First serial port: stdio, file:PATH or null.",
            HelpName = "TARGET",
            DefaultValueFactory = _ => "stdio",
        };
        Option<string> debug = new("--debugcon")
        {
            Description = "Firmware's debug port 0x402: stdio, file:PATH or null.",
            HelpName = "TARGET",
            DefaultValueFactory = _ => "null",
        };
        Option<bool> noReboot = new("--no-reboot") { Description = "End when the guest asks for a reset, instead of starting it over." };
        Option<bool> times = new("--times") { Description = "Show at the end when the start reached which point." };
        Option<bool> statistics = new("--stats")
        {
            Description = "Show at the end what the software CPU did: translation, caches, exits, TLB, what was interpreted. Counting slows the guest down.",
        };
        Option<bool> lockstep = new("--lockstep")
        {
            Description = "Compare the software CPU's translator with its interpreter at the end of every block; end at the first difference and explain it. Slow.",
        };
        GuestOptions guest = new();
        MachineOptions machine = new();
        DeviceOptions devices = new();
        Command command = new(
            "run",
            "Boots a guest. In a terminal, Ctrl-A X leaves and Ctrl-A H helps. Set VITRINE_TRACE=1 for stack traces.");
        guest.AddTo(command);
        machine.AddTo(command);
        devices.AddTo(command);
        command.Options.Add(serial);
        command.Options.Add(debug);
        command.Options.Add(noReboot);
        command.Options.Add(times);
        command.Options.Add(statistics);
        command.Options.Add(lockstep);
        command.SetAction(parsed =>
        {
            MachineConfig config = Looking(machine.Read(parsed, guest.Read(parsed)), parsed.GetValue(statistics), parsed.GetValue(lockstep));
            using AttachedDevices attached = devices.Open(parsed);
            OutputTarget serialTarget = OutputTarget.Parse(parsed.GetValue(serial)!, serial.Name);
            OutputTarget debugTarget = OutputTarget.Parse(parsed.GetValue(debug)!, debug.Name);
            attached.Spare(serialTarget);
            attached.Spare(debugTarget);
            return ConsoleSession.Run(
                config with { ExitOnReset = parsed.GetValue(noReboot), Devices = attached.Devices },
                serialTarget,
                debugTarget,
                machine.ReadTimeout(parsed),
                parsed.GetValue(times));
        });
        return command;
    }

    private static MachineConfig Looking(MachineConfig config, bool statistics, bool lockstep) =>
        config with { Software = config.Software with { Statistics = statistics, Lockstep = lockstep } };
}
