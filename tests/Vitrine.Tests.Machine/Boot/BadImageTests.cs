using System.Runtime.InteropServices;
using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

/// <summary>Whatever a file holds, loading it ends with success or with the three-sentence error.</summary>
public sealed class BadImageTests
{
    private const int Mutations = 3000;

    public static TheoryData<string, string, byte[]?> BadKernels() => new()
    {
        { "missing", "does not exist", null },
        { "empty", "is empty (0 bytes)", [] },
        { "one byte", "is no kernel", [0x7F] },
        { "text", "is no kernel", "#!/bin/sh\necho hello\n"u8.ToArray() },
        { "zeros", "is no kernel", new byte[1 << 20] },
        { "gzip", "is no kernel", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(BadKernels))]
    public void ABadKernelIsAUserError(string name, string says, byte[]? content)
    {
        Assert.NotEmpty(name);
        using TempFile file = new(content ?? []);
        if (content is null) File.Delete(file.Path);
        AssertUserError(new BootSource.Kernel(file.Path), says, file.Path);
    }

    [Fact]
    public void ADirectoryIsAUserError() => AssertUserError(new BootSource.Kernel(Path.GetTempPath()), "can't be read", Path.GetTempPath());

    [Fact]
    public void ANamedPipeIsAUserErrorAndNotWaitedFor()
    {
        Assert.SkipWhen(HostProgram.Find("mkfifo") is null, "mkfifo (coreutils) is not installed");
        using TempFile file = new([]);
        File.Delete(file.Path);
        HostProgram.Run("mkfifo", file.Path, Path.GetTempPath(), []);
        AssertUserError(new BootSource.Kernel(file.Path), "is empty", file.Path);
    }

    [Fact]
    public void AFileWithoutReadPermissionIsAUserError()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root may read every file");
        using TempFile file = new(new byte[10]);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file.Path, UnixFileMode.None);
        AssertUserError(new BootSource.Kernel(file.Path), "can't be read", file.Path);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void AnImpossiblePathIsAUserError(string path) => AssertUserError(new BootSource.Kernel(path), "can't be read", path);

    [Fact]
    public void TheInitrdsErrorsAreUserErrorsToo()
    {
        using TempFile kernel = new(new BzImageBuilder().Build());
        using TempFile empty = new([]);
        AssertUserError(new BootSource.Kernel(kernel.Path) { Initrd = "/nonexistent/initrd" }, "The initrd '/nonexistent/initrd' does not exist", "/nonexistent/initrd");
        AssertUserError(new BootSource.Kernel(kernel.Path) { Initrd = empty.Path }, "is empty", empty.Path);
    }

    [Theory]
    [InlineData("bzImage")]
    [InlineData("PVH")]
    [InlineData("Multiboot")]
    public void AnInitrdLargerThanMemoryIsAUserError(string kind)
    {
        using TempFile kernel = new(Image(kind));
        using TempFile initrd = new([]);
        // Sparse: its bytes are never read.
        using (FileStream stream = File.OpenWrite(initrd.Path)) stream.SetLength(6L << 30);
        AssertUserError(new BootSource.Kernel(kernel.Path) { Initrd = initrd.Path }, $"no room for the {(kind == "Multiboot" ? "module" : "initrd")}", "6442450944 bytes");
    }

    [Fact]
    public void ACompressedKernelOfManyPagesIsNotTakenForMultiboot()
    {
        byte[] noise = new byte[16384];
        new Random(1).NextBytes(noise);
        using TempFile file = new(noise);
        AssertUserError(new BootSource.Kernel(file.Path), "is no kernel", file.Path);
    }

    [Theory]
    [InlineData("bzImage")]
    [InlineData("PVH")]
    [InlineData("PVH32")]
    [InlineData("Multiboot")]
    [InlineData("kludge")]
    public void OnlyTheThreeSentenceErrorComesOutOfDamagedImages(string kind)
    {
        byte[] valid = Image(kind);
        using GuestMemory memory = new();
        MemoryLayout layout = BoardModel.Microvm.MapMemory(64 << 20);
        MemorySlots.Create(memory, layout, new BootSource.Kernel("unused"));
        int loaded = 0;
        for (int seed = 0; seed < Mutations; seed++)
        {
            byte[] image = Mutate(valid, new Random(seed));
            try
            {
                using ImageFile kernel = new(image, "kernel", "mutated");
                using ImageFile initrd = new(new byte[100], "initrd", "initrd");
                BootLoader.LoadKernel(kernel, initrd, "console=ttyS0", layout, new LoadMap(memory, layout), new ProcessorState(), 0xE_0000);
                loaded++;
            }
            catch (VitrineException error)
            {
                Assert.True(error.Kind == ErrorKind.User, $"seed {seed}: {error.Message}");
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {seed}: {error}");
            }
        }

        // Most mutations hit code, which no loader looks at: the loop must have got through to the end of loading.
        Assert.InRange(loaded, 1, Mutations - 1);
    }

    private static byte[] Image(string kind) => kind switch
    {
        "bzImage" => new BzImageBuilder { Code = BzImageBuilder.Pattern(0x400) }.Build(),
        "PVH" => TestKernels.Pvh(),
        "PVH32" => TestKernels.Pvh(is64: false, descriptorSize: 4),
        "Multiboot" => TestKernels.MultibootElf(),
        _ => TestKernels.MultibootKludge(),
    };

    private static byte[] Mutate(byte[] valid, Random random)
    {
        byte[] image = [.. valid];
        uint[] interesting = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFF0, 0x1000, (uint)valid.Length];
        for (int count = random.Next(1, 4); count > 0; count--)
        {
            // Headers are where the decisions are.
            int at = random.Next(Math.Min(image.Length, random.Next(2) == 0 ? 0x280 : 0x100) - 8);
            switch (random.Next(4))
            {
                case 0: image[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: image[at] = (byte)random.Next(256); break;
                case 2: MemoryMarshal.Write(image.AsSpan(at), interesting[random.Next(interesting.Length)]); break;
                default: MemoryMarshal.Write(image.AsSpan(at), (ulong)random.NextInt64() >> random.Next(64)); break;
            }
        }

        return random.Next(8) == 0 ? image[..random.Next(image.Length)] : image;
    }

    private static void AssertUserError(BootSource source, params string[] says)
    {
        using TestMachine machine = new(64 << 20, source);
        VitrineException error = Assert.Throws<VitrineException>(() => machine.Load());
        Assert.Equal(ErrorKind.User, error.Kind);
        foreach (string text in says) Assert.Contains(text, error.What, StringComparison.Ordinal);
        foreach (string sentence in new[] { error.What, error.Why, error.Remedy }) Assert.EndsWith(".", sentence, StringComparison.Ordinal);
    }
}
