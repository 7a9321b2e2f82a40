using System.CommandLine;
using System.Runtime.InteropServices;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine translate: how an address of a guest finds its way to host memory.</summary>
internal static class TranslateCommand
{
    private const string KernelMoves =
        "Nothing is mapped there. If the guest is Linux: it puts its kernel at a random address at each boot, not at that of System.map or vmlinux. " +
        "Give --append nokaslr to keep it there.";

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
        PlaceOptions place = new();
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
        place.AddTo(command);
        output.AddTo(command);
        command.SetAction(parsed =>
        {
            using PosixSignalRegistration limit = ProcessorTimeLimit.EndProcess();
            output.Check(parsed);
            Gva address = new(Numbers.Address(parsed.GetValue(gva) ?? throw NoAddress(), gva.Name));
            PageAccess wanted = ReadAccess(parsed.GetValue(access)!);
            place.Read(parsed);
            BootSource boot = guest.Read(parsed);
            output.Spare(parsed, boot);
            using VirtualMachine vm = VirtualMachine.Create(machine.Read(parsed, boot));
            bool reached = place.Reach(vm, machine.ReadTimeout(parsed));
            TranslationStory story = vm.Explain(address, wanted);
            output.Write(parsed, story, machine.ReadTimeout(parsed));
            if (story.Gpa is null && MayHaveMoved(boot, address)) Messages.Say(KernelMoves);
            return reached ? ExitStatus.Success : ExitStatus.Timeout;
        });
        return command;
    }

    // Linux draws the places of its image, its modules and its map of memory anew at each boot; all are in the upper half.
    private static bool MayHaveMoved(BootSource boot, Gva address) =>
        (long)address.Value < 0 && boot is BootSource.Kernel kernel && !kernel.CommandLine.Split(' ').Contains("nokaslr");

    private static PageAccess ReadAccess(string text)
    {
        (string kind, PageAccess user) = text.EndsWith("-user", StringComparison.Ordinal) ? (text[..^5], PageAccess.User) : (text, PageAccess.Read);
        return user | kind switch
        {
            "read" => PageAccess.Read,
            "write" => PageAccess.Write,
            "fetch" => PageAccess.Fetch,
            _ => throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"--access '{text}' is not an access.",
                "The accesses are read, write and fetch, and in user mode read-user, write-user and fetch-user.",
                $"{Suggestion.For(text, "read", "write", "fetch", "read-user", "write-user", "fetch-user")}Give one of them, or leave it out for read."),
        };
    }

    private static VitrineException NoAddress() => VitrineException.User(
        CommandErrorCode.Arguments,
        "No address was given.",
        "A translation needs a linear address to begin with.",
        "Give one, like --gva 0xfffffff0.");
}
