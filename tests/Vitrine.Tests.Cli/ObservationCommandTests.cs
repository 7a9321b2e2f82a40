using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>vitrine run --stats and --lockstep, and vitrine disasm-block, as a user meets them.</summary>
public sealed class ObservationCommandTests : IDisposable
{
    private const int UserError = 64;
    private const int TripleFault = 80;
    private const int Timeout = 124;

    // mov ecx, 1000; dec ecx; jnz $-2; mov al, 1; mov dx, 0xf4; out dx, al: the same in 32-bit code.
    private static readonly byte[] s_loop = [0xB9, 0xE8, 0x03, 0, 0, 0xFF, 0xC9, 0x75, 0xFC, 0xB0, 1, 0x66, 0xBA, 0xF4, 0, 0xEE];

    // ud2, and no interrupt table.
    private static readonly byte[] s_fault = [0x0F, 0x0B];

    // jmp $
    private static readonly byte[] s_forever = [0xEB, 0xFE];

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-observe-").FullName;

    public static TheoryData<string, string> Mistakes => new()
    {
        { "run --flat {flat}@0x100000 --lockstep --soft interpreter", "the interpreter alone" },
        { "run --flat {flat}@0x100000 --lockstep --accel kvm", "with KVM" },
        { "run --flat {flat}@0x100000 --lockstep --cpus 2", "2 CPUs" },
        { "disasm-block --flat {flat}@0x100000", "No address" },
        { "disasm-block 0x100000", "Nothing to boot" },
        { "disasm-block here --flat {flat}@0x100000", "here" },
        { "disasm-block 0x10000000000 --flat {flat}@0x100000", "no block at linear address 0x10000000000" },
        { "disasm-block 0x1000 --flat {flat}@0x1000 --mode real", "real mode" },
        { "disasm-block 0x100000 --flat {flat}@0x100000 --soft interpreter", "without the translator" },
        { "disasm-block 0x100000 --flat {flat}@0x100000 --accel kvm", "without the translator" },
        { "disasm-block 0x100000 --flat {flat}@0x100000 --until nowhere", "nowhere" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void AMistakeIsToldInOneLine(string command, string named)
    {
        (int status, string output, string errors) = VitrineCommand.Run(command.Replace("{flat}", Write(s_loop), StringComparison.Ordinal).Split(' '));
        Assert.Equal(UserError, status);
        Assert.Equal("", output);
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("vitrine: ", line, StringComparison.Ordinal);
        Assert.Contains(named, line, StringComparison.Ordinal);
    }

    [Fact]
    public void StatisticsComeAtTheEndWhateverTheEndIs()
    {
        AssertStatistics(Run(s_loop, "--stats"), status: 3, "in translated code");
        AssertStatistics(Run(s_fault, "--stats"), TripleFault, "Exits of translated code");
        AssertStatistics(Run(s_forever, "--stats", "--timeout", "1"), Timeout, "Code caches");
        AssertStatistics(Run(s_loop, "--stats", "--soft", "interpreter"), status: 3, "decoded blocks");
    }

    [Fact]
    public void WithoutTheOptionThereAreNoStatistics()
    {
        (int status, _, string errors) = Run(s_loop);
        Assert.Equal((3, ""), (status, errors));
    }

    [Fact]
    public void TheShareThatWasInterpretedIsToldWithItsInstructions()
    {
        (_, _, string errors) = Run(s_loop, "--stats");
        string[] lines = errors.Split('\n');

        // 2,003 by the translator: all but OUT, which ends the guest before it is complete.
        Assert.Contains(lines, line => Words(line).StartsWith("in translated code 2,003 100.000 %", StringComparison.Ordinal));
        Assert.Contains(lines, line => Words(line) == "interpret 1");
    }

    [Theory]
    [InlineData("shadow")]
    [InlineData("two-dimensional")]
    [InlineData("nested")]
    public void ARunInLockstepTellsHowManyBlocksAgreed(string mmu)
    {
        (int status, _, string errors) = Run(s_loop, "--lockstep", "--mmu", mmu);
        Assert.Equal(3, status);
        Assert.Matches(@"^vitrine: Lockstep: [1-9][0-9]+ blocks compared, no difference\.\n$", errors);
    }

    [Fact]
    public void ABlockIsShownWhereTheGuestStands()
    {
        (int status, string output, string errors) = VitrineCommand.Run(["disasm-block", "0x100005", "--flat", $"{Write(s_loop)}@0x100000", "--mode", "protected"]);
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("32-bit code at 0x100005", output, StringComparison.Ordinal);
        Assert.Contains("100005  dec ecx", output, StringComparison.Ordinal);
        Assert.Contains("100007  jne 0x100005", output, StringComparison.Ordinal);
    }

    [Fact]
    public void AGuestCanBeLetRunToWhereItsBlockIsToBeShown()
    {
        // mov byte [rip+0], 0x90 puts a NOP in the place of the HLT behind it.
        byte[] changing = [0xC6, 0x05, 0, 0, 0, 0, 0x90, 0xF4, 0xC3];
        string file = Write(changing);
        (_, string before, _) = VitrineCommand.Run(["disasm-block", "0x100007", "--flat", $"{file}@0x100000"]);
        Assert.Contains("100007  hlt", before, StringComparison.Ordinal);
        (int status, string after, _) = VitrineCommand.Run(["disasm-block", "0x100007", "--flat", $"{file}@0x100000", "--until", "0x100007"]);
        Assert.Equal(0, status);
        Assert.Contains("100007  nop", after, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void AssertStatistics((int Status, string Output, string Errors) result, int status, string named)
    {
        Assert.Equal(status, result.Status);
        Assert.Equal("", result.Output);
        Assert.Contains("Statistics of the software CPU", result.Errors, StringComparison.Ordinal);
        Assert.Contains(named, result.Errors, StringComparison.Ordinal);
        Assert.Contains("TLB misses", result.Errors, StringComparison.Ordinal);
    }

    private static string Words(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private (int Status, string Output, string Errors) Run(byte[] code, params string[] options) =>
        VitrineCommand.Run(["run", "--flat", $"{Write(code)}@0x100000", "--accel", "soft", .. options]);

    private string Write(byte[] code)
    {
        string path = Path.Combine(_folder, "flat");
        File.WriteAllBytes(path, code);
        return path;
    }
}
