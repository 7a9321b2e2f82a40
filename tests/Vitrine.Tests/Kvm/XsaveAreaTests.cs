using System.Buffers.Binary;
using Vitrine.Accelerators.Kvm.State;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Kvm;

/// <summary>Offsets after SDM vol. 1, table 10-2 "Format of an FXSAVE Area" and 13.4.2 "XSAVE Header".</summary>
public sealed class XsaveAreaTests
{
    [Fact]
    public void FieldsLieWhereTheManualPutsThem()
    {
        byte[] area = new byte[4096];
        var fpu = new FpuState
        {
            ControlWord = 0x0102,
            StatusWord = 0x0304,
            AbridgedTag = 0x05,
            LastOpcode = 0x0607,
            LastInstructionPointer = 0x08090A0B0C0D0E0F,
            LastDataPointer = 0x1011121314151617,
            Mxcsr = 0x18191A1B,
        };
        fpu.St[1] = new UInt128(0xBFFF, 0x8000000000000001);
        fpu.Xmm[15] = new UInt128(0x2021222324252627, 0x28292A2B2C2D2E2F);
        fpu.YmmHigh[15] = new UInt128(0x3031323334353637, 0x38393A3B3C3D3E3F);
        XsaveArea.Write(area, fpu);
        Assert.Equal("0201" + "0403" + "05" + "00" + "0706" + "0F0E0D0C0B0A0908" + "1716151413121110" + "1B1A1918", Convert.ToHexString(area, 0, 28));
        Assert.Equal("0100000000000080" + "FFBF" + "000000000000", Convert.ToHexString(area, 48, 16));
        Assert.Equal("2F2E2D2C2B2A2928" + "2726252423222120", Convert.ToHexString(area, 400, 16));
        Assert.Equal("3F3E3D3C3B3A3938" + "3736353433323130", Convert.ToHexString(area, 816, 16));
        Assert.Equal(7, area[512]);
    }

    [Fact]
    public void WritingKeepsWhatTheStateDoesNotHave()
    {
        byte[] area = new byte[4096];
        Array.Fill(area, (byte)0xA5);
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(512), 0x200);
        byte[] before = [.. area];
        XsaveArea.Write(area, new FpuState());

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
        var fpu = new FpuState();
        XsaveArea.Read(area, fpu);
        Assert.Equal((0x37F, 0, 0, 0x1F80u), (fpu.ControlWord, fpu.StatusWord, fpu.AbridgedTag, fpu.Mxcsr));
        Assert.All(fpu.St, st => Assert.Equal(UInt128.Zero, st));
        Assert.All(fpu.Xmm, xmm => Assert.Equal(UInt128.Zero, xmm));
        Assert.All(fpu.YmmHigh, half => Assert.Equal(UInt128.Zero, half));
    }
}
