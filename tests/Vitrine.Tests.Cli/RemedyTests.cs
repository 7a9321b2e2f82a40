using System.Text.RegularExpressions;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Cli;
using Vitrine.Cli.Commands;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Tests.Errors;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>What the command says to do about the library's errors.</summary>
public sealed partial class RemedyTests
{
    private static readonly MachineConfig s_config = new() { Boot = new BootSource.Flat("code.bin", default, 0, FlatMode.Real) };

    public static TheoryData<string, VitrineException, string> Errors()
    {
        TheoryData<string, VitrineException, string> rows = [];
        void Add(MachineConfig config, string remedy)
        {
            VitrineException error = Assert.Throws<VitrineException>(config.Check);
            rows.Add(error.Code, error, remedy);
        }

        Add(s_config with { MemoryBytes = 0 }, "Give a size such as --memory 512M.");
        Add(s_config with { MemoryBytes = 512 }, "Give a size with a unit, such as --memory 512M.");
        Add(s_config with { MemoryBytes = 1UL << 50 }, "Give a size in that range, such as --memory 512M.");
        Add(s_config with { Cpus = 9 }, "Give --cpus with a number from 1 to 8.");
        Add(s_config with { Cpus = 2, Software = new SoftwareOptions { Mmu = MmuMode.Shadow } }, "Leave --mmu out or give --mmu two-dimensional, or give --cpus 1.");
        Add(s_config with { Software = new SoftwareOptions { Mmu = MmuMode.Shadow }, Accelerator = AcceleratorChoice.Kvm }, "Leave --mmu out, or give --accel soft.");
        Add(s_config with { Software = new SoftwareOptions { Engine = SoftwareEngine.Interpreter }, Accelerator = AcceleratorChoice.Kvm }, "Leave --soft out, or give --accel soft.");
        Add(s_config with { Software = new SoftwareOptions { Lockstep = true }, Accelerator = AcceleratorChoice.Kvm }, "Leave --accel and --soft out, or --lockstep.");
        rows.Add("a missing node", KvmError.FromOpen("/dev/kvm", Errno.ENODEV, null), "Load kvm_intel or kvm_amd with modprobe, or use --accel soft.");
        rows.Add(
            "an error of no known cause",
            KvmError.FromOpen("/dev/kvm", Errno.EIO, null),
            "Run `vitrine check` to see what this host offers, or use the software CPU with --accel soft.");
        rows.Add("a limit", KvmError.FromOpen("/dev/kvm", Errno.EMFILE, null), "Raise it with `ulimit -n`, or run fewer machines in one process.");
        return rows;
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public void TheThirdSentenceNamesOptions(string what, VitrineException error, string remedy)
    {
        Assert.Equal((what, remedy), (what, Remedies.Of(error)));
        Assert.Equal($"{error.What} {error.Why} {remedy}", Remedies.Tell(error));
    }

    [Fact]
    public void EveryCodeOfTheLibraryHasARow() => Assert.Equal(ErrorCodes.All.Values.Order(), Remedies.Codes.Order());

    [Fact]
    public void OptionsThatAreNamedExist()
    {
        string source = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "src/Vitrine.Cli/Remedies.cs"));
        IEnumerable<string> named = Option().Matches(source).Select(match => match.Value).Distinct();
        string[] known = [.. RunCommand.Build().Options.Select(option => option.Name)];
        Assert.Empty(named.Except(known));
    }

    [Fact]
    public void AReportIsFollowedByTheOptionsThatMayHelp()
    {
        Assert.Equal("It ended.", Remedies.Tell(new VmEnd(VmEndReason.PowerOff, 0, "It ended.")));
        EndAdvice advice = new() { Accelerator = AcceleratorChoice.Soft, CpuModel = "x86-64-v2" };
        Assert.EndsWith(
            "that is --cpu x86-64-v2, or --accel soft.",
            Remedies.Tell(new VmEnd(VmEndReason.InternalError, 0, "It failed.") { Advice = advice }),
            StringComparison.Ordinal);
        VitrineException error = Assert.Throws<VitrineException>((s_config with { MemoryBytes = 0 }).Check);
        Assert.EndsWith("--memory 512M.", Remedies.Tell(new VmEnd(VmEndReason.InternalError, 0, error.Message, error)), StringComparison.Ordinal);
    }

    [GeneratedRegex("--[a-z]+")]
    private static partial Regex Option();
}
