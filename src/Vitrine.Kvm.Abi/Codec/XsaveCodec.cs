using System.Buffers.Binary;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>
/// The XSAVE area in its standard format (KVM_GET_XSAVE, KVM_GET_XSAVE2, KVM_SET_XSAVE): x87, MMX, SSE and AVX state in the legacy region, which
/// has FXSAVE's layout, XSTATE_BV, and the upper halves of YMM (SDM vol. 1, 10.5.1 "FXSAVE Area", 13.4 "XSAVE Area"); and PKRU, wherever the
/// processor has it. The rest is left alone.
/// </summary>
/// <remarks>
/// <code>
///   0 FCW   2 FSW   4 FTW   6 FOP   8 FIP   16 FDP   24 MXCSR   28 MXCSR_MASK
///  32 ST(0)..ST(7), 16 bytes apart    160 XMM0..XMM15    512 XSTATE_BV    576 YMM0_H..YMM15_H
/// </code>
/// CPUID leaf 0xD says where the last of these lies; every processor that has it puts it there.
/// </remarks>
public static class XsaveCodec
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
    private const int XcompBv = 520;
    private const int HeaderEnd = 576;
    private const int YmmHigh = 576;
    private const int YmmHighEnd = YmmHigh + (16 * 16);

    // SDM vol. 1, 10.2.3 "MXCSR Control and Status Register": bits 31:16 are reserved.
    private const uint MxcsrReserved = 0xFFFF0000;

    /// <summary>Bits 79:0, which an x87 register has of the 16 bytes that it takes up.</summary>
    internal static UInt128 Low80 => (UInt128.One << 80) - 1;

    /// <summary>Takes x87, SSE, AVX and PKRU into a state. A component whose bit is clear is in its initial state, whatever its bytes say.</summary>
    /// <param name="area">The area.</param>
    /// <param name="pkruOffset">Where CPUID leaf 0xD has PKRU; 0 where the processor has none.</param>
    /// <param name="state">The state.</param>
    /// <returns>
    /// False, with the state as it was: the area ends before a component that it says it has, is in the compacted format, or has
    /// reserved bits in MXCSR. KVM answers the latter two with EINVAL.
    /// </returns>
    public static bool TryDecode(ReadOnlySpan<byte> area, int pkruOffset, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (area.Length < HeaderEnd || BinaryPrimitives.ReadUInt64LittleEndian(area[XcompBv..]) != 0) return false;
        if ((BinaryPrimitives.ReadUInt32LittleEndian(area[Mxcsr..]) & MxcsrReserved) != 0) return false;
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]);
        bool pkru = pkruOffset != 0 && (present & XsaveLayout.Pkru) != 0;
        if ((present & XsaveLayout.Avx) != 0 && area.Length < YmmHighEnd) return false;
        if (pkru && (pkruOffset < 0 || pkruOffset > area.Length - sizeof(uint))) return false;
        Decode(area, state.Fpu);
        state.Pkru = pkru ? BinaryPrimitives.ReadUInt32LittleEndian(area[pkruOffset..]) : 0;
        return true;
    }

    /// <summary>Writes x87, SSE, AVX and PKRU over those of an area; zeros of the last two are their initial state, which every processor takes.</summary>
    /// <param name="state">The state.</param>
    /// <param name="pkruOffset">Where CPUID leaf 0xD has PKRU; 0 where the processor has none.</param>
    /// <param name="area">The area, of a kvm_xsave's size at least.</param>
    /// <exception cref="ArgumentOutOfRangeException">The area is too short.</exception>
    public static void Encode(ProcessorState state, int pkruOffset, Span<byte> area)
    {
        ArgumentNullException.ThrowIfNull(state);
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]);
        present = (present & ~(ulong)XsaveLayout.Avx) | XsaveLayout.X87 | XsaveLayout.Sse | Encode(state.Fpu, area);
        if (pkruOffset != 0)
        {
            present = (present & ~(ulong)XsaveLayout.Pkru) | (state.Pkru != 0 ? XsaveLayout.Pkru : 0);
            BinaryPrimitives.WriteUInt64LittleEndian(area[pkruOffset..], state.Pkru);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(area[XstateBv..], present);
    }

    /// <summary>Takes x87, SSE and AVX as they are, without asking what KVM would say of them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The area is too short.</exception>
    public static void Decode(ReadOnlySpan<byte> area, FpuState fpu)
    {
        ArgumentNullException.ThrowIfNull(fpu);
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[XstateBv..]);
        bool x87 = (present & XsaveLayout.X87) != 0;
        bool sse = (present & XsaveLayout.Sse) != 0;
        bool avx = (present & XsaveLayout.Avx) != 0;
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

    // Returns the bit of AVX if there is something of it: a processor without it has zeros only, and refuses the bit.
    private static ulong Encode(FpuState fpu, Span<byte> area)
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

        if (!fpu.YmmHigh.AsSpan().ContainsAnyExcept(UInt128.Zero)) return 0;
        for (int i = 0; i < fpu.YmmHigh.Length; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(area[(YmmHigh + (i * 16))..], fpu.YmmHigh[i]);
        }

        return XsaveLayout.Avx;
    }
}
