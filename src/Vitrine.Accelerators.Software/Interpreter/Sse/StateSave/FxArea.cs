using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

/// <summary>
/// The 512 bytes that FXSAVE writes and XSAVE begins with (SDM vol. 1, 10.5.1 and 13.4.1):
/// <code>
///    0  FCW   2  FSW   4  abridged FTW   6  FOP   8  FIP (4) and FCS (2), or FIP (8)
///   16  FDP (4) and FDS (2), or FDP (8)  24  MXCSR  28  MXCSR_MASK
///   32  ST0 to ST7 (MM0 to MM7), 16 bytes apart
///  160  XMM0 to XMM15 (XMM7 outside 64-bit mode)
///  416  not written
/// </code>
/// </summary>
internal static unsafe class FxArea
{
    // SAFETY: callers give buffers of at least XmmEnd(16) bytes; the rest is the vCPU's own state.

    /// <summary>Bytes of the area.</summary>
    public const int Size = 512;

    /// <summary>Bytes of the x87 control fields, from offset 0.</summary>
    public const int X87ControlSize = 24;

    /// <summary>Offset of MXCSR.</summary>
    public const int MxcsrOffset = 24;

    /// <summary>Offset of the x87 registers.</summary>
    public const int X87Offset = 32;

    /// <summary>Bytes of the x87 registers.</summary>
    public const int X87Size = 128;

    /// <summary>Offset of the XMM registers.</summary>
    public const int XmmOffset = 160;

    /// <summary>End of the XMM registers in 64-bit mode: no more is ever read or written.</summary>
    public const int XmmEnd = 416;

    /// <summary>Bits of MXCSR that may be set.</summary>
    public const uint MxcsrMask = 0xFFFF;

    private const ushort InitialControl = 0x37F;
    private const ushort ControlBits = 0x1F3F;
    private const ushort ControlAlwaysOne = 0x40;
    private const ushort StatusSummaryAndBusy = 0x8080;
    private const ushort StatusTop = 0x3800;
    private const ushort ExceptionBits = 0x3F;
    private const ushort OpcodeBits = 0x7FF;

    /// <summary>Number of XMM registers in the present mode.</summary>
    public static int XmmCount(CpuState* cpu) => (cpu->Mode & ExecutionMode.Code64) != 0 ? 16 : 8;

    /// <summary>Writes the x87 state.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="area">The area.</param>
    /// <param name="wide">REX.W: 64-bit pointers without selectors.</param>
    public static void SaveX87(CpuState* cpu, byte* area, bool wide)
    {
        Put(area, 0, cpu->Fcw);
        Put(area, 2, (ushort)(cpu->Fsw | (cpu->FpuTop << 11)));
        Put(area, 4, (ushort)cpu->FpuTag);
        Put(area, 6, cpu->Fop);
        Put(area, 8, wide ? cpu->Fip : (uint)cpu->Fip | ((ulong)cpu->FpuCs << 32));
        Put(area, 16, wide ? cpu->Fdp : (uint)cpu->Fdp | ((ulong)cpu->FpuDs << 32));
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            Put(area, X87Offset + (16 * i), cpu->X87[2 * physical]);
            Put(area, X87Offset + (16 * i) + 8, (ulong)(ushort)cpu->X87[(2 * physical) + 1]);
        }
    }

    /// <summary>Reads the x87 state. The summary and busy bits follow from the exceptions and their masks, whatever is in memory.</summary>
    public static void RestoreX87(CpuState* cpu, byte* area, bool wide)
    {
        ushort control = (ushort)((Get<ushort>(area, 0) & ControlBits) | ControlAlwaysOne);
        ushort status = Get<ushort>(area, 2);
        bool unmasked = (status & ~control & ExceptionBits) != 0;
        cpu->Fcw = control;
        cpu->Fsw = (ushort)((status & ~(StatusTop | StatusSummaryAndBusy)) | (unmasked ? StatusSummaryAndBusy : 0));
        cpu->FpuTop = (byte)((status & StatusTop) >> 11);
        cpu->FpuTag = area[4];
        cpu->Fop = (ushort)(Get<ushort>(area, 6) & OpcodeBits);
        cpu->Fip = wide ? Get<ulong>(area, 8) : Get<uint>(area, 8);
        cpu->FpuCs = wide ? (ushort)0 : Get<ushort>(area, 12);
        cpu->Fdp = wide ? Get<ulong>(area, 16) : Get<uint>(area, 16);
        cpu->FpuDs = wide ? (ushort)0 : Get<ushort>(area, 20);
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            cpu->X87[2 * physical] = Get<ulong>(area, X87Offset + (16 * i));
            cpu->X87[(2 * physical) + 1] = Get<ushort>(area, X87Offset + (16 * i) + 8);
        }
    }

    /// <summary>The x87 state after FNINIT, with registers of zero (SDM vol. 1, 13.6).</summary>
    public static void InitializeX87(CpuState* cpu)
    {
        cpu->Fcw = InitialControl;
        cpu->Fsw = 0;
        cpu->FpuTop = 0;
        cpu->FpuTag = 0;
        cpu->Fop = 0;
        cpu->Fip = 0;
        cpu->Fdp = 0;
        cpu->FpuCs = 0;
        cpu->FpuDs = 0;
        for (int i = 0; i < 16; i++) cpu->X87[i] = 0;
    }

    /// <summary>True when the x87 state is as <see cref="InitializeX87"/> leaves it.</summary>
    public static bool IsX87Initial(CpuState* cpu)
    {
        ulong control = (uint)(cpu->Fcw ^ InitialControl) | cpu->Fsw | (uint)cpu->FpuTop | cpu->FpuTag | cpu->Fop;
        ulong all = control | cpu->Fip | cpu->Fdp | cpu->FpuCs | cpu->FpuDs;
        for (int i = 0; i < 16; i++) all |= cpu->X87[i];
        return all == 0;
    }

    /// <summary>Writes MXCSR and its mask.</summary>
    public static void SaveMxcsr(CpuState* cpu, byte* area) =>
        Put(area, MxcsrOffset, cpu->Mxcsr | ((ulong)MxcsrMask << 32));

    /// <summary>The MXCSR in an area.</summary>
    public static uint Mxcsr(byte* area) => Get<uint>(area, MxcsrOffset);

    /// <summary>Writes the first <paramref name="count"/> XMM registers.</summary>
    public static void SaveXmm(CpuState* cpu, byte* area, int count)
    {
        for (int i = 0; i < count; i++) Put(area, XmmOffset + (16 * i), XmmRegister.At(cpu, CpuState.XmmOffset(i)));
    }

    /// <summary>Reads the first <paramref name="count"/> XMM registers.</summary>
    public static void RestoreXmm(CpuState* cpu, byte* area, int count)
    {
        for (int i = 0; i < count; i++) XmmRegister.At(cpu, CpuState.XmmOffset(i)) = Get<V>(area, XmmOffset + (16 * i));
    }

    /// <summary>Clears the first <paramref name="count"/> XMM registers.</summary>
    public static void InitializeXmm(CpuState* cpu, int count)
    {
        for (int i = 0; i < count; i++) XmmRegister.At(cpu, CpuState.XmmOffset(i)) = V.Zero;
    }

    /// <summary>True when all XMM registers are zero.</summary>
    public static bool IsXmmInitial(CpuState* cpu)
    {
        V all = V.Zero;
        for (int i = 0; i < 16; i++) all |= XmmRegister.At(cpu, CpuState.XmmOffset(i));
        return all == V.Zero;
    }

    private static void Put<T>(byte* area, int offset, T value)
        where T : unmanaged => Unsafe.WriteUnaligned(area + offset, value);

    private static T Get<T>(byte* area, int offset)
        where T : unmanaged => Unsafe.ReadUnaligned<T>(area + offset);
}
