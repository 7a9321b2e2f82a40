using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.SseFloat;
using Vitrine.Accelerators.Software.Interpreter.SseFloat.Operations;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// The SIMD exceptions of an instruction under the guest's masks. The host has executed it with all of them masked, and shows nearly the
/// same flags; but unmasked, underflow is raised by every tiny result and precision only by results that would be inexact with
/// exponents without bounds (SDM vol. 1, 4.9.1.4 and 4.9.1.5), and a dot product stops at the step that raises. There the interpreter's
/// arithmetic computes the flags again.
/// </summary>
internal static unsafe class SimdFlags
{
    // SAFETY: operands are vector registers of the state, or lie in the frame, which has room for 64 bytes.
    private const int LaneBytes = 16;
    private const int PostComputation = FpFlags.Overflow | FpFlags.Underflow | FpFlags.Precision;

    /// <summary>The guest's MXCSR with the flags that the instruction raises.</summary>
    /// <param name="cpu">The vCPU, its registers as before the instruction.</param>
    /// <param name="stub">The instruction.</param>
    /// <param name="frame">Its operand in memory, and what the host made of it.</param>
    public static FpEnvironment Of(CpuState* cpu, HostStub* stub, HostFrame* frame)
    {
        FpEnvironment host = FpEnvironment.FromMxcsr(cpu->Mxcsr);
        host.Flags = (int)frame->MxcsrAfter & FpFlags.All;
        Instruction instruction = stub->Key.ToInstruction();
        Operands operands = new(cpu, frame, instruction);
        FpEnvironment environment = FpEnvironment.FromMxcsr(cpu->Mxcsr);
        if (instruction.Mnemonic == Mnemonic.Vdpps) return DotProduct<SingleFormat>(in operands, environment);
        if (instruction.Mnemonic == Mnemonic.Vdppd) return DotProduct<DoubleFormat>(in operands, environment);
        if ((host.Masked & (FpFlags.Overflow | FpFlags.Underflow)) == (FpFlags.Overflow | FpFlags.Underflow)) return host;
        if (!TryBinary(in operands, ref environment) && !TryFused(in operands, ref environment) && !TryHalf(in operands, ref environment)) return host;
        host.Flags = (host.Flags & ~PostComputation) | (environment.Flags & PostComputation);
        return host;
    }

    /// <summary>What can overflow or underflow and has a form without VEX.</summary>
    private static bool TryBinary(in Operands operands, ref FpEnvironment environment)
    {
        delegate*<Vector128<byte>, Vector128<byte>, byte, ref FpEnvironment, Vector128<byte>> operation = operands.Mnemonic switch
        {
            Mnemonic.Vaddps => &Packed<Arithmetic.Add, SingleFormat>.Apply,
            Mnemonic.Vaddpd => &Packed<Arithmetic.Add, DoubleFormat>.Apply,
            Mnemonic.Vaddss => &Scalar<Arithmetic.Add, SingleFormat>.Apply,
            Mnemonic.Vaddsd => &Scalar<Arithmetic.Add, DoubleFormat>.Apply,
            Mnemonic.Vsubps => &Packed<Arithmetic.Subtract, SingleFormat>.Apply,
            Mnemonic.Vsubpd => &Packed<Arithmetic.Subtract, DoubleFormat>.Apply,
            Mnemonic.Vsubss => &Scalar<Arithmetic.Subtract, SingleFormat>.Apply,
            Mnemonic.Vsubsd => &Scalar<Arithmetic.Subtract, DoubleFormat>.Apply,
            Mnemonic.Vmulps => &Packed<Arithmetic.Multiply, SingleFormat>.Apply,
            Mnemonic.Vmulpd => &Packed<Arithmetic.Multiply, DoubleFormat>.Apply,
            Mnemonic.Vmulss => &Scalar<Arithmetic.Multiply, SingleFormat>.Apply,
            Mnemonic.Vmulsd => &Scalar<Arithmetic.Multiply, DoubleFormat>.Apply,
            Mnemonic.Vdivps => &Packed<Arithmetic.Divide, SingleFormat>.Apply,
            Mnemonic.Vdivpd => &Packed<Arithmetic.Divide, DoubleFormat>.Apply,
            Mnemonic.Vdivss => &Scalar<Arithmetic.Divide, SingleFormat>.Apply,
            Mnemonic.Vdivsd => &Scalar<Arithmetic.Divide, DoubleFormat>.Apply,
            Mnemonic.Vhaddps => &Horizontal.Pairs<Arithmetic.Add, SingleFormat>.Apply,
            Mnemonic.Vhaddpd => &Horizontal.Pairs<Arithmetic.Add, DoubleFormat>.Apply,
            Mnemonic.Vhsubps => &Horizontal.Pairs<Arithmetic.Subtract, SingleFormat>.Apply,
            Mnemonic.Vhsubpd => &Horizontal.Pairs<Arithmetic.Subtract, DoubleFormat>.Apply,
            Mnemonic.Vaddsubps => &Horizontal.Alternating<SingleFormat>.Apply,
            Mnemonic.Vaddsubpd => &Horizontal.Alternating<DoubleFormat>.Apply,
            Mnemonic.Vcvtpd2ps => &Conversions.PackedFormat<DoubleFormat, SingleFormat>.Apply,
            Mnemonic.Vcvtsd2ss => &Conversions.ScalarFormat<DoubleFormat, SingleFormat>.Apply,
            _ => null,
        };
        if (operation == null) return false;
        bool hasTwoSources = operands.Count == 3;
        for (int lane = 0; lane < operands.Lanes; lane++)
            operation(operands.Lane(1, lane), operands.Lane(hasTwoSources ? 2 : 1, lane), 0, ref environment);
        return true;
    }

    /// <summary>VFMADD and its relatives: the digits in the name say which operands are multiplied and which is added.</summary>
    private static bool TryFused(in Operands operands, ref FpEnvironment environment)
    {
        // Iced counts 132pd 132ps 132sd 132ss 213pd ...; those that alternate have no scalar forms.
        Mnemonic mnemonic = operands.Mnemonic;
        bool alternates = false;
        int form;
        bool negatesProduct = false;
        bool negatesAddend = false;
        if (IsFrom(mnemonic, Mnemonic.Vfmadd132pd, 12, out form)) (negatesProduct, negatesAddend) = (false, false);
        else if (IsFrom(mnemonic, Mnemonic.Vfmsub132pd, 12, out form)) (negatesProduct, negatesAddend) = (false, true);
        else if (IsFrom(mnemonic, Mnemonic.Vfnmadd132pd, 12, out form)) (negatesProduct, negatesAddend) = (true, false);
        else if (IsFrom(mnemonic, Mnemonic.Vfnmsub132pd, 12, out form)) (negatesProduct, negatesAddend) = (true, true);
        else if (IsFrom(mnemonic, Mnemonic.Vfmaddsub132pd, 6, out form)) (alternates, negatesAddend) = (true, true);
        else if (IsFrom(mnemonic, Mnemonic.Vfmsubadd132pd, 6, out form)) (alternates, negatesAddend) = (true, false);
        else return false;

        int types = alternates ? 2 : 4;
        bool isDouble = form % types is 0 or 2;
        bool isScalar = form % types >= 2;
        (int first, int second, int addend) = (form / types) switch
        {
            0 => (0, 2, 1),
            1 => (1, 0, 2),
            _ => (1, 2, 0),
        };
        for (int lane = 0; lane < operands.Lanes; lane++)
        {
            Vector128<byte> a = operands.Lane(first, lane);
            Vector128<byte> b = operands.Lane(second, lane);
            Vector128<byte> c = operands.Lane(addend, lane);
            int count = isScalar ? 1 : isDouble ? 2 : 4;
            for (int i = 0; i < count; i++)
            {
                // Even elements as said above; odd ones the other way.
                bool negates = negatesAddend != (alternates && (i & 1) != 0);
                if (isDouble) FusedMultiplyAdd<DoubleFormat>(a, b, c, i, negatesProduct, negates, ref environment);
                else FusedMultiplyAdd<SingleFormat>(a, b, c, i, negatesProduct, negates, ref environment);
            }
        }

        return true;
    }

    private static bool IsFrom(Mnemonic mnemonic, Mnemonic first, int count, out int distance)
    {
        distance = (int)mnemonic - (int)first;
        return distance >= 0 && distance < count;
    }

    /// <summary>Overflow, underflow and precision of one element.</summary>
    private static void FusedMultiplyAdd<TFormat>(
        Vector128<byte> a, Vector128<byte> b, Vector128<byte> c, int index, bool negatesProduct, bool negatesAddend, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        Unpacked x = Unpacked.From<TFormat>(FloatElements.Get<TFormat>(a, index), environment.DenormalsAreZero);
        Unpacked y = Unpacked.From<TFormat>(FloatElements.Get<TFormat>(b, index), environment.DenormalsAreZero);
        Unpacked z = Unpacked.From<TFormat>(FloatElements.Get<TFormat>(c, index), environment.DenormalsAreZero);
        if (x.IsNan || y.IsNan || z.IsNan || x.IsInfinity || y.IsInfinity || z.IsInfinity) return;
        if (negatesAddend) z = z.Negated;
        ExactResult result = ExactResult.From(z);
        if (!x.IsZero && !y.IsZero)
        {
            ExactResult product = FiniteArithmetic.Multiply(x, y);
            if (negatesProduct) product = product with { Negative = !product.Negative };
            if (z.IsZero) result = product;
            else if (!FiniteArithmetic.TryAdd(product, result, out result)) return;
        }
        else if (z.IsZero)
        {
            return;
        }

        Rounder.Round(result, TFormat.Format, ref environment);
    }

    /// <summary>VCVTPS2PH, which never flushes to zero, and whose immediate may say how to round.</summary>
    private static bool TryHalf(in Operands operands, ref FpEnvironment environment)
    {
        const int RoundsAsMxcsr = 4;
        if (operands.Mnemonic != Mnemonic.Vcvtps2ph) return false;
        environment.FlushToZero = false;
        if ((operands.Control & RoundsAsMxcsr) == 0) environment.Rounding = (RoundingMode)(operands.Control & 3);
        for (int lane = 0; lane < operands.Lanes; lane++)
        {
            for (int i = 0; i < 4; i++)
            {
                Unpacked x = Unpacked.From<SingleFormat>(FloatElements.Get<SingleFormat>(operands.Lane(1, lane), i), environment.DenormalsAreZero);
                if (x.Class == FpClass.Finite) Rounder.Round(ExactResult.From(x), FpFormat.Half, ref environment);
            }
        }

        return true;
    }

    /// <summary>Both lanes go through each step together.</summary>
    private static FpEnvironment DotProduct<TFormat>(in Operands operands, FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        bool hasUpper = operands.Lanes == 2;
        Vector128<byte> upper = default;
        Vector128<byte> lower = Horizontal.DotProduct<TFormat>.Multiply(operands.Lane(1, 0), operands.Lane(2, 0), operands.Control, ref environment);
        if (hasUpper) upper = Horizontal.DotProduct<TFormat>.Multiply(operands.Lane(1, 1), operands.Lane(2, 1), operands.Control, ref environment);
        if (!Horizontal.DotProduct<TFormat>.TryFinishStep(ref environment)) return environment;
        lower = Horizontal.DotProduct<TFormat>.AddPairs(lower, ref environment);
        if (hasUpper) upper = Horizontal.DotProduct<TFormat>.AddPairs(upper, ref environment);
        if (!Horizontal.DotProduct<TFormat>.TryFinishStep(ref environment)) return environment;
        Horizontal.DotProduct<TFormat>.AddSums(lower, ref environment);
        if (hasUpper) Horizontal.DotProduct<TFormat>.AddSums(upper, ref environment);
        return environment;
    }

    /// <summary>The operands of an instruction, in lanes of 16 bytes.</summary>
    private readonly ref struct Operands(CpuState* cpu, HostFrame* frame, Instruction instruction)
    {
        private readonly CpuState* _cpu = cpu;
        private readonly HostFrame* _frame = frame;
        private readonly Instruction _instruction = instruction;

        public Mnemonic Mnemonic => _instruction.Mnemonic;

        /// <summary>How many there are, an immediate included.</summary>
        public int Count => _instruction.OpCount;

        public byte Control => _instruction.Immediate8;

        /// <summary>Lanes that are computed with: of the wider of the first two operands.</summary>
        public int Lanes => _instruction.Op0Register.IsYMM() || _instruction.Op1Register.IsYMM() || _instruction.MemorySize.GetSize() > LaneBytes ? 2 : 1;

        /// <summary>A lane of an operand.</summary>
        public Vector128<byte> Lane(int operand, int lane)
        {
            byte* start = _instruction.GetOpKind(operand) == OpKind.Memory
                ? _frame->Operand
                : (byte*)_cpu + CpuState.XmmOffset(_instruction.GetOpRegister(operand).GetNumber());
            return *(Vector128<byte>*)(start + (lane * LaneBytes));
        }
    }
}
