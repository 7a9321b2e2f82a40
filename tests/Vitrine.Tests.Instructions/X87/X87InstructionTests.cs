using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Tests.Software.FloatingPoint;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.X87;

/// <summary>
/// Every x87 instruction on the software CPU and on the host, from the same random state (registers, TOP, tags, masks, EFLAGS) to
/// the state that FNSAVE shows afterwards.
/// </summary>
public sealed class X87InstructionTests
{
    private const int Seed = 20260120;
    private const int Cases = 250;

    private const int Before = 0;
    private const int After = 0x80;
    private const int Operand = 0x100;
    private const int Eflags = 0x120;
    private const int EflagsAfter = 0x122;
    private const int Size = 0x130;
    private const int Registers = 28;

    private const ushort C0 = 0x0100;
    private const ushort C1 = 0x0200;
    private const ushort C2 = 0x0400;
    private const ushort C3 = 0x4000;

    /// <summary>Name, and its encoding: the bytes of a register form, or opcode and reg field of a memory form.</summary>
    private static readonly Dictionary<string, byte[]> Encodings = new()
    {
        ["fadd m32"] = [0xD8, 0],
        ["fmul m32"] = [0xD8, 1],
        ["fcom m32"] = [0xD8, 2],
        ["fcomp m32"] = [0xD8, 3],
        ["fsub m32"] = [0xD8, 4],
        ["fsubr m32"] = [0xD8, 5],
        ["fdiv m32"] = [0xD8, 6],
        ["fdivr m32"] = [0xD8, 7],
        ["fadd"] = [0xD8, 0xC1],
        ["fmul"] = [0xD8, 0xCA],
        ["fcom"] = [0xD8, 0xD1],
        ["fcomp"] = [0xD8, 0xD9],
        ["fsub"] = [0xD8, 0xE3],
        ["fsubr"] = [0xD8, 0xE9],
        ["fdiv"] = [0xD8, 0xF1],
        ["fdivr"] = [0xD8, 0xF9],
        ["fst m32"] = [0xD9, 2],
        ["fstp m32"] = [0xD9, 3],
        ["fldcw"] = [0xD9, 5],
        ["fnstcw"] = [0xD9, 7],
        ["fld"] = [0xD9, 0xC1],
        ["fxch"] = [0xD9, 0xC9],
        ["fnop"] = [0xD9, 0xD0],
        ["fchs"] = [0xD9, 0xE0],
        ["fabs"] = [0xD9, 0xE1],
        ["ftst"] = [0xD9, 0xE4],
        ["fxam"] = [0xD9, 0xE5],
        ["fld1"] = [0xD9, 0xE8],
        ["fldl2t"] = [0xD9, 0xE9],
        ["fldl2e"] = [0xD9, 0xEA],
        ["fldpi"] = [0xD9, 0xEB],
        ["fldlg2"] = [0xD9, 0xEC],
        ["fldln2"] = [0xD9, 0xED],
        ["fldz"] = [0xD9, 0xEE],
        ["fxtract"] = [0xD9, 0xF4],
        ["fprem1"] = [0xD9, 0xF5],
        ["fdecstp"] = [0xD9, 0xF6],
        ["fincstp"] = [0xD9, 0xF7],
        ["fprem"] = [0xD9, 0xF8],
        ["fsqrt"] = [0xD9, 0xFA],
        ["frndint"] = [0xD9, 0xFC],
        ["fscale"] = [0xD9, 0xFD],
        ["fiadd m32"] = [0xDA, 0],
        ["fimul m32"] = [0xDA, 1],
        ["ficom m32"] = [0xDA, 2],
        ["ficomp m32"] = [0xDA, 3],
        ["fisub m32"] = [0xDA, 4],
        ["fisubr m32"] = [0xDA, 5],
        ["fidiv m32"] = [0xDA, 6],
        ["fidivr m32"] = [0xDA, 7],
        ["fcmovb"] = [0xDA, 0xC1],
        ["fcmove"] = [0xDA, 0xC9],
        ["fcmovbe"] = [0xDA, 0xD1],
        ["fcmovu"] = [0xDA, 0xD9],
        ["fucompp"] = [0xDA, 0xE9],
        ["fild m32"] = [0xDB, 0],
        ["fisttp m32"] = [0xDB, 1],
        ["fist m32"] = [0xDB, 2],
        ["fistp m32"] = [0xDB, 3],
        ["fld m80"] = [0xDB, 5],
        ["fstp m80"] = [0xDB, 7],
        ["fcmovnb"] = [0xDB, 0xC1],
        ["fcmovne"] = [0xDB, 0xC9],
        ["fcmovnbe"] = [0xDB, 0xD1],
        ["fcmovnu"] = [0xDB, 0xD9],
        ["fnclex"] = [0xDB, 0xE2],
        ["fninit"] = [0xDB, 0xE3],
        ["fucomi"] = [0xDB, 0xE9],
        ["fcomi"] = [0xDB, 0xF1],
        ["fadd m64"] = [0xDC, 0],
        ["fmul m64"] = [0xDC, 1],
        ["fcom m64"] = [0xDC, 2],
        ["fcomp m64"] = [0xDC, 3],
        ["fsub m64"] = [0xDC, 4],
        ["fsubr m64"] = [0xDC, 5],
        ["fdiv m64"] = [0xDC, 6],
        ["fdivr m64"] = [0xDC, 7],
        ["fadd to"] = [0xDC, 0xC2],
        ["fmul to"] = [0xDC, 0xC9],
        ["fcom dc"] = [0xDC, 0xD1],
        ["fcomp dc"] = [0xDC, 0xD9],
        ["fsubr to"] = [0xDC, 0xE1],
        ["fsub to"] = [0xDC, 0xE9],
        ["fdivr to"] = [0xDC, 0xF1],
        ["fdiv to"] = [0xDC, 0xF9],
        ["fisttp m64"] = [0xDD, 1],
        ["fst m64"] = [0xDD, 2],
        ["fstp m64"] = [0xDD, 3],
        ["fnstsw"] = [0xDD, 7],
        ["ffree"] = [0xDD, 0xC1],
        ["fxch dd"] = [0xDD, 0xC9],
        ["fst"] = [0xDD, 0xD2],
        ["fstp"] = [0xDD, 0xDA],
        ["fucom"] = [0xDD, 0xE1],
        ["fucomp"] = [0xDD, 0xE9],
        ["fiadd m16"] = [0xDE, 0],
        ["fimul m16"] = [0xDE, 1],
        ["ficom m16"] = [0xDE, 2],
        ["ficomp m16"] = [0xDE, 3],
        ["fisub m16"] = [0xDE, 4],
        ["fisubr m16"] = [0xDE, 5],
        ["fidiv m16"] = [0xDE, 6],
        ["fidivr m16"] = [0xDE, 7],
        ["faddp"] = [0xDE, 0xC1],
        ["fmulp"] = [0xDE, 0xC9],
        ["fcomp de"] = [0xDE, 0xD1],
        ["fcompp"] = [0xDE, 0xD9],
        ["fsubrp"] = [0xDE, 0xE1],
        ["fsubp"] = [0xDE, 0xE9],
        ["fdivrp"] = [0xDE, 0xF1],
        ["fdivp"] = [0xDE, 0xF9],
        ["fild m16"] = [0xDF, 0],
        ["fisttp m16"] = [0xDF, 1],
        ["fist m16"] = [0xDF, 2],
        ["fistp m16"] = [0xDF, 3],
        ["fbld"] = [0xDF, 4],
        ["fild m64"] = [0xDF, 5],
        ["fbstp"] = [0xDF, 6],
        ["fistp m64"] = [0xDF, 7],
        ["ffreep"] = [0xDF, 0xC1],
        ["fxch df"] = [0xDF, 0xC9],
        ["fstp df"] = [0xDF, 0xD1],
        ["fnstsw ax"] = [0xDF, 0xE0],
        ["fucomip"] = [0xDF, 0xE9],
        ["fcomip"] = [0xDF, 0xF1],
        ["fnstenv"] = [0xD9, 6],
    };

    /// <summary>Condition codes that the manual defines after an instruction; the others differ between processors.</summary>
    private static int DefinedConditions(string name) => name switch
    {
        "fxam" or "fprem" or "fprem1" or "ftst" => C0 | C2 | C3,
        _ when name.Contains("com", StringComparison.Ordinal) => C0 | C2 | C3,
        _ => 0,
    };

    public static TheoryData<string> Names() => [.. Encodings.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void StateAfterwardsIsTheHosts(string name)
    {
        Assert.SkipUnless(HostRoutine.IsAvailable, HostRoutine.Missing);
        byte[] encoding = Encodings[name];
        using HostRoutine host = new(HostCode(encoding));
        using GuestRoutine guest = new(GuestCode(encoding));
        RandomOperands operands = new(Seed);
        byte[] expected = new byte[Size];
        byte[] actual = new byte[Size];
        for (int i = 0; i < Cases; i++)
        {
            Fill(operands, name, expected);
            expected.CopyTo(actual, 0);
            byte[] before = [.. expected];
            host.Run(expected);
            guest.Run(actual);
            Normalize(name, expected);
            Normalize(name, actual);
            if (!expected.AsSpan().SequenceEqual(actual))
                Assert.Fail($"{name}, seed {Seed}, case {i}\nbefore {Describe(before, Before)}\nhost   {Describe(expected, After)}\nours   {Describe(actual, After)}");
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void NothingThatDecodesIsMissing(int bitness)
    {
        for (int opcode = 0xD8; opcode <= 0xDF; opcode++)
        {
            for (int modRm = 0; modRm <= 0xFF; modRm++)
            {
                foreach (byte[] prefix in (byte[][])[[], [0x66]])
                {
                    byte[] code = [.. prefix, (byte)opcode, (byte)modRm, 0, 0, 0, 0, 0];
                    Iced.Intel.Decoder.Create(bitness, code).Decode(out Instruction instruction);
                    if (instruction.IsInvalid) continue;
                    Assert.True(OpTable.Instance.Contains(instruction.Code), instruction.Code.ToString());
                }
            }
        }
    }

    private static Assembler HostCode(byte[] encoding)
    {
        Assembler a = new(64);
        a.mov(ax, __word_ptr[rdi + Eflags]);
        a.sahf();
        a.db(0xDD, 0xA7);
        Displacement(a, Before, 4);
        Emit(a, encoding, 4);
        a.db(0xDD, 0xB7);
        Displacement(a, After, 4);
        a.mov(__byte_ptr[rdi + EflagsAfter + 2], al);
        a.lahf();
        a.mov(__word_ptr[rdi + EflagsAfter], ax);
        a.ret();
        return a;
    }

    private static Assembler GuestCode(byte[] encoding)
    {
        Assembler a = new(16);
        a.mov(ax, __word_ptr[GuestRoutine.Data + Eflags]);
        a.sahf();
        a.db(0x66, 0xDD, 0x26);
        Displacement(a, GuestRoutine.Data + Before, 2);
        Emit(a, encoding, 2);
        a.db(0x66, 0xDD, 0x36);
        Displacement(a, GuestRoutine.Data + After, 2);
        a.mov(__byte_ptr[GuestRoutine.Data + EflagsAfter + 2], al);
        a.lahf();
        a.mov(__word_ptr[GuestRoutine.Data + EflagsAfter], ax);
        return a;
    }

    private static void Emit(Assembler a, byte[] encoding, int displacementSize)
    {
        if (encoding[1] >= 0xC0)
        {
            a.db(encoding);
            return;
        }

        bool host = displacementSize == 4;
        // FNSTENV in its 32-bit form on both sides.
        if (!host && encoding is [0xD9, 6]) a.db(0x66);
        a.db(encoding[0], (byte)((encoding[1] << 3) | (host ? 0x87 : 0x06)));
        Displacement(a, host ? Operand : GuestRoutine.Data + Operand, displacementSize);
    }

    private static void Displacement(Assembler a, int value, int size)
    {
        for (int i = 0; i < size; i++) a.db((byte)(value >> (i * 8)));
    }

    private static void Fill(RandomOperands operands, string name, byte[] frame)
    {
        Array.Clear(frame);
        bool masked = operands.Next(2) == 0;
        ushort control = operands.ControlWord(masked);
        int status = (operands.Next(8) << 11) | (operands.Next(16) << 8 & 0x700) | (operands.Next(2) << 14);
        if (masked) status |= operands.Next(0x80);
        ushort tags = 0;
        bool sparse = operands.Next(3) == 0;
        for (int i = 0; i < 8; i++) tags |= (ushort)((sparse && operands.Next(2) == 0 || !sparse && i == ((status >> 11) + 7) % 8 ? 3 : 0) << (i * 2));
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(Before), control);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(Before + 4), (ushort)status);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(Before + 8), tags);
        Float80 last = operands.Extended();
        for (int i = 0; i < 8; i++)
        {
            last = operands.Near(last);
            BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(Before + Registers + (i * 10)), last.Significand);
            BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(Before + Registers + (i * 10) + 8), last.SignExponent);
        }

        FillOperand(operands, name, masked, frame.AsSpan(Operand));
        frame[Eflags + 1] = (byte)operands.Next(256);
    }

    private static void FillOperand(RandomOperands operands, string name, bool masked, Span<byte> operand)
    {
        operand[..16].Fill(0x5A);
        if (name == "fldcw")
        {
            BinaryPrimitives.WriteUInt16LittleEndian(operand, (ushort)(operands.Next(0x10000) | (masked ? 0 : 0x3F)));
        }
        else if (name is "fld m80")
        {
            Float80 value = operands.Extended();
            BinaryPrimitives.WriteUInt64LittleEndian(operand, value.Significand);
            BinaryPrimitives.WriteUInt16LittleEndian(operand[8..], value.SignExponent);
        }
        else if (name is "fbld")
        {
            for (int i = 0; i < 9; i++) operand[i] = (byte)((operands.Next(10) << 4) | operands.Next(10));
            operand[9] = (byte)(operands.Next(2) << 7);
        }
        else if (name.StartsWith("fi", StringComparison.Ordinal))
        {
            BinaryPrimitives.WriteInt64LittleEndian(operand, operands.NextInteger());
        }
        else if (name.EndsWith("m32", StringComparison.Ordinal))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(operand, (uint)operands.Single());
        }
        else if (name.EndsWith("m64", StringComparison.Ordinal))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(operand, operands.Double());
        }
    }

    /// <summary>Clears what may differ: undefined condition codes, and addresses.</summary>
    private static void Normalize(string name, byte[] frame)
    {
        int undefined = (C0 | C2 | C3) & ~DefinedConditions(name);
        // The manual has FCOMI clear C1, AMD processors leave it.
        if (name.Contains("comi", StringComparison.Ordinal)) undefined |= C1;
        Span<byte> status = frame.AsSpan(After + 4);
        BinaryPrimitives.WriteUInt16LittleEndian(status, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(status) & ~undefined));
        frame.AsSpan(After + 12, 16).Clear();
        if (name == "fnstenv") frame.AsSpan(Operand + 12, 16).Clear();
    }

    private static string Describe(byte[] frame, int image)
    {
        string text = "";
        for (int i = 0; i < 12; i += 4) text += $"{BinaryPrimitives.ReadUInt16LittleEndian(frame.AsSpan(image + i)):x4} ";
        for (int i = 0; i < 8; i++)
        {
            Span<byte> register = frame.AsSpan(image + Registers + (i * 10));
            text += $"{BinaryPrimitives.ReadUInt16LittleEndian(register[8..]):x4}.{BinaryPrimitives.ReadUInt64LittleEndian(register):x16} ";
        }

        return text + Convert.ToHexString(frame.AsSpan(Operand, 16)) + " flags " + Convert.ToHexString(frame.AsSpan(Eflags, 5));
    }
}
