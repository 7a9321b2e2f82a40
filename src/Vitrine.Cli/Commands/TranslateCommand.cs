using System.CommandLine;
using Vitrine.Errors;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine translate: how an address of a guest finds its way to host memory.</summary>
internal static class TranslateCommand
{
    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Option<string?> gva = new("--gva") { Description = "The linear (guest-virtual) address.", HelpName = "ADDR" };
        Option<string> access = new("--access")
        {
            Description = "What is done there: read, write or fetch; with -user behind it in user mode.",
            HelpName = "ACCESS",
            DefaultValueFactory = _ => "read",
        };
        Option<string?> until = new("--until") { Description = "Run the guest to this linear address first.", HelpName = "ADDR" };
        Option<string?> after = new("--after") { Description = "Let the guest run for this many seconds first.", HelpName = "SECONDS" };
        GuestOptions guest = new();
        MachineOptions machine = new();
        StoryOutput output = new();
        Command command = new(
            "translate",
            "Tells how a linear address of a guest finds its way to host memory: page walk, memory slot, host address, and what the MMU holds for it. " +
            "The guest stands at its first instruction, or where --until or --after let it run to. Nothing in it is changed.");
        guest.AddTo(command);
        machine.AddTo(command);
        command.Options.Add(gva);
        command.Options.Add(access);
        command.Options.Add(until);
        command.Options.Add(after);
        output.AddTo(command);
        command.SetAction(parsed =>
        {
            output.Check(parsed);
            Gva address = new(Numbers.Address(parsed.GetValue(gva) ?? throw NoAddress(), gva.Name));
            PageAccess wanted = ReadAccess(parsed.GetValue(access)!);
            ulong? stop = parsed.GetValue(until) is { } place ? Numbers.Address(place, until.Name) : null;
            TimeSpan? time = parsed.GetValue(after) is { } seconds ? Numbers.Seconds(seconds, after.Name) : null;
            using VirtualMachine vm = VirtualMachine.Create(machine.Read(parsed, guest.Read(parsed)));
            bool reached = RunTo(vm, stop, time, machine.ReadTimeout(parsed) ?? TimeSpan.FromMinutes(1));
            TranslationStory story = vm.Explain(address, wanted);
            output.Write(parsed, story);
            return reached ? ExitStatus.Success : ExitStatus.Timeout;
        });
        return command;
    }

    private static bool RunTo(VirtualMachine machine, ulong? until, TimeSpan? after, TimeSpan timeout)
    {
        if (after is { } time)
        {
            machine.Start();
            if (machine.Wait(time) is { } end)
            {
                Messages.Say($"The guest ended before; this is how it stands. {end.Report}");
                return true;
            }

            machine.Pause();
        }

        if (until is not { } address) return true;
        StepReport report = machine.StepUntil(address, timeout: timeout);
        if (report.Outcome == StepOutcome.Reached) return true;
        Messages.Say(report.End is { } ended
            ? $"The guest ended before it came to 0x{address:x}; this is how it stands. {ended.Report}"
            : $"The guest did not come to 0x{address:x} within {timeout.TotalSeconds} s; this is how it stands.");
        return false;
    }

    private static PageAccess ReadAccess(string text)
    {
        (string kind, PageAccess user) = text.EndsWith("-user", StringComparison.Ordinal) ? (text[..^5], PageAccess.User) : (text, PageAccess.Read);
        return user | kind switch
        {
            "read" => PageAccess.Read,
            "write" => PageAccess.Write,
            "fetch" => PageAccess.Fetch,
            _ => throw VitrineException.User(
                $"--access '{text}' is not an access.",
                "The accesses are read, write and fetch, and in user mode read-user, write-user and fetch-user.",
                "Give one of them, or leave it out for read."),
        };
    }

    private static VitrineException NoAddress() => VitrineException.User(
        "No address was given.",
        "A translation needs a linear address to begin with.",
        "Give one, like --gva 0xfffffff0.");
}
