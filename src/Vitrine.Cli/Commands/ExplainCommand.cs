using System.CommandLine;
using System.Runtime.InteropServices;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.Explain.Symbols;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine explain: brings a machine from nothing to its first instruction, or on, and tells how.</summary>
internal static class ExplainCommand
{
    // A story is for reading: a guest that never comes to where it is to end shall not keep the reader waiting for ever.
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Option<string?> instructions = new("--instructions")
        {
            Description = $"Tell this many instructions, 1 to {StoryRequest.MostTold}; by default 1.",
            HelpName = "N",
        };
        Option<string?> until = new("--until")
        {
            Description = "Tell the first instruction, run on to this linear address, and tell the instruction there. With --symbols, also the name of a symbol.",
            HelpName = "ADDR",
        };
        Option<bool> untilExit = new("--until-exit")
        {
            Description = "Tell the first instruction, run on to the first access to a device, and tell the instruction that made it.",
        };
        GuestOptions guest = new();
        MachineOptions machine = new();
        StoryOutput output = new();
        StoryViewOptions views = new();
        SymbolOption symbols = new();
        ClientStoryOptions client = new();
        Command command = new(
            "explain",
            "Brings a machine from nothing to its first instruction and tells how: every call to the accelerator, the vCPU's state, what VM entry " +
            "checks, how the instruction is fetched through which translations, and what it does. Every fact is marked as observed or derived. " +
            $"Ends after {DefaultTimeout.TotalSeconds} s where --timeout says nothing else.");
        guest.AddTo(command);
        machine.AddTo(command);
        command.Options.Add(instructions);
        command.Options.Add(until);
        command.Options.Add(untilExit);
        output.AddTo(command);
        views.AddTo(command);
        symbols.AddTo(command);
        client.AddTo(command);
        command.SetAction(parsed =>
        {
            using PosixSignalRegistration limit = ProcessorTimeLimit.EndProcess();
            output.Check(parsed);
            StoryView view = views.Read(parsed);
            SymbolTable? table = symbols.Read(parsed);
            if (client.Read(parsed) is { } words) return client.Start(parsed, words, output, view);
            StoryRequest request = Read(parsed.GetValue(instructions), parsed.GetValue(until), parsed.GetValue(untilExit)) with
            {
                Until = parsed.GetValue(until) is { } place ? symbols.Address(place, until.Name, table) : null,
                Symbols = table,
                Timeout = machine.ReadTimeout(parsed) ?? DefaultTimeout,
            };
            BootSource boot = guest.Read(parsed);
            output.Spare(parsed, boot);
            Story story = StoryTeller.Tell(machine.Read(parsed, boot), request);
            output.Write(parsed, story, view, request.Timeout);
            return story.End.Reason == "timeout" ? ExitStatus.Timeout : ExitStatus.Success;
        });
        return command;
    }

    private static StoryRequest Read(string? instructions, string? until, bool untilExit)
    {
        int given = (instructions is null ? 0 : 1) + (until is null ? 0 : 1) + (untilExit ? 1 : 0);
        if (given > 1)
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                "More than one of --instructions, --until and --until-exit were given.",
                "A story has one end.",
                "Give one of them, or none for the first instruction.");
        }

        int count = instructions is null ? 1 : Numbers.Count(instructions, "--instructions");
        if (count < 0)
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"{count} instructions were asked for.",
                $"A story tells at least 1 and at most {StoryRequest.MostTold}.",
                "Give another number to --instructions.");
        }

        return new StoryRequest
        {
            Instructions = (ulong)count,
            UntilExit = untilExit,
        };
    }
}
