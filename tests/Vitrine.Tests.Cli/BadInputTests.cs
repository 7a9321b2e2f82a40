using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Vitrine.Cli.Demo;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>
/// What a user can get wrong. Each ends with one error of three sentences on standard error, which names the value, with the
/// exit status for user errors, with nothing on standard output and without a stack trace.
/// </summary>
public sealed partial class BadInputTests : IDisposable
{
    private const int UserError = 64;
    private const int HostError = 72;

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // Arguments, with {name} for the files below, and a text that the error must contain.
    public static TheoryData<string, string> UserErrors => new()
    {
        { "", "run, demo, kvm, explain, translate, disasm-block, check-entry or check" },
        { "fly", "fly" },
        { "run", "Nothing to boot" },
        { "run --frobnicate", "--frobnicate" },
        { "run --kernel", "--kernel" },
        { "run --kernel {flat} --firmware {flat}", "--kernel and --firmware" },
        { "run --firmware {flat} --initrd {flat}", "--initrd" },
        { "run --kernel {flat} --mode real", "--mode" },
        { "run --kernel {missing}", "does not exist" },
        { "run --kernel {folder}", "can't" },
        { "run --kernel {nothing}", "'' can't be read: its path is empty." },
        { "run --kernel {flat} --initrd {nothing}", "'' can't be read: its path is empty." },
        { "run --firmware {nothing}", "'' can't be read: its path is empty." },
        { "run --kernel @vmlinuz", "'@vmlinuz' does not exist" },
        { "run --flat @0x7c00", "'@0x7c00' doesn't say where" },
        { "run --flat {flat}@0 --append @console", "--append was given with --flat" },
        { "run --kernel {empty}", "empty" },
        { "run --kernel /dev/zero", "no regular file but a device" },
        { "explain --firmware /dev/null", "no regular file but a device" },
        { "run --kernel {text}", "text" },
        { "run --kernel {truncated}", "truncated" },
        { "run --kernel {elf32}", "elf32" },
        { "run --kernel {elf64}", "elf64" },
        { "run --kernel {program}", "PVH" },
        { "run --firmware {missing}", "seabios" },
        { "run --firmware {odd}", "5000" },
        { "run --flat {flat}", "@" },
        { "run --flat {missing}@0x1000", "does not exist" },
        { "run --flat {flat}@zero", "'zero' is not an address" },
        { "run --flat code.bin@zero", "Give it like --flat code.bin@0x100000." },
        { "run --flat {flat}@", "@0x100000." },
        { "disasm-block zero --flat {flat}@0", "Give it like 0x100000." },
        { "rnu", "Did you mean 'run'?" },
        { "chekc-entry {flat}", "Did you mean 'check-entry'?" },
        { "run --memroy 5M", "Did you mean '--memory'?" },
        { "run --flat {flat}@0 --accel sotf", "Did you mean 'soft'?" },
        { "run --flat {flat}@0 --accel soft --cpu x86_64-v1", "Did you mean 'x86-64-v1'?" },
        { "run --flat {flat}@0 --soft trans", "Did you mean 'translator'?" },
        { "run --flat {flat}@0 --mmu shadwo", "Did you mean 'shadow'?" },
        { "run --flat {flat}@0 --mode reel", "Did you mean 'real'?" },
        { "run --flat {flat}@0 --serial stdoi", "Did you mean 'stdio'?" },
        { "explain --flat {flat}@0 --format htm", "Did you mean 'html'?" },
        { "translate --flat {flat}@0 --gva 0 --access raed-user", "Did you mean 'read-user'?" },
        { "check-entry {text} --format jsn", "Did you mean 'json'?" },
        { "run --flat {flat}@0x1000 --entry 0x9999999", "0x9999999" },
        { "run --flat {flat}@0x1000 --mode virtual", "virtual" },
        { "run --flat {flat}@0x10000000000", "0x10000000000" },
        { "run --flat {flat}@0x1000 --memory 0", "0 bytes" },
        { "run --flat {flat}@0x1000 --memory 1000001", "1000001" },
        { "run --flat {flat}@0x1000 --memory much", "much" },
        { "run --flat {flat}@0x1000 --memory 65G", "64 GiB" },
        { "run --flat {flat}@0x1000 --memory 99999999999G", "99999999999G" },
        { "run --flat {flat}@0x1000 --memory -5M", "-5M" },
        { "run --flat {flat}@0x1000 --accel soft --cpus 0", "0 CPUs" },
        { "run --flat {flat}@0x1000 --accel soft --cpus 1000", "1000 CPUs" },
        { "run --flat {flat}@0x1000 --cpus two", "two" },
        { "run --flat {flat}@0x1000 --cpu pentium", "x86-64-v1, x86-64-v2" },
        { "run --flat {flat}@0x1000 --cpu x86-64-v3 --soft interpreter", "x86-64-v1, x86-64-v2" },
        { "run --flat {flat}@0x1000 --cpu host --soft interpreter", "model host" },
        { "run --flat {flat}@0x1000 --accel warp", "warp" },
        { "run --flat {flat}@0x1000 --accel soft --mmu ept", "ept" },
        { "run --flat {flat}@0x1000 --accel kvm --mmu shadow", "MMU mode" },
        { "run --flat {flat}@0x1000 --accel soft --soft guess", "guess" },
        { "run --flat {flat}@0x1000 --accel kvm --soft interpreter", "engine" },
        { "run --flat {flat}@0x1000 --serial printer", "printer" },
        { "run --flat {flat}@0x1000 --serial file:/nonexistent/folder/log", "/nonexistent/folder/log" },
        { "run --flat {flat}@0x1000 --serial file:", "no path behind file:" },
        { "run --flat {flat}@0x1000 --serial file:{flat}", "would overwrite what the guest is loaded from" },
        { "run --kernel {text} --initrd {flat} --debugcon file:{flat}", "would overwrite what the guest is loaded from" },
        { "run --firmware {odd} --serial file:{odd}", "would overwrite what the guest is loaded from" },
        { "explain --flat {flat}@0 --output {flat}", "would overwrite what the guest is loaded from" },
        { "translate --flat {flat}@0 --gva 0 -o {flat}", "would overwrite what the guest is loaded from" },
        { "explain --flat {flat}@0 -o {folder}", "it is a folder." },
        { "explain --flat {flat}@0 -o {nothing}", "its path is empty." },
        { "explain --flat {flat}@0 -o {flat}/story", "there is no folder" },
        { "run --flat {flat}@0x1000 --timeout soon", "soon" },
        { "run --flat {flat}@0x1000 --timeout 2073601", "at most 2073600." },
        { "translate --flat {flat}@0 --gva 0 --after -1", "Give it like --after 60." },
        { "run --flat {flat}@0x1000 --timeout 0", "'0'" },
        { "run --flat {flat}@0x1000 --disk {missing}", "missing" },
        { "run --flat {flat}@0x1000 --disk {folder}", "is neither" },
        { "run --flat {flat}@0x1000 --disk {odd} --serial file:{odd}", "would overwrite a disk of the guest" },
        { "run --flat {flat}@0x1000 --disk {odd},readonly --debugcon file:{odd}", "would overwrite a disk of the guest" },
        { "run --flat {flat}@0x1000 --disk {odd} --disk {odd}", "odd" },
        { "run --flat {flat}@0x1000 --disk {flat},readnly", "Did you mean 'readonly'?" },
        { "run --flat {flat}@0x1000 --disk {flat},cache=much", "'cache=much' says nothing about a disk" },
        { "run --flat {flat}@0x1000 --disk ,overlay", "names no file" },
        { "run --flat {flat}@0x1000 --disk {flat},serial=123456789012345678901", "123456789012345678901" },
        { "demo --memory 3", "multiple of 4096" },
        { "check-entry", "Required argument" },
        { "check-entry {missing}", "does not exist" },
        { "check-entry {nothing}", "'' can't be read: its path is empty." },
        { "check-entry {folder}", "folder" },
        { "check-entry {empty}", "no dump" },
        { "check-entry {text}", "no dump" },
        { "check-entry {program}", "binary" },
        { "check-entry /dev/zero", "4 MiB" },
        { "check-entry {text} --format yaml", "yaml" },
    };

    [Theory]
    [MemberData(nameof(UserErrors))]
    public void AUsersErrorIsToldInThreeSentences(string command, string named)
    {
        (int status, string output, string errors) = VitrineCommand.Run([.. Split(command), .. Hermetic(command)]);
        AssertThreeSentences(errors);
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.Equal("", output);
        Assert.Equal(UserError, status);
    }

    [Fact]
    public void AnUnreadableKernelIsTold()
    {
        Assert.SkipWhen(Environment.UserName == "root", "root may read every file");
        string path = Write("secret", new byte[8192]);
        File.SetUnixFileMode(path, UnixFileMode.None);
        (int status, _, string errors) = VitrineCommand.Run(["run", "--kernel", path]);
        AssertThreeSentences(errors);
        Assert.Equal(UserError, status);
    }

    [Fact]
    public void AnInitrdLargerThanMemoryIsTold()
    {
        // A real kernel's first sectors would do, but the smallest one that loads is the demo's.
        string? kernel = LinuxInCache;
        Assert.SkipWhen(kernel is null, "no kernel in the cache folder; 'vitrine demo' fetches one");
        string initrd = Path.Combine(_folder, "large");
        using (FileStream file = File.Create(initrd)) file.SetLength(256 << 20);
        (int status, _, string errors) = VitrineCommand.Run(["run", "--kernel", kernel!, "--initrd", initrd, "--memory", "128M", "--accel", "soft"]);
        AssertThreeSentences(errors);
        Assert.Contains("large", errors, StringComparison.Ordinal);
        Assert.Equal(UserError, status);
    }

    [Fact]
    public void MoreMemoryThanTheHostHasIsTheHostsError()
    {
        Assert.SkipWhen(HostMemory.AvailableBytes is null or >= 64UL << 30, "this host has 64 GiB to give, or doesn't say");
        (int status, _, string errors) = VitrineCommand.Run(["run", "--flat", $"{Write("flat", [0xF4])}@0x1000", "--memory", "64G", "--accel", "soft"]);
        AssertThreeSentences(errors);
        Assert.Equal(HostError, status);
    }

    [Fact]
    public void KvmWithoutItsDeviceNodeIsTheHostsError()
    {
        Assert.SkipWhen(File.Exists("/dev/kvm"), "this host has /dev/kvm");
        (int status, _, string errors) = VitrineCommand.Run(["run", "--flat", $"{Write("flat", [0xF4])}@0x1000", "--accel", "kvm"]);
        AssertThreeSentences(errors);
        Assert.Equal(HostError, status);
    }

    [Theory]
    [InlineData("--version", "vitrine ")]
    [InlineData("--help", "Exit status:")]
    [InlineData("run --help", "Exit status:")]
    [InlineData("demo --help", "apt-get download")]
    [InlineData("check --help", "accelerators")]
    [InlineData("check-entry --help", "Exit status:")]
    public void HelpIsOnStandardOutputWithStatusZero(string command, string contained)
    {
        (int status, string output, string errors) = VitrineCommand.Run(Split(command));
        Assert.Contains(contained, output, StringComparison.Ordinal);
        Assert.Equal("", errors);
        Assert.Equal(0, status);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string? LinuxInCache
    {
        get
        {
            string? path = LinuxGuest.DefaultFolder is { } folder ? Path.Combine(folder, "vmlinuz") : null;
            return File.Exists(path) ? path : null;
        }
    }

    // Without it, "auto" might tell of the host first.
    private static string[] Hermetic(string command) =>
        command.Contains("--flat", StringComparison.Ordinal) && !command.Contains("--accel", StringComparison.Ordinal) ? ["--accel", "soft"] : [];

    private static void AssertThreeSentences(string errors)
    {
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("vitrine: ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.True(SentenceEnds().Count(line + " ") == 3, $"not three sentences: {line}");
    }

    // A stop that is followed by a space and a capital letter or the end, not one inside a file name or a quotation.
    [GeneratedRegex(@"[.]['""]?(?= +[A-Z(]| *$)")]
    private static partial Regex SentenceEnds();

    private string[] Split(string command) =>
        [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Replace("{missing}", Path.Combine(_folder, "missing"), StringComparison.Ordinal)
            .Replace("{folder}", _folder, StringComparison.Ordinal)
            .Replace("{nothing}", "", StringComparison.Ordinal)
            .Replace("{program}", VitrineCommand.Program, StringComparison.Ordinal)
            .Replace("{flat}", Lazily(word, "{flat}", [0xF4]), StringComparison.Ordinal)
            .Replace("{empty}", Lazily(word, "{empty}", []), StringComparison.Ordinal)
            .Replace("{text}", Lazily(word, "{text}", [.. Enumerable.Repeat((byte)'x', 20_000)]), StringComparison.Ordinal)
            .Replace("{odd}", Lazily(word, "{odd}", new byte[5000]), StringComparison.Ordinal)
            .Replace("{truncated}", Lazily(word, "{truncated}", TruncatedBzImage()), StringComparison.Ordinal)
            .Replace("{elf32}", Lazily(word, "{elf32}", Elf(is64: false)), StringComparison.Ordinal)
            .Replace("{elf64}", Lazily(word, "{elf64}", Elf(is64: true)), StringComparison.Ordinal))];

    private string Lazily(string word, string name, byte[] content) =>
        word.Contains(name, StringComparison.Ordinal) ? Write(name.Trim('{', '}'), content) : "";

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    // Linux, Documentation/arch/x86/boot.rst: 4 setup sectors are announced, one is there.
    private static byte[] TruncatedBzImage()
    {
        byte[] image = new byte[1024];
        image[0x1F1] = 4;
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x1FE), 0xAA55);
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x020F);
        return image;
    }

    // System V ABI, "ELF Header": an executable for x86 without program headers.
    private static byte[] Elf(bool is64)
    {
        byte[] image = new byte[4096];
        "\u007fELF"u8.CopyTo(image);
        image[4] = (byte)(is64 ? 2 : 1);
        image[5] = 1;
        image[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(16), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(18), (ushort)(is64 ? 62 : 3));
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(20), 1);
        return image;
    }
}
