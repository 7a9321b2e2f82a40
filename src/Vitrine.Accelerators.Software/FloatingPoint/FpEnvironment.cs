namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// What an operation needs to know of a control register, and the flags that it raises. One engine serves x87 and SSE:
/// the environment is built from the x87 control word or from MXCSR, handed by reference through the operations
/// of one instruction, and its <see cref="Flags"/> are merged into the status afterwards.
/// </summary>
internal struct FpEnvironment
{
    private const int MxcsrDenormalsAreZero = 1 << 6;
    private const int MxcsrFlushToZero = 1 << 15;

    /// <summary>Everything in MXCSR that decides a result: RC nearest, all masked, neither DAZ nor FTZ.</summary>
    private const uint MxcsrControl = 0xFFC0;
    private const uint MxcsrDefaultControl = 0x1F80;

    /// <summary>Rounding mode in force.</summary>
    public RoundingMode Rounding;

    /// <summary>Exceptions that are masked, as <see cref="FpFlags"/>.</summary>
    public int Masked;

    /// <summary>Significand width of x87 add, subtract, multiply, divide and square root: 24, 53 or 64.</summary>
    public int Precision;

    /// <summary>SSE: denormal operands count as zero and raise nothing.</summary>
    public bool DenormalsAreZero;

    /// <summary>SSE: tiny results become zero while underflow is masked.</summary>
    public bool FlushToZero;

    /// <summary>All of MXCSR is at its defaults, so that the host's own arithmetic gives the same results.</summary>
    public bool HostRounds;

    /// <summary>The precision flag is already set, so that nobody needs to know whether a result is exact.</summary>
    public bool PrecisionIsSticky;

    /// <summary>Flags raised so far, as <see cref="FpFlags"/>.</summary>
    public int Flags;

    /// <summary>Flags of finished steps of an instruction that has several (DPPS). All are masked.</summary>
    public int Finished;

    /// <summary>Exceptions that were raised and are not masked.</summary>
    public readonly int Unmasked => Flags & ~Masked & FpFlags.All;

    /// <summary>An unmasked invalid, denormal or divide exception: there is no result, the destination keeps its value.</summary>
    public readonly bool HasNoResult => (Unmasked & FpFlags.PreComputation) != 0;

    /// <summary>
    /// What an SSE instruction sets in MXCSR, whether or not it raises an exception: when one found before the computation is unmasked,
    /// those found after it are not set (SDM vol. 1, 11.5.3).
    /// </summary>
    public readonly uint MxcsrFlags => (uint)((HasNoResult ? Flags & FpFlags.PreComputation : Flags & FpFlags.All) | Finished);

    /// <summary>Ends a step without an unmasked exception: what the next one raises can't take its flags back.</summary>
    public void FinishStep()
    {
        Finished |= Flags & FpFlags.All;
        Flags = 0;
    }

    /// <summary>The environment of an x87 instruction.</summary>
    public static FpEnvironment FromControlWord(ushort controlWord) => new()
    {
        Rounding = (RoundingMode)((controlWord >> 10) & 3),
        Masked = controlWord & FpFlags.All,
        // 01 is reserved; processors take it as 64 bits.
        Precision = ((controlWord >> 8) & 3) switch { 0 => 24, 2 => 53, _ => 64 },
    };

    /// <summary>The environment of an SSE instruction.</summary>
    public static FpEnvironment FromMxcsr(uint mxcsr) => new()
    {
        Rounding = (RoundingMode)((mxcsr >> 13) & 3),
        Masked = (int)(mxcsr >> 7) & FpFlags.All,
        Precision = 64,
        DenormalsAreZero = (mxcsr & MxcsrDenormalsAreZero) != 0,
        FlushToZero = (mxcsr & MxcsrFlushToZero) != 0,
        HostRounds = (mxcsr & MxcsrControl) == MxcsrDefaultControl,
        PrecisionIsSticky = (mxcsr & FpFlags.Precision) != 0,
    };

    /// <summary>Raises exceptions; true when one of them is unmasked, so that the operation must stop.</summary>
    public bool Raise(int flags)
    {
        Flags |= flags;
        return (flags & ~Masked & FpFlags.All) != 0;
    }

    /// <summary>The sign of an exact zero difference: minus only when rounding down (SDM vol. 1, 4.8.3.1).</summary>
    public readonly bool ZeroSumIsNegative => Rounding == RoundingMode.Down;
}
