using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>
/// The memory images of FNSTENV and FNSAVE (SDM vol. 1, figures 8-9 to 8-12): seven fields of two or four bytes, then, for FNSAVE,
/// ST(0) to ST(7) of ten bytes each.
/// <code>
///            protected            real, virtual-8086
///  0..2   FCW, FSW, FTW           FCW, FSW, FTW
///  3      FIP                     linear FIP, bits 15:0
///  4      FCS | FOP (32 bits)     linear FIP from bit 16 on, above FOP in bits 10:0
///  5      FDP                     linear FDP, bits 15:0
///  6      FDS                     linear FDP from bit 16 on, in bit 12 and up
/// </code>
/// </summary>
internal static unsafe class X87Image
{
    // SAFETY: images are buffers of MaximumSize bytes on the stack of ControlInstructions, or of the size they ask for.

    /// <summary>Bytes of the eight registers.</summary>
    public const int RegistersSize = 80;

    /// <summary>Bytes of the largest FNSAVE image.</summary>
    public const int MaximumSize = 28 + RegistersSize;

    private const int Fields = 7;
    private const uint TagEmpty = 3;

    /// <summary>Operand size of the instruction.</summary>
    internal interface ISize
    {
        /// <summary>Bytes of an FNSTENV image.</summary>
        static abstract int EnvironmentSize { get; }
    }

    /// <summary>16-bit operand size.</summary>
    internal readonly struct Word : ISize
    {
        /// <inheritdoc/>
        public static int EnvironmentSize => 14;
    }

    /// <summary>32-bit operand size.</summary>
    internal readonly struct Doubleword : ISize
    {
        /// <inheritdoc/>
        public static int EnvironmentSize => 28;
    }

    /// <summary>Writes the environment of the vCPU to an image.</summary>
    public static void StoreEnvironment<TSize>(CpuState* cpu, byte* image)
        where TSize : struct, ISize
    {
        bool wide = typeof(TSize) == typeof(Doubleword);
        // The unused upper halves read as ones.
        uint reserved = wide ? 0xFFFF_0000 : 0;
        uint* fields = stackalloc uint[Fields];
        fields[0] = reserved | cpu->Fcw;
        fields[1] = reserved | X87Status.Word(cpu);
        fields[2] = reserved | FullTag(cpu);
        if (IsProtected(cpu))
        {
            fields[3] = (uint)cpu->Fip;
            fields[4] = cpu->FpuCs | (wide ? (uint)cpu->Fop << 16 : 0);
            fields[5] = (uint)cpu->Fdp;
            fields[6] = reserved | cpu->FpuDs;
        }
        else
        {
            uint instruction = (uint)cpu->Fip + ((uint)cpu->FpuCs << 4);
            uint data = (uint)cpu->Fdp + ((uint)cpu->FpuDs << 4);
            fields[3] = reserved | (instruction & 0xFFFF);
            fields[4] = ((instruction >> 16) << 12) | cpu->Fop;
            fields[5] = reserved | (data & 0xFFFF);
            fields[6] = (data >> 16) << 12;
        }

        for (int i = 0; i < Fields; i++)
        {
            if (wide) Unsafe.WriteUnaligned(image + (i * 4), fields[i]);
            else Unsafe.WriteUnaligned(image + (i * 2), (ushort)fields[i]);
        }
    }

    /// <summary>Loads the environment of the vCPU from an image.</summary>
    public static void LoadEnvironment<TSize>(CpuState* cpu, byte* image)
        where TSize : struct, ISize
    {
        bool wide = typeof(TSize) == typeof(Doubleword);
        uint* fields = stackalloc uint[Fields];
        for (int i = 0; i < Fields; i++)
            fields[i] = wide ? Unsafe.ReadUnaligned<uint>(image + (i * 4)) : Unsafe.ReadUnaligned<ushort>(image + (i * 2));

        ControlInstructions.SetControl(cpu, (ushort)fields[0]);
        cpu->FpuTop = (byte)((fields[1] >> 11) & 7);
        cpu->Fsw = (ushort)(fields[1] & ~(7u << 11));
        cpu->FpuTag = 0;
        for (int i = 0; i < 8; i++)
        {
            if (((fields[2] >> (i * 2)) & 3) != TagEmpty) cpu->FpuTag |= (byte)(1 << i);
        }

        if (IsProtected(cpu))
        {
            cpu->Fip = fields[3];
            cpu->FpuCs = (ushort)fields[4];
            if (wide) cpu->Fop = (ushort)((fields[4] >> 16) & 0x7FF);
            cpu->Fdp = fields[5];
            cpu->FpuDs = (ushort)fields[6];
        }
        else
        {
            // The image holds linear addresses; their segments are not kept.
            cpu->Fip = (ushort)fields[3] | ((ulong)(fields[4] >> 12) << 16);
            cpu->Fop = (ushort)(fields[4] & 0x7FF);
            cpu->Fdp = (ushort)fields[5] | ((ulong)(fields[6] >> 12) << 16);
            cpu->FpuCs = cpu->FpuDs = 0;
        }

        X87Status.RefreshSummary(cpu);
    }

    /// <summary>Writes ST(0) to ST(7), whatever their tags.</summary>
    public static void StoreRegisters(CpuState* cpu, byte* image)
    {
        for (int i = 0; i < 8; i++)
        {
            Float80 value = X87Stack.Read(cpu, i);
            Unsafe.WriteUnaligned(image + (i * 10), value.Significand);
            Unsafe.WriteUnaligned(image + (i * 10) + 8, value.SignExponent);
        }
    }

    /// <summary>Loads ST(0) to ST(7) without changing their tags.</summary>
    public static void LoadRegisters(CpuState* cpu, byte* image)
    {
        byte tag = cpu->FpuTag;
        for (int i = 0; i < 8; i++)
        {
            X87Stack.Write(cpu, i, new(
                Unsafe.ReadUnaligned<ulong>(image + (i * 10)), Unsafe.ReadUnaligned<ushort>(image + (i * 10) + 8)));
        }

        cpu->FpuTag = tag;
    }

    /// <summary>The full tag word: per physical register 0 valid, 1 zero, 2 special, 3 empty.</summary>
    private static uint FullTag(CpuState* cpu)
    {
        uint tags = 0;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            Unpacked value = Unpacked.From(X87Stack.Read(cpu, i));
            uint tag = value.Class switch
            {
                _ when X87Stack.IsEmpty(cpu, i) => TagEmpty,
                FpClass.Zero => 1,
                FpClass.Finite when !value.IsDenormal => 0,
                _ => 2,
            };
            tags |= tag << (physical * 2);
        }

        return tags;
    }

    private static bool IsProtected(CpuState* cpu) =>
        (cpu->Mode & (ExecutionMode.Protected | ExecutionMode.Virtual8086)) == ExecutionMode.Protected;
}
