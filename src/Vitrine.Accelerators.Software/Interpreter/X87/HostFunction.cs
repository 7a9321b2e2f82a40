using System.Runtime.CompilerServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>
/// The transcendental functions as the host's processor has them: the manual bounds their error (SDM vol. 1, 8.3.10), and each processor has results of its own.
/// </summary>
internal static unsafe class HostFunction
{
    // SAFETY: the image is a buffer of the size that HostAnswers wants; registers are indexed by numbers below 8.
    private const int StatusWord = 4;
    private const int TagWord = 8;
    private const int Registers = 28;
    private const int RegisterBytes = 10;
    private const int EmptyTag = 3;
    private const int Sticky = FpFlags.All | X87Status.StackFault;
    private const int Conditions = X87Status.C0 | X87Status.C1 | X87Status.C2 | X87Status.C3;

    /// <summary>Binds a function.</summary>
    public static void Bind(in Instruction instruction, in BindContext context, Op* op) => X87Form.Bind(instruction, context, op, &Execute);

    private static Op* Execute(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        byte* image = stackalloc byte[HostAnswers.X87ImageBytes];
        Fill(cpu, image);
        HostAnswers.Execute((byte)op->Imm, image);
        Take(cpu, image);
        return op + 1;
    }

    /// <summary>Writes the state, without the exceptions that are there already: with one that is unmasked the host would raise its own.</summary>
    private static void Fill(CpuState* cpu, byte* image)
    {
        new Span<byte>(image, HostAnswers.X87ImageBytes).Clear();
        *(ushort*)image = cpu->Fcw;
        *(ushort*)(image + StatusWord) = (ushort)((cpu->Fsw & Conditions) | (cpu->FpuTop << 11));
        int tags = 0;
        for (int i = 0; i < 8; i++)
        {
            if ((cpu->FpuTag & (1 << i)) == 0) tags |= EmptyTag << (2 * i);
            Float80 value = X87Stack.Read(cpu, i);
            byte* register = image + Registers + (i * RegisterBytes);
            Unsafe.WriteUnaligned(register, value.Significand);
            Unsafe.WriteUnaligned(register + sizeof(ulong), value.SignExponent);
        }

        *(ushort*)(image + TagWord) = (ushort)tags;
    }

    private static void Take(CpuState* cpu, byte* image)
    {
        ushort status = *(ushort*)(image + StatusWord);
        ushort tags = *(ushort*)(image + TagWord);
        cpu->FpuTop = (byte)((status >> 11) & 7);
        for (int i = 0; i < 8; i++)
        {
            byte* register = image + Registers + (i * RegisterBytes);
            X87Stack.Write(cpu, i, new Float80(Unsafe.ReadUnaligned<ulong>(register), Unsafe.ReadUnaligned<ushort>(register + sizeof(ulong))));
        }

        int used = 0;
        for (int i = 0; i < 8; i++)
        {
            if (((tags >> (2 * i)) & EmptyTag) != EmptyTag) used |= 1 << i;
        }

        cpu->FpuTag = (byte)used;
        X87Status.SetConditions(cpu, X87Status.C0 | X87Status.C2 | X87Status.C3, status & (X87Status.C0 | X87Status.C2 | X87Status.C3));
        X87Status.Merge(cpu, status & (Sticky | X87Status.C1));
    }
}
