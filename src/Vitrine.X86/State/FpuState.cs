namespace Vitrine.X86.State;

/// <summary>x87, MMX, SSE and AVX state: what FXSAVE holds (SDM vol. 1, 10.5.1), and the upper halves of YMM.</summary>
public sealed class FpuState
{
    /// <summary>x87 control word.</summary>
    public ushort ControlWord { get; set; } = 0x37F;

    /// <summary>x87 status word, TOP in bits 13:11.</summary>
    public ushort StatusWord { get; set; }

    /// <summary>Abridged tag word as FXSAVE stores it: bit i set when physical register i is not empty.</summary>
    public byte AbridgedTag { get; set; }

    /// <summary>Last x87 opcode, 11 bits.</summary>
    public ushort LastOpcode { get; set; }

    /// <summary>Last x87 instruction pointer.</summary>
    public ulong LastInstructionPointer { get; set; }

    /// <summary>Last x87 data pointer.</summary>
    public ulong LastDataPointer { get; set; }

    /// <summary>SSE control and status.</summary>
    public uint Mxcsr { get; set; } = 0x1F80;

    /// <summary>ST(0) to ST(7) in stack order (as FXSAVE), 80 bits each in the low bits.</summary>
    public UInt128[] St { get; init; } = new UInt128[8];

    /// <summary>XMM0 to XMM15.</summary>
    public UInt128[] Xmm { get; init; } = new UInt128[16];

    /// <summary>Bits 255:128 of YMM0 to YMM15; zero where the processor has no AVX.</summary>
    public UInt128[] YmmHigh { get; init; } = new UInt128[16];

    /// <summary>Makes this an exact copy of another state.</summary>
    public void CopyFrom(FpuState other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (ControlWord, StatusWord, AbridgedTag) = (other.ControlWord, other.StatusWord, other.AbridgedTag);
        (LastOpcode, LastInstructionPointer, LastDataPointer) = (other.LastOpcode, other.LastInstructionPointer, other.LastDataPointer);
        Mxcsr = other.Mxcsr;
        other.St.CopyTo(St, 0);
        other.Xmm.CopyTo(Xmm, 0);
        other.YmmHigh.CopyTo(YmmHigh, 0);
    }
}
