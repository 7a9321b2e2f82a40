using System.Buffers.Binary;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>
/// x87, MMX, SSE and AVX state in an XSAVE area: the legacy region, which has FXSAVE's layout, XSTATE_BV, and the upper halves of
/// YMM (SDM vol. 1, 10.5.1 "FXSAVE Area", 13.4 "XSAVE Area"); and PKRU, wherever the processor has it. The rest is left alone.
/// </summary>
/// <remarks>
/// <code>
///   0 FCW   2 FSW   4 FTW   6 FOP   8 FIP   16 FDP   24 MXCSR   28 MXCSR_MASK
///  32 ST(0)..ST(7), 16 bytes apart    160 XMM0..XMM15    512 XSTATE_BV    576 YMM0_H..YMM15_H
/// </code>
/// CPUID leaf 0xD says where the last of these lies; every processor that has it puts it there.
/// </remarks>
internal static class XsaveArea
{
    private const int Fcw = 0;
    private const int Fsw = 2;
    private const int Ftw = 4;
    private const int Fop = 6;
    private const int Fip = 8;
    private const int Fdp = 16;
    private const int Mxcsr = 24;
    private const int St = 32;
    private const int Xmm = 160;
    private const int XstateBv = 512;
    private const int YmmHigh = 576;
    private const ulong X87Bit = 1;
    private const ulong SseBit = 2;
    private const ulong AvxBit = 4;

    public static void Read(ReadOnlySpan<byte> area, FpuState fpu)
    {
        // A component whose bit is clear is in its initial state, whatever its bytes say.
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]);
        bool x87 = (present & X87Bit) != 0;
        bool sse = (present & SseBit) != 0;
        bool avx = (present & AvxBit) != 0;
        fpu.ControlWord = x87 ? BinaryPrimitives.ReadUInt16LittleEndian(area[Fcw..]) : (ushort)0x37F;
        fpu.StatusWord = x87 ? BinaryPrimitives.ReadUInt16LittleEndian(area[Fsw..]) : (ushort)0;
        fpu.AbridgedTag = x87 ? area[Ftw] : (byte)0;
        fpu.LastOpcode = x87 ? BinaryPrimitives.ReadUInt16LittleEndian(area[Fop..]) : (ushort)0;
        fpu.LastInstructionPointer = x87 ? BinaryPrimitives.ReadUInt64LittleEndian(area[Fip..]) : 0;
        fpu.LastDataPointer = x87 ? BinaryPrimitives.ReadUInt64LittleEndian(area[Fdp..]) : 0;
        fpu.Mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(area[Mxcsr..]);
        for (int i = 0; i < fpu.St.Length; i++)
        {
            fpu.St[i] = x87 ? BinaryPrimitives.ReadUInt128LittleEndian(area[(St + (i * 16))..]) & Low80 : 0;
        }

        for (int i = 0; i < fpu.Xmm.Length; i++)
        {
            fpu.Xmm[i] = sse ? BinaryPrimitives.ReadUInt128LittleEndian(area[(Xmm + (i * 16))..]) : 0;
            fpu.YmmHigh[i] = avx ? BinaryPrimitives.ReadUInt128LittleEndian(area[(YmmHigh + (i * 16))..]) : 0;
        }
    }

    public static void Write(Span<byte> area, FpuState fpu)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(area[Fcw..], fpu.ControlWord);
        BinaryPrimitives.WriteUInt16LittleEndian(area[Fsw..], fpu.StatusWord);
        area[Ftw] = fpu.AbridgedTag;
        BinaryPrimitives.WriteUInt16LittleEndian(area[Fop..], fpu.LastOpcode);
        BinaryPrimitives.WriteUInt64LittleEndian(area[Fip..], fpu.LastInstructionPointer);
        BinaryPrimitives.WriteUInt64LittleEndian(area[Fdp..], fpu.LastDataPointer);
        BinaryPrimitives.WriteUInt32LittleEndian(area[Mxcsr..], fpu.Mxcsr);
        for (int i = 0; i < fpu.St.Length; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(area[(St + (i * 16))..], fpu.St[i] & Low80);
        }

        for (int i = 0; i < fpu.Xmm.Length; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(area[(Xmm + (i * 16))..], fpu.Xmm[i]);
        }

        // Zeros are the initial state: a processor without AVX has no other, and refuses the bit.
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]) & ~AvxBit;
        if (fpu.YmmHigh.AsSpan().ContainsAnyExcept(UInt128.Zero))
        {
            present |= AvxBit;
            for (int i = 0; i < fpu.YmmHigh.Length; i++)
            {
                BinaryPrimitives.WriteUInt128LittleEndian(area[(YmmHigh + (i * 16))..], fpu.YmmHigh[i]);
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(area[XstateBv..], present | X87Bit | SseBit);
    }

    /// <summary>Reads PKRU.</summary>
    /// <param name="area">The area, in the standard format.</param>
    /// <param name="offset">Where CPUID leaf 0xD has it; 0 where the processor has no PKRU.</param>
    public static uint ReadPkru(ReadOnlySpan<byte> area, int offset)
    {
        bool present = offset != 0 && (BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]) & XsaveLayout.Pkru) != 0;
        return present ? BinaryPrimitives.ReadUInt32LittleEndian(area[offset..]) : 0;
    }

    /// <summary>Writes PKRU. Zero is its initial state, which KVM takes for a guest without it too.</summary>
    /// <param name="area">The area, in the standard format.</param>
    /// <param name="offset">Where CPUID leaf 0xD has it; 0 where the processor has no PKRU.</param>
    /// <param name="value">The register.</param>
    public static void WritePkru(Span<byte> area, int offset, uint value)
    {
        if (offset == 0) return;
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]) & ~(ulong)XsaveLayout.Pkru;
        BinaryPrimitives.WriteUInt64LittleEndian(area[XstateBv..], present | (value != 0 ? XsaveLayout.Pkru : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(area[offset..], value);
    }

    private static UInt128 Low80 => (UInt128.One << 80) - 1;
}
