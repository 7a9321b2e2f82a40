using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.NativeUser;
using Xunit;

namespace Vitrine.Tests.NativeUser;

/// <summary>What the host's processor must not execute for a guest is found at any place of a page; encodings by SDM vol. 2, appendix A.</summary>
public sealed unsafe class SensitiveCodeTests : IDisposable
{
    // SAFETY: two pages, freed in Dispose; writes stay within them.
    private const int PageBytes = 0x1000;
    private readonly byte* _pages = (byte*)NativeMemory.AlignedAlloc(2 * PageBytes, PageBytes);

    public SensitiveCodeTests() => new Span<byte>(_pages, 2 * PageBytes).Fill(0x90);

    public static TheoryData<string, string> Sensitive => new()
    {
        { "cpuid", "0FA2" },
        { "xgetbv", "0F01D0" },
        { "vmcall", "0F01C1" },
        { "vmmcall", "0F01D9" },
        { "rdpkru", "0F01EE" },
        { "wrpkru", "0F01EF" },
        { "lar eax, ecx", "0F02C1" },
        { "lsl eax, ecx", "0F03C1" },
        { "xsave [rsp+0x40]", "0FAE642440" },
        { "xrstor [rsp+0x40]", "0FAE6C2440" },
        { "xsaveopt [rsi]", "0FAE36" },
        { "xsavec [rsp+0x40]", "0FC7642440" },
    };

    public static TheoryData<string, string> Harmless => new()
    {
        { "lfence", "0FAEE8" },
        { "mfence", "0FAEF0" },
        { "fxsave [rax]", "0FAE00" },
        { "ldmxcsr [rax]", "0FAE10" },
        { "clflush [rax]", "0FAE38" },
        { "cmpxchg16b [rax]", "480FC708" },
        { "rdrand eax", "0FC7F0" },
        { "rdseed eax, without the prefix of RDPID", "0FC7F8" },
        { "je +0x100F, as the displacement has it", "0F840F100000" },
        { "syscall", "0F05" },
    };

    [Theory]
    [MemberData(nameof(Sensitive))]
    public void ItIsFoundWhereverItStands(string name, string bytes)
    {
        byte[] code = Convert.FromHexString(bytes);
        Span<ushort> places = stackalloc ushort[4];
        for (int at = 1; at <= PageBytes - Math.Max(code.Length, 3); at += at < 64 ? 1 : 61)
        {
            new Span<byte>(_pages, PageBytes).Fill(0x90);
            code.CopyTo(new Span<byte>(_pages + at, code.Length));
            Assert.Equal((name, 1, (ushort)at), (name, SensitiveCode.Find(_pages, places), places[0]));
        }
    }

    /// <summary>An instruction in two pages can run once both are mapped.</summary>
    [Theory]
    [MemberData(nameof(Sensitive))]
    public void ItIsFoundBetweenTwoPages(string name, string bytes)
    {
        byte[] code = Convert.FromHexString(bytes);
        Span<ushort> places = stackalloc ushort[4];
        for (int before = 1; before < Math.Min(code.Length, 3); before++)
        {
            new Span<byte>(_pages, 2 * PageBytes).Fill(0x90);
            code.CopyTo(new Span<byte>(_pages + PageBytes - before, code.Length));
            bool found = SensitiveCode.IsBetween(_pages, _pages + PageBytes) || SensitiveCode.Find(_pages, places) != 0;
            Assert.True(found, $"{name}, {before} of its bytes in the first page");
        }
    }

    /// <summary>With prefixes it begins earlier, and each byte may be where.</summary>
    [Theory]
    [InlineData("660FA2", 2)]
    [InlineData("480FAE642440", 2)]
    [InlineData("F3480FC7F8", 3)]
    [InlineData("F30FC7F8", 2)]
    public void EachPrefixIsAPlace(string bytes, int places)
    {
        Convert.FromHexString(bytes).CopyTo(new Span<byte>(_pages + 100, 8));
        Assert.Equal(places, SensitiveCode.Find(_pages, stackalloc ushort[4]));
    }

    [Theory]
    [MemberData(nameof(Harmless))]
    public void OtherInstructionsAreLeftAlone(string name, string bytes)
    {
        Convert.FromHexString(bytes).CopyTo(new Span<byte>(_pages + 100, 8));
        Assert.Equal((name, 0), (name, SensitiveCode.Find(_pages, stackalloc ushort[4])));
    }

    [Fact]
    public void MoreThanThereIsRoomForIsSaid()
    {
        for (int i = 0; i < 5; i++)
        {
            _pages[100 + (8 * i)] = 0x0F;
            _pages[101 + (8 * i)] = 0xA2;
        }

        Assert.True(SensitiveCode.Find(_pages, stackalloc ushort[4]) > 4);
    }

    public void Dispose() => NativeMemory.AlignedFree(_pages);
}
