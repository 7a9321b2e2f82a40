using System.Text;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Explain.Symbols;
using Xunit;

namespace Vitrine.Tests.Explain.Symbols;

public sealed class SymbolTableTests
{
    private const byte Function = 0x12; // STB_GLOBAL, STT_FUNC
    private const byte LocalFunction = 0x02;
    private const byte Object = 0x11;
    private const byte Untyped = 0x10;
    private const byte SectionName = 0x03;

    private const string Map =
        """
        0000000000000000 D __per_cpu_start
        000000000001f000 D cpu_hot
        ffffffff81000000 T _stext
        ffffffff81000000 T startup_64
        ffffffff81000040 t __pfx_secondary
        ffffffff81000050 t secondary
        ffffffff81000050 a a_number
        ffffffff81000200 D data
        ffffffff81001000 B _end
        ffffffffc0201000 t in_module	[e1000]
        """;

    [Theory]
    [InlineData(0xffffffff81000000, "startup_64")]
    [InlineData(0xffffffff8100003f, "startup_64+0x3f")]
    [InlineData(0xffffffff81000050, "secondary")]
    [InlineData(0xffffffff81000300, "data+0x100")]
    [InlineData(0xffffffff81000fff, "data+0xdff")]
    [InlineData(0xffffffffc0201000, "in_module")]
    [InlineData(0xffffffffc0201001, null)]
    [InlineData(0x1f000, null)]
    [InlineData(0xfffffffffffffff0, null)]
    public void AnAddressHasTheNameOfTheSymbolBeforeIt(ulong address, string? name) => Assert.Equal(name, Read(Map).NameOf(address));

    [Fact]
    public void ASymbolHasAnAddress()
    {
        SymbolTable table = Read(Map);
        Assert.True(table.IsKernel);
        Assert.Equal(0xffffffff81000050, table.AddressOf("secondary"));
        Assert.Null(table.AddressOf("secondry"));
        Assert.Equal("secondary", table.Nearest("secondry"));
    }

    /// <summary>Sizes end a symbol; a section's name, an undefined symbol and a number are none; functions come before labels.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnElfFileIsRead(bool is64)
    {
        SymbolTable table = Read(ElfBuilder.Build(
            is64,
            ("label", 0x1000, 0, Untyped, 1),
            ("start", 0x1000, 0x20, Function, 1),
            ("helper", 0x1040, 0x10, LocalFunction, 1),
            ("table", 0x2000, 0x100, Object, 2),
            (".text", 0x1000, 0, SectionName, 1),
            (".L5", 0x1048, 0, Untyped, 1),
            ("elsewhere", 0x1044, 0, Function, 0),
            ("a_number", 0x1044, 0, Untyped, 0xFFF1)));
        Assert.False(table.IsKernel);
        Assert.Equal(3, table.Count);
        Assert.Equal("start", table.NameOf(0x1000));
        Assert.Equal("start+0x1f", table.NameOf(0x101f));
        Assert.Null(table.NameOf(0x1020));
        Assert.Equal("helper+0xf", table.NameOf(0x104f));
        Assert.Equal("table+0xff", table.NameOf(0x20ff));
        Assert.Null(table.NameOf(0x2100));
    }

    [Theory]
    [InlineData("ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n", "line 1 is not an address")]
    [InlineData("0000000000000000 T _text\n0000000000000000 T start_kernel\n", "has 0 for each address")]
    [InlineData("ffffffff81000000 T _text\nnonsense\n", "line 2 is not an address")]
    [InlineData("ffffffff81000000T_text\n", "line 1")]
    [InlineData("ffffffff810000000 T _text\n", "line 1")]
    [InlineData("ffffffff81000000 U printf\n", "names no address")]
    [InlineData("\u007fELF", "truncated")]
    [InlineData("\u007fELF\u0002\u0002          ", "big-endian")]
    public void WhatHasNoSymbolsIsAnError(string text, string problem)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => Read(text));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ABootImageHasNoSymbols()
    {
        byte[] image = new byte[0x1000];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        Assert.Contains("compressed kernel", Assert.Throws<VitrineException>(() => Read(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AStrippedFileHasNoSymbols()
    {
        byte[] file = ElfBuilder.Build(is64: true);
        file.AsSpan(40, 8).Clear();
        Assert.Contains("has no symbol table", Assert.Throws<VitrineException>(() => Read(file)).Message, StringComparison.Ordinal);
    }

    /// <summary>Whatever is wrong with a file, it is told: no other exception, and no more memory than the file's own sizes.</summary>
    [Fact]
    public void ADamagedFileIsReadOrRefused()
    {
        byte[] whole = ElfBuilder.Build(is64: true, ("start", 0x1000, 0x20, Function, 1), ("table", 0x2000, 0x100, Object, 2));
        Random random = new(7);
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] damaged = [.. whole.AsSpan(0, i % 4 == 0 ? random.Next(1, whole.Length) : whole.Length)];
            for (int j = random.Next(1, 6); j > 0; j--) damaged[random.Next(damaged.Length)] = (byte)(random.Next(3) == 0 ? 0xFF : random.Next(256));
            try
            {
                Read(damaged).NameOf(0x1000);
            }
            catch (VitrineException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 19_999);
    }

    [Fact]
    public void AFileThatIsNotThereIsAnError()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => SymbolTable.Read("/nonexistent/System.map"));
        Assert.Contains("The symbol file '/nonexistent/System.map' does not exist.", error.Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<VitrineException>(() => SymbolTable.Read("/dev/zero")).Message, StringComparison.Ordinal);
    }

    private static SymbolTable Read(string text) => Read(Encoding.Latin1.GetBytes(text));

    private static SymbolTable Read(byte[] bytes) => SymbolTable.Read(new ImageFile(bytes, "symbol file", "symbols"));
}
