using System.Diagnostics;
using System.Text.RegularExpressions;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Cli.Serving;
using Vitrine.Tests.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Documentation;

/// <summary>
/// The commands of README.md and docs/ run, and end as a reader expects. Those of docs/first-instruction.md that show their output are compared with it elsewhere.
/// </summary>
public sealed partial class DocumentedCommandsTests : IDisposable
{
    private const string SeaBiosFolder = "/usr/share/seabios/";

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-docs-").FullName;

    /// <summary>The command as printed, its exit status, and what it has to say on either stream.</summary>
    public static TheoryData<string, int, string> Cases => new()
    {
        { "./vitrine --version", 0, "vitrine " },
        { "./vitrine demo", 0, DemoFiles.Prompt },
        { "./vitrine check", 0, "served works" },
        { "./vitrine run --kernel vmlinuz --initrd initrd.img --append \"console=ttyS0\" --memory 512M", 0, DemoFiles.Prompt },
        { "./vitrine run --firmware /usr/share/seabios/bios-microvm.bin --debugcon stdio --timeout 10", 124, "SeaBIOS" },
        { "./vitrine run --flat code.bin@0x7c00 --mode real", 85, "" },
        { "./vitrine explain --firmware /usr/share/seabios/bios-256k.bin", 0, "0xfffffff0" },
        { "./vitrine explain --kernel vmlinuz --accel soft --mmu two-dimensional --format html --output story.html", 0, "" },
        { "./vitrine explain --flat code.bin@0x7c00 --mode real --until-exit", 0, "0xf4" },
        { "./vitrine explain --help", 0, "--until-exit" },
        { "./vitrine explain --firmware bios.bin --brief", 0, "jmp 0xf000:0xe05b" },
        { "./vitrine explain --kernel vmlinuz --section entry,fetch", 0, "4. Fetch of instruction 1" },
        { "./vitrine translate --gva 0xffffffff81000000 --kernel vmlinuz --append nokaslr --after 2", 0, "PML4E" },
        { "./vitrine check-entry dmesg.txt", 88, "guest.cs.base.vm86" },
        { "./vitrine check-entry dump.txt", 88, "guest.cs.base.vm86" },
        { "dmesg | vitrine check-entry -", 88, "guest.cs.base.vm86" },
        { "./vitrine disasm-block 0x100005 --flat loop.bin@0x100000", 0, "5 instructions, 13 bytes" },
        {
            "./vitrine run --kernel vmlinuz --initrd initramfs.cpio --append \"console=ttyS0 panic=-1\" --memory 512M --no-reboot --soft translator --stats",
            0,
            "Statistics of the software CPU: translator"
        },
        { "./vitrine run --flat loop.bin@0x100000 --lockstep", 3, "blocks compared, no difference" },
    };

    /// <summary>Commands that need what serves /dev/kvm, and QEMU.</summary>
    public static TheoryData<string, string> ServedCases => new()
    {
        { "./vitrine kvm -- qemu-system-x86_64 -accel kvm -m 1G -kernel vmlinuz -initrd initrd.img -append console=ttyS0 -nographic", DemoFiles.Prompt },
        {
            "./vitrine kvm --explain story.html --trace calls.txt -- qemu-system-x86_64 -accel kvm -m 1G -kernel vmlinuz -initrd initrd.img -append console=ttyS0 -nographic",
            DemoFiles.Prompt
        },
        { "./vitrine kvm --print-env", "VITRINE_KVM_CORE=" },
    };

    [Theory]
    [MemberData(nameof(ServedCases))]
    public void AServedCommandOfTheDocumentationEndsAsExpected(string command, string says)
    {
        ServingParts.SkipUnlessPresent();
        string[] words = Words(command);
        bool boots = words.Contains("qemu-system-x86_64");
        Assert.SkipUnless(!boots || File.Exists("/usr/bin/qemu-system-x86_64"), "QEMU is not installed (Debian package qemu-system-x86)");
        Prepare(words);

        // With a KVM at full speed nothing is served unless it is forced.
        string[] arguments = boots ? [.. words[1..2], "--force", .. words[2..]] : words[1..];
        (int ended, string output, string errors) = VitrineCommand.Run(arguments, boots ? "poweroff\n" : "", _folder, boots ? DemoFiles.Prompt : null);
        Assert.True(ended == 0, $"Status {ended}. {errors}");
        Assert.Contains(says, output + errors, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ACommandOfTheDocumentationEndsAsExpected(string command, int status, string says)
    {
        string[] words = Words(command);
        Prepare(words);
        bool isShell = words.Contains("--kernel") && words[1] == "run" || words[1] == "demo";
        (int ended, string output, string errors) = VitrineCommand.Run(
            words[1..],
            isShell ? "poweroff\n" : words[^1] == "-" ? SampleDumps.Vmcs4 : "",
            _folder,
            isShell ? DemoFiles.Prompt : null);
        Assert.True(ended == status, $"Status {ended} instead of {status}. {errors}");
        Assert.Contains(says, output + errors, StringComparison.Ordinal);
    }

    /// <summary>The accelerator is that of the machine at hand: what it says of KVM depends on it.</summary>
    [Fact]
    public void AStoryOnKvmIsToldOrRefusedWithTheReason()
    {
        const string Command = "./vitrine explain --firmware bios.bin --accel kvm --format html --output story.html";
        Assert.Contains(Command, Documented());
        string[] words = Words(Command);
        Prepare(words);
        (int status, _, string errors) = VitrineCommand.Run(words[1..], folder: _folder);
        if (status != 0) Assert.Equal((72, true), (status, errors.Contains("/dev/kvm", StringComparison.Ordinal)));
    }

    [Fact]
    public void EveryCommandOfTheDocumentationIsACaseAndEveryCaseIsDocumented()
    {
        string[] shown = [.. Explain.FirstInstructionPage.Boxes().SelectMany(box => box.Commands)];
        string[] here = [.. Cases.Select(row => row.Data.Item1), .. ServedCases.Select(row => row.Data.Item1)];
        Assert.Equal(here.Order(), Documented().Except(shown).Where(command => !NeedsHostKvm(command)).Distinct().Order());
    }

    // What the host's own KVM does with a whole kernel depends on the host; RealKvmTests run small guests with these options.
    private static bool NeedsHostKvm(string command) =>
        command.Contains("--accel kvm", StringComparison.Ordinal) || command.Contains("kvm --real", StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IEnumerable<string> Pages() =>
        [Path.Combine(RepositoryRoot.Path, "README.md"), .. Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md")];

    private static string[] Documented() =>
        [.. Pages().SelectMany(File.ReadLines).Select(line => CommandLine().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value.TrimEnd())];

    // With the quotes taken off, and what stands before a pipe.
    private static string[] Words(string command)
    {
        string alone = command[(command.IndexOf('|', StringComparison.Ordinal) + 1)..].Trim();
        return [.. Word().Matches(alone).Select(match => match.Value.Trim('"'))];
    }

    private void Prepare(string[] words)
    {
        foreach (string word in words.Where(word => word.StartsWith(SeaBiosFolder, StringComparison.Ordinal)))
        {
            Assert.SkipUnless(File.Exists(word), "SeaBIOS is not installed (Debian package seabios)");
        }

        if (words.Contains("bios.bin"))
        {
            Assert.SkipUnless(File.Exists(SeaBiosFolder + "bios-256k.bin"), "SeaBIOS is not installed (Debian package seabios)");
            File.CreateSymbolicLink(Path.Combine(_folder, "bios.bin"), SeaBiosFolder + "bios-256k.bin");
        }

        if (words.Contains("vmlinuz") || words[1] == "demo") DemoFiles.LinkInto(_folder);
        foreach (string dump in words.Where(word => word is "dmesg.txt" or "dump.txt")) File.WriteAllText(Path.Combine(_folder, dump), SampleDumps.Vmcs4);
        foreach (string line in Pages().SelectMany(File.ReadLines).Where(line => line.TrimStart().StartsWith("printf ", StringComparison.Ordinal)))
        {
            Process.Start(new ProcessStartInfo("/bin/bash", ["-c", line]) { WorkingDirectory = _folder })!.WaitForExit();
        }
    }

    // A line of a code block: indented, or behind a prompt.
    [GeneratedRegex(@"^(?:    |\$ )((?:\./vitrine|\S+ \| vitrine) .*)$")]
    private static partial Regex CommandLine();

    [GeneratedRegex("\"[^\"]*\"|[^ \"]+")]
    private static partial Regex Word();
}
