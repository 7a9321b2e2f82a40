using System.Globalization;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Translation;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>Compares the registers that two engines have come to.</summary>
internal static unsafe class ImageComparison
{
    // SAFETY: fixed buffers are read within their sizes.
    private const int WordsPerVector = 4;
    private const int WordsPerX87 = 2;

    /// <summary>Compares.</summary>
    /// <param name="before">The registers before the block, for the report.</param>
    /// <param name="found">What translated code has left.</param>
    /// <param name="expected">What the interpreter has.</param>
    /// <param name="ignored">Arithmetic flags that don't count.</param>
    /// <param name="differences">Receives what differs; null when only the answer is wanted.</param>
    /// <returns>True when nothing differs that counts.</returns>
    public static bool Agree(
        in RegisterImage before, in RegisterImage found, in RegisterImage expected, RflagsBits ignored, List<ValueDifference>? differences)
    {
        bool agree = true;
        fixed (RegisterImage* b = &before, f = &found, e = &expected)
        {
            Words(b->Gpr, f->Gpr, e->Gpr, Gpr.Count, static i => RegisterNames.Gpr[i]);
            Words(b->Xmm, f->Xmm, e->Xmm, RegisterImage.VectorWords, static i => Part("YMM", i, WordsPerVector));
            Words(b->X87, f->X87, e->X87, RegisterImage.X87Words, static i => Part("x87 R", i, WordsPerX87));
        }

        ulong counted = ~FlagMask(ignored);
        Value("RFLAGS", before.Rflags, found.Rflags & counted, expected.Rflags & counted, 8);
        Value("RIP", before.Rip, found.Rip, expected.Rip, 16);
        Value("MXCSR", before.Mxcsr, found.Mxcsr, expected.Mxcsr, 8);
        Value("x87 control", before.Fcw, found.Fcw, expected.Fcw, 4);
        Value("x87 status", before.Fsw, found.Fsw, expected.Fsw, 4);
        Value("x87 top", before.FpuTop, found.FpuTop, expected.FpuTop, 1);
        Value("x87 tags", before.FpuTag, found.FpuTag, expected.FpuTag, 2);
        Value("x87 opcode", before.Fop, found.Fop, expected.Fop, 3);
        Value("x87 RIP", before.Fip, found.Fip, expected.Fip, 16);
        Value("x87 operand", before.Fdp, found.Fdp, expected.Fdp, 16);
        Value("GS base", before.GsBase, found.GsBase, expected.GsBase, 16);
        Value("kernel GS base", before.KernelGsBase, found.KernelGsBase, expected.KernelGsBase, 16);
        return agree;

        void Words(ulong* old, ulong* one, ulong* other, int count, Func<int, string> name)
        {
            if (new ReadOnlySpan<ulong>(one, count).SequenceEqual(new ReadOnlySpan<ulong>(other, count))) return;
            agree = false;
            if (differences is null) return;
            for (int i = 0; i < count; i++)
            {
                if (one[i] != other[i]) differences.Add(new ValueDifference(name(i), Hex(old[i], 16), Hex(one[i], 16), Hex(other[i], 16)));
            }
        }

        void Value(string name, ulong old, ulong one, ulong other, int digits)
        {
            if (one == other) return;
            agree = false;
            differences?.Add(new ValueDifference(name, Hex(old, digits), Hex(one, digits), Hex(other, digits)));
        }
    }

    /// <summary>The registers by name, as far as a report shows them.</summary>
    public static List<RegisterValue> Registers(in RegisterImage image)
    {
        List<RegisterValue> registers = [];
        for (int i = 0; i < Gpr.Count; i++) registers.Add(new RegisterValue(RegisterNames.Gpr[i], 64, image.Gpr[i]));
        registers.Add(new RegisterValue("RIP", 64, image.Rip));
        registers.Add(new RegisterValue("RFLAGS", 32, image.Rflags));
        registers.Add(new RegisterValue("MXCSR", 32, image.Mxcsr));
        registers.Add(new RegisterValue("GSbase", 64, image.GsBase));
        return registers;
    }

    private static ulong FlagMask(RflagsBits flags)
    {
        return Bit(RflagsBits.OF, Flags.Of) | Bit(RflagsBits.SF, Flags.Sf) | Bit(RflagsBits.ZF, Flags.Zf) |
            Bit(RflagsBits.AF, Flags.Af) | Bit(RflagsBits.CF, Flags.Cf) | Bit(RflagsBits.PF, Flags.Pf);

        ulong Bit(RflagsBits flag, ulong bit) => (flags & flag) != 0 ? bit : 0;
    }

    private static string Part(string register, int word, int words) =>
        string.Create(CultureInfo.InvariantCulture, $"{register}{word / words}[{word % words}]");

    private static string Hex(ulong value, int digits) => value.ToString($"x{digits}", CultureInfo.InvariantCulture);
}
