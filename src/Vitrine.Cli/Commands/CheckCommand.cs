using System.CommandLine;
using System.Globalization;
using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Software;
using Vitrine.Cli.Terminal;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine check: what works on this host, and why not.</summary>
internal static class CheckCommand
{
    // The width of the column of names.
    private const int Indent = 7;

    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Command command = new("check", "Shows which accelerators work here, why not, what --accel auto chooses, and what the host's CPU offers.");
        command.SetAction(_ =>
        {
            StringWriter report = new(CultureInfo.InvariantCulture);
            Write(HostReport.Examine(), report);
            StandardOutput.Writer.Write(WordWrap.For(report.ToString(), StandardDescriptors.Output, Indent));
            return ExitStatus.Success;
        });
        return command;
    }

    /// <summary>Writes a report.</summary>
    internal static void Write(HostReport host, TextWriter output)
    {
        WriteKvm(host.Kvm, output);
        output.WriteLine(SoftwareAccelerator.HostHasTranslator
            ? "soft   works. It needs nothing of the host."
            : "soft   works, with the interpreter. It needs nothing of the host; the translator needs Linux on x86-64.");
        if (SoftwareAccelerator.HostHasTranslator)
        {
            output.WriteLine(host.NativeRefusal is { } refusal
                ? $"native does not work: the host refuses {refusal}. The software CPU translates the guest's user code."
                : "native works: the software CPU lets the host's processor run the guest's user code where that pays, in processes that can do nothing else.");
            output.WriteLine("served works: 'vitrine kvm -- COMMAND' gives another program, such as QEMU, a /dev/kvm that runs its guests on the software CPU.");
        }

        string anyway = host.Kvm is { Usable: true, EmulatesRing0: true } ? " --accel kvm would use it anyway." : "";
        output.WriteLine($"auto   {(host.AutomaticChoice == AcceleratorChoice.Kvm ? "kvm" : "soft")}. {host.Reason}{anyway}");
        output.WriteLine();
        string level = host.Cpu.Level == 0 ? "not x86-64" : string.Create(CultureInfo.InvariantCulture, $"x86-64-v{host.Cpu.Level}");
        output.WriteLine($"CPU    {host.Cpu.Name}, {level}");
        if (host.Cpu.Features.Count > 0) output.WriteLine($"       {string.Join(' ', host.Cpu.Features)}");
        if (host.AvailableMemory is { } bytes) output.WriteLine($"memory {bytes >> 20} MiB available for guests");
    }

    private static void WriteKvm(KvmReport kvm, TextWriter output)
    {
        output.WriteLine($"kvm    {Verdict(kvm)}");
        if (!kvm.Usable || kvm.EmulatesRing0)
        {
            foreach (string hint in kvm.Host.Hints) output.WriteLine($"       {hint}");
        }

        if (kvm.ApiVersion is { } version) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"       {kvm.DevicePath}, API version {version}"));
        if (kvm.Host.VendorModules.Count > 0)
        {
            string nested = kvm.Host.NestedAllowed switch { true => ", nested virtualisation on", false => ", nested virtualisation off", null => "" };
            output.WriteLine($"       modules {string.Join(", ", kvm.Host.VendorModules)}{nested}");
        }
    }

    private static string Verdict(KvmReport kvm) => kvm switch
    {
        { Problem: { } problem } => $"does not work. {Remedies.Tell(problem)}",
        { EmulatesRing0: true } => string.Create(
            CultureInfo.InvariantCulture,
            $"works, but emulates ring 0 instead of running it: {kvm.NanosecondsPerInstruction:0} ns for each kernel instruction, where hardware needs less than one."),
        { NanosecondsPerInstruction: { } nanoseconds } => string.Create(CultureInfo.InvariantCulture, $"works, at full speed ({nanoseconds:0.0} ns per kernel instruction)."),
        _ => "opens, but could not run the first instructions of a guest.",
    };
}
