using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Observation;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Explain.Entry;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.Explain.State;
using Vitrine.Explain.Symbols;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Explain;

/// <summary>Brings a machine from nothing to its first instruction, or further, and tells how.</summary>
public static class StoryTeller
{
    /// <summary>Makes the machine, steps it as far as asked, and ends it.</summary>
    /// <param name="config">The machine; its calls are logged for the story.</param>
    /// <param name="request">How far to go.</param>
    /// <exception cref="VitrineException">The machine can't be made, or the request is out of bounds.</exception>
    public static Story Tell(MachineConfig config, StoryRequest request)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(request);
        Check(request);
        CallLog calls = new();

        // A run to an address is told with how many instructions it took, which has to be counted.
        SoftwareOptions software = request.Until is null ? config.Software : config.Software with { Statistics = true };
        using VirtualMachine machine = VirtualMachine.Create(config with { Calls = calls, Software = software });
        ProcessorState first = machine.ReadState(0);
        CpuidEntry[] cpuid = [.. machine.GetCpuid(0)];
        CreationStory creation = new(Numbered(calls.MachineCalls));
        StateStory state = TellState(machine, first, cpuid, calls);
        MachineFacts facts = TellMachine(machine);
        EntryStory entry = EntryExplanation.Of(first, cpuid);
        KernelPlacement? placement = request.Symbols is { } symbols ? new KernelPlacement(symbols, IsHeld(config.Boot)) : null;
        InstructionTeller teller = new(machine, request, placement);
        StoryEnd end = teller.Tell();

        // Where it ended may tell what the instructions told did not: a moved kernel's address was never reached, say.
        placement?.Follow(machine.ReadState(0));
        return new Story
        {
            Machine = facts,
            Creation = creation,
            State = state,
            Entry = entry,
            Instructions = teller.Told,
            Symbols = placement?.Tell(),
            End = end,
        };
    }

    private static bool IsHeld(BootSource boot) => boot is BootSource.Kernel kernel && kernel.CommandLine.Split(' ').Contains("nokaslr");

    private static void Check(StoryRequest request)
    {
        if (request.Instructions is >= 1 and <= StoryRequest.MostTold) return;
        throw VitrineException.User(
            ErrorCode.StoryLength,
            $"{request.Instructions} instructions were asked for.",
            $"A story tells 1 to {StoryRequest.MostTold} instructions one by one.",
            "Give a number in that range, or run on to an address or an exit.")
            .With("instructions", request.Instructions).With("maximum", StoryRequest.MostTold);
    }

    // From 1 on: the log also counts the calls that were made for this story's sake.
    private static List<CallRecord> Numbered(IReadOnlyList<CallRecord> calls)
    {
        Dictionary<int, int> numbers = new() { [0] = 0 };
        foreach (CallRecord call in calls) numbers[call.Number] = numbers.Count;
        return [.. calls.Select(call => call with { Number = numbers[call.Number], Parent = numbers.GetValueOrDefault(call.Parent) })];
    }

    private static MachineFacts TellMachine(VirtualMachine machine)
    {
        MachineConfig config = machine.Config;
        (string mmu, Evidence evidence) = machine.GetMmu(0) is { } own
            ? (own.Mode == MmuMode.Shadow ? "shadow" : "two-dimensional", Evidence.Observed)
            : (KvmMmu.OfThisHost().Name, Evidence.Derived);
        return new MachineFacts(
            GuestText(config.Boot), config.MemoryBytes, config.CpuModel, machine.Accelerator, mmu, evidence, [.. machine.Memory.Slots.Select(Facts.Of)]);
    }

    private static string GuestText(BootSource boot) => boot switch
    {
        BootSource.Kernel kernel => $"kernel {kernel.Path}{(kernel.Initrd is null ? "" : $", initrd {kernel.Initrd}")}{(kernel.CommandLine.Length == 0 ? "" : $", command line \"{kernel.CommandLine}\"")}",
        BootSource.Firmware firmware => $"firmware {firmware.Path}",
        BootSource.Flat flat => $"flat code {flat.Path} at {flat.Address}, starts at 0x{flat.Entry:x}, {ModeText(flat.Mode)}",
        BootSource.FlatBytes flat => $"flat code of {flat.Code.Length} bytes at {flat.Address}, starts at 0x{flat.Entry:x}, {ModeText(flat.Mode)}",
        _ => boot.ToString(),
    };

    private static string ModeText(FlatMode mode) => mode switch
    {
        FlatMode.Real => "real mode",
        FlatMode.Protected => "protected mode",
        _ => "64-bit mode",
    };

    private static StateStory TellState(VirtualMachine machine, ProcessorState state, CpuidEntry[] cpuid, CallLog calls) => new(
        StateExplanation.Settings(machine.Config.CpuModel, cpuid, machine.Accelerator == "kvm"),
        StateExplanation.Registers(state, new CpuidTable(cpuid).Signature, beforeFirst: true),
        [.. calls.Puts.Where(put => put.Vcpu == 0).Select(Facts.Of)]);
}
