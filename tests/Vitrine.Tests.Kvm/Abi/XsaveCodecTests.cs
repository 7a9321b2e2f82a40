using System.Buffers.Binary;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Kvm.Abi;

/// <summary>Offsets after SDM vol. 1, table 10-2 "Format of an FXSAVE Area" and 13.4.2 "XSAVE Header".</summary>
public sealed class XsaveCodecTests
{
    // Where the first processors with PKRU have it, behind AVX-512's state.
    private const int PkruOffset = 2688;

    [Fact]
    public void FieldsLieWhereTheManualPutsThem()
    {
        byte[] area = new byte[4096];
        ProcessorState state = new() { Pkru = 0x41424344 };
        FpuState fpu = state.Fpu;
        (fpu.ControlWord, fpu.StatusWord, fpu.AbridgedTag, fpu.LastOpcode) = (0x0102, 0x0304, 0x05, 0x0607);
        (fpu.LastInstructionPointer, fpu.LastDataPointer, fpu.Mxcsr) = (0x08090A0B0C0D0E0F, 0x1011121314151617, 0x00001A1B);
        fpu.St[1] = new UInt128(0xBFFF, 0x8000000000000001);
        fpu.Xmm[15] = new UInt128(0x2021222324252627, 0x28292A2B2C2D2E2F);
        fpu.YmmHigh[15] = new UInt128(0x3031323334353637, 0x38393A3B3C3D3E3F);
        XsaveCodec.Encode(state, PkruOffset, area);
        Assert.Equal("0201" + "0403" + "05" + "00" + "0706" + "0F0E0D0C0B0A0908" + "1716151413121110" + "1B1A0000", Convert.ToHexString(area, 0, 28));
        Assert.Equal("0100000000000080" + "FFBF" + "000000000000", Convert.ToHexString(area, 48, 16));
        Assert.Equal("2F2E2D2C2B2A2928" + "2726252423222120", Convert.ToHexString(area, 400, 16));
        Assert.Equal("3F3E3D3C3B3A3938" + "3736353433323130", Convert.ToHexString(area, 816, 16));
        Assert.Equal("44434241" + "00000000", Convert.ToHexString(area, PkruOffset, 8));
        Assert.Equal("0702", Convert.ToHexString(area, 512, 2));
    }

    [Fact]
    public void WritingKeepsWhatTheStateDoesNotHave()
    {
        byte[] area = new byte[4096];
        Array.Fill(area, (byte)0xA5);
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(512), 0x200);
        byte[] before = [.. area];
        XsaveCodec.Encode(new ProcessorState(), 0, area);

        // MXCSR_MASK, the unused rest of the legacy region, the rest of the header, and what lies behind it (YMM halves of zero are not there).
        Assert.Equal(before[28..32], area[28..32]);
        Assert.Equal(before[416..512], area[416..512]);
        Assert.Equal(before[520..], area[520..]);
        Assert.Equal(0x203UL, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(512)));
    }

    [Fact]
    public void ComponentInItsInitialStateIsReadAsSuch()
    {
        byte[] area = new byte[4096];
        Array.Fill(area, (byte)0xA5);
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(512), 0);
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(24), 0x1F80);
        area.AsSpan(520, 56).Clear();
        ProcessorState state = new() { Pkru = 5 };
        Assert.True(XsaveCodec.TryDecode(area, PkruOffset, state));
        FpuState fpu = state.Fpu;
        Assert.Equal((0x37F, 0, 0, 0x1F80u), (fpu.ControlWord, fpu.StatusWord, fpu.AbridgedTag, fpu.Mxcsr));
        Assert.All(fpu.St, st => Assert.Equal(UInt128.Zero, st));
        Assert.All(fpu.Xmm, xmm => Assert.Equal(UInt128.Zero, xmm));
        Assert.All(fpu.YmmHigh, half => Assert.Equal(UInt128.Zero, half));
        Assert.Equal(0u, state.Pkru);
    }

    /// <summary>SDM vol. 1, 13.4.2: XCOMP_BV is 0 in the standard format; 10.2.3: bits 31:16 of MXCSR are reserved.</summary>
    [Theory]
    [InlineData("an area without a header", 575, 0UL, 0, 0UL, 0u, false)]
    [InlineData("the legacy region and a header", 576, 3UL, 0, 0UL, 0u, true)]
    [InlineData("AVX beyond the end", 831, 4UL, 0, 0UL, 0u, false)]
    [InlineData("AVX up to the end", 832, 4UL, 0, 0UL, 0u, true)]
    [InlineData("PKRU beyond the end", 4096, 0x200UL, 4093, 0UL, 0u, false)]
    [InlineData("PKRU up to the end", 4096, 0x200UL, 4092, 0UL, 0u, true)]
    [InlineData("an offset of nowhere", 4096, 0x200UL, int.MaxValue, 0UL, 0u, false)]
    [InlineData("a negative offset", 4096, 0x200UL, -1, 0UL, 0u, false)]
    [InlineData("no PKRU, whatever its offset", 4096, 0x1FFUL, int.MaxValue, 0UL, 0u, true)]
    [InlineData("the compacted format", 4096, 3UL, 0, 1UL << 63, 0u, false)]
    [InlineData("a reserved bit of MXCSR", 4096, 3UL, 0, 0UL, 0x10000u, false)]
    [InlineData("components that a state doesn't have", 4096, ulong.MaxValue, PkruOffset, 0UL, 0u, true)]
    public void AreasOfTheOtherSide(string what, int length, ulong present, int pkruOffset, ulong compaction, uint mxcsr, bool taken)
    {
        byte[] area = new byte[length];
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(24), mxcsr);
        if (length >= 576)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(512), present);
            BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(520), compaction);
        }

        ProcessorState state = new() { Pkru = 5 };
        Assert.Equal((what, taken), (what, XsaveCodec.TryDecode(area, pkruOffset, state)));
        Assert.Equal(taken, state.Pkru == 0);
    }
}
