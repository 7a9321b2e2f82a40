using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Translation;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine disasm-block: one block of guest code beside the host code that the translator makes of it.</summary>
internal static class DisasmBlockCommand
{
    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Argument<string?> address = new("ADDR")
        {
            Description = "Linear address of the block's first instruction.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        PlaceOptions place = new();
        GuestOptions guest = new();
        MachineOptions machine = new();
        Command command = new(
            "disasm-block",
            "Shows guest code beside the host code that the software CPU's translator makes of it, for one block: for each guest instruction the host " +
            "instructions, then what lies out of line. It comes from the translator that runs guests. The guest stands at its first instruction, or " +
            "where --until or --after let it run to; the code is translated for the mode it is in there. docs/translator.md tells how to read it.");
        command.Arguments.Add(address);
        guest.AddTo(command);
        machine.AddTo(command);
        place.AddTo(command);
        command.SetAction(parsed =>
        {
            using PosixSignalRegistration limit = ProcessorTimeLimit.EndProcess();
            ulong linear = Numbers.Address(parsed.GetValue(address) ?? throw NoAddress(), address.Name);
            place.Read(parsed);
            MachineConfig config = machine.Read(parsed, guest.Read(parsed));
            if (config.Accelerator == AcceleratorChoice.Kvm || config.Software.Engine == SoftwareEngine.Interpreter) throw NoTranslator();
            using VirtualMachine vm = VirtualMachine.Create(config with { Accelerator = AcceleratorChoice.Soft, Software = config.Software with { Engine = SoftwareEngine.Translator } });
            bool reached = place.Reach(vm, machine.ReadTimeout(parsed));
            BlockListing listing = vm.GetTranslator(0)!.ListBlock(linear);
            StringWriter text = new(CultureInfo.InvariantCulture);
            BlockListingText.Write(listing, text);
            StandardOutput.Writer.Write(text.ToString());
            return reached ? ExitStatus.Success : ExitStatus.Timeout;
        });
        return command;
    }

    private static VitrineException NoAddress() => VitrineException.User(
        CommandErrorCode.Arguments,
        "No address was given.",
        "A block begins at an address.",
        "Give the linear address of its first instruction, like 'vitrine disasm-block 0x100000 --flat code.bin@0x100000'.");

    private static VitrineException NoTranslator() => VitrineException.User(
        CommandErrorCode.Arguments,
        "A machine without the translator was asked for.",
        "KVM and the interpreter make no host code that could be shown.",
        "Leave --accel and --soft out.");
}
