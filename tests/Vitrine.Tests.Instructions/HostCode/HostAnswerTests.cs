using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Tests.Software.FloatingPoint;
using Vitrine.Tests.Software.Translator;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using X86Sse = System.Runtime.Intrinsics.X86.Sse;

namespace Vitrine.Tests.Software.HostCode;

/// <summary>
/// What the manual leaves to the processor has one answer in a machine, whichever way the code runs: translated, interpreted because the machine has no
/// translator, or interpreted amid translated code because it is stepped.
/// </summary>
public sealed class HostAnswerTests
{
    private const int Seed = 20260301;
    private const int Results = 0x1000;
    private const int ResultBytes = 0x1000;

    public HostAnswerTests() => Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "the host has no translator");

    private static readonly Dictionary<string, Action<Assembler>> s_routines = new()
    {
        ["rcpps"] = a => Each(a, 16, () => { a.movups(xmm1, __[rsi]); a.rcpps(xmm0, xmm1); a.movups(__[rdi], xmm0); }),
        ["rcpss"] = a => Each(a, 16, () => { a.movups(xmm0, __[rsi]); a.rcpss(xmm0, __[rsi + 4]); a.movups(__[rdi], xmm0); }),
        ["rsqrtps"] = a => Each(a, 16, () => { a.movups(xmm1, __[rsi]); a.rsqrtps(xmm0, xmm1); a.movups(__[rdi], xmm0); }),
        ["rsqrtss"] = a => Each(a, 16, () => { a.movups(xmm0, __[rsi]); a.rsqrtss(xmm0, __[rsi + 4]); a.movups(__[rdi], xmm0); }),
        ["vrcpps"] = a => Each(a, 32, () => { a.vrcpps(ymm0, __[rsi]); a.vmovups(__[rdi], ymm0); }),
        ["vrcpss"] = a => Each(a, 16, () => { a.vmovups(xmm1, __[rsi]); a.vrcpss(xmm0, xmm1, __[rsi + 4]); a.vmovups(__[rdi], xmm0); }),
        ["vrsqrtps"] = a => Each(a, 32, () => { a.vrsqrtps(ymm0, __[rsi]); a.vmovups(__[rdi], ymm0); }),
        ["vrsqrtss"] = a => Each(a, 16, () => { a.vmovups(xmm1, __[rsi]); a.vrsqrtss(xmm0, xmm1, __[rsi + 4]); a.vmovups(__[rdi], xmm0); }),
        ["fsin"] = a => Angle(a, a.fsin),
        ["fcos"] = a => Angle(a, a.fcos),
        ["fsincos"] = a => Angle(a, a.fsincos),
        ["fptan"] = a => Angle(a, a.fptan),
        ["fpatan"] = a => Angle(a, a.fpatan),
        ["f2xm1"] = a => Angle(a, a.f2xm1),
        ["fyl2x"] = a => Angle(a, a.fyl2x),
        ["fyl2xp1"] = a => Angle(a, a.fyl2xp1),
        ["shld"] = a => Each(a, 16, () => { a.mov(ax, __[rsi]); a.mov(dx, __[rsi + 2]); a.mov(bl, cl); a.add(cl, 17); a.shld(ax, dx, cl); a.mov(cl, bl); a.mov(__[rdi], ax); }),
        ["shrd"] = a => Each(a, 16, () => { a.mov(ax, __[rsi]); a.mov(dx, __[rsi + 2]); a.mov(bl, cl); a.add(cl, 17); a.shrd(ax, dx, cl); a.mov(cl, bl); a.mov(__[rdi], ax); }),
        ["bsf of 0"] = a => Each(a, 16, () => { a.mov(rax, __[rsi]); a.xor(edx, edx); a.bsf(eax, edx); a.mov(__[rdi], rax); }),
        ["bsr of 0"] = a => Each(a, 16, () => { a.mov(rax, __[rsi]); a.xor(edx, edx); a.bsr(eax, edx); a.mov(__[rdi], rax); }),
        ["fcomi"] = a => Each(a, 16, () =>
        {
            // C1 set by FXAM of a negative number.
            a.fld1();
            a.fchs();
            a.fxam();
            a.fcomi(st0, st0);
            a.fnstsw(__word_ptr[rdi]);
            a.fstp(st0);
        }),
        ["fnstenv"] = a => Each(a, 32, () =>
        {
            a.fld(__dword_ptr[rsi + 4]);
            a.fstp(st0);
            a.fnstenv(__[rdi]);
            a.fldenv(__[rdi]);
        }),
    };

    public static TheoryData<string> Names => [.. s_routines.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryWayOfRunningHasTheSameResult(string name)
    {
        bool isVex = name[0] == 'v';
        Assert.SkipUnless(!isVex || HostProcessor.HasAvx, "the host has no AVX");
        byte[] operands = Operands();
        byte[] translated = Run(name, SoftwareEngine.Translator, operands, step: false);
        Assert.Contains(translated, value => value != 0);
        Assert.Equal(Convert.ToHexString(translated), Convert.ToHexString(Run(name, SoftwareEngine.Translator, operands, step: true)));
        if (!isVex) Assert.Equal(Convert.ToHexString(translated), Convert.ToHexString(Run(name, SoftwareEngine.Interpreter, operands, step: false)));
    }

    [Fact]
    public void ApproximationsAreTheHosts()
    {
        byte[] operands = Operands();
        byte[] reciprocals = Run("rcpps", SoftwareEngine.Interpreter, operands, step: false);
        byte[] roots = Run("rsqrtps", SoftwareEngine.Interpreter, operands, step: false);
        for (int i = 0; i < ResultBytes; i += 16)
        {
            Vector128<float> operand = Vector128.Create<byte>(operands.AsSpan(i, 16)).AsSingle();
            Assert.Equal(X86Sse.Reciprocal(operand).AsByte(), Vector128.Create<byte>(reciprocals.AsSpan(i, 16)));
            Assert.Equal(X86Sse.ReciprocalSqrt(operand).AsByte(), Vector128.Create<byte>(roots.AsSpan(i, 16)));
        }
    }

    /// <summary>On a host that isn't x86: a relative error of at most 1.5 * 2^-12, and the special values (SDM vol. 2, RCPSS and RSQRTSS).</summary>
    [Fact]
    public void ModelOfTheApproximationsKeepsTheManualsBound()
    {
        RandomOperands operands = new(Seed);
        for (int i = 0; i < 20_000; i++)
        {
            float x = BitConverter.UInt32BitsToSingle((uint)operands.Single());
            Check(1.0 / x, SseApproximation.ReciprocalByModel(BitConverter.SingleToUInt32Bits(x)));
            if (x > 0) Check(1 / Math.Sqrt(x), SseApproximation.ReciprocalSquareRootByModel(BitConverter.SingleToUInt32Bits(x)));

            void Check(double exact, uint bits)
            {
                if (!float.IsNormal(x) || !float.IsNormal((float)exact)) return;
                Assert.True(Math.Abs(BitConverter.UInt32BitsToSingle(bits) - exact) <= 1.5 / 4096 * Math.Abs(exact), $"{x:R}: {bits:x}");
            }
        }

        foreach ((uint operand, uint reciprocal, uint root) in ((uint, uint, uint)[])
            [(0, 0x7F80_0000, 0x7F80_0000), (0x8000_0001, 0xFF80_0000, 0xFF80_0000), (0x7F80_0000, 0, 0), (0xC000_0000, 0xBF00_0000, 0xFFC0_0000), (0x7F80_0001, 0x7FC0_0001, 0x7FC0_0001)])
        {
            Assert.Equal((reciprocal, root), (SseApproximation.ReciprocalByModel(operand), SseApproximation.ReciprocalSquareRootByModel(operand)));
        }
    }

    /// <summary>Runs a routine over all operands, and reads the results.</summary>
    private static byte[] Run(string name, SoftwareEngine engine, byte[] operands, bool step)
    {
        using FlatGuest guest = new(
            a =>
            {
                Enable(a);
                s_routines[name](a);
                FlatGuest.Exit(a);
            },
            configure: config => config with { Software = new SoftwareOptions { Engine = engine }, CpuModel = name[0] == 'v' ? "host" : config.CpuModel });
        Assert.True(guest.Machine.Memory.TryWrite(new Gpa(FlatGuest.Data), operands));
        if (step)
        {
            while (guest.Machine.Step().Outcome == StepOutcome.Stepped)
            {
            }
        }
        else
        {
            Assert.Equal(VmEndReason.DebugExit, guest.Run().Reason);
        }

        byte[] results = new byte[ResultBytes];
        Assert.True(guest.Machine.Memory.TryRead(new Gpa(FlatGuest.Data + Results), results));
        return results;
    }

    private static byte[] Operands()
    {
        RandomOperands random = new(Seed);
        byte[] operands = new byte[ResultBytes];
        for (int i = 0; i < operands.Length; i += 4) BitConverter.TryWriteBytes(operands.AsSpan(i), (uint)random.Single());
        return operands;
    }

    // CR4.OSFXSR, OSXMMEXCPT and, where there is XSAVE, OSXSAVE with AVX in XCR0.
    private static void Enable(Assembler a)
    {
        Label without = a.CreateLabel();
        a.mov(rax, cr4);
        a.or(eax, 0x600);
        a.mov(cr4, rax);
        a.mov(eax, 1);
        a.cpuid();
        a.bt(ecx, 26);
        a.jae(without);
        a.mov(rax, cr4);
        a.or(eax, 0x4_0000);
        a.mov(cr4, rax);
        a.mov(eax, 0xD);
        a.xor(ecx, ecx);
        a.cpuid();
        a.xor(ecx, ecx);
        a.xor(edx, edx);
        a.xsetbv();
        a.Label(ref without);
        a.fninit();
    }

    private static void Each(Assembler a, int bytes, Action body)
    {
        Label again = a.CreateLabel();
        a.mov(esi, (int)FlatGuest.Data);
        a.mov(edi, (int)FlatGuest.Data + Results);
        a.mov(ecx, ResultBytes / bytes);
        a.Label(ref again);
        body();
        a.add(rsi, bytes);
        a.add(rdi, bytes);
        a.dec(ecx);
        a.jne(again);
    }

    // ST(0), ST(1) from memory; results and the status word back.
    private static void Angle(Assembler a, Action function) => Each(a, 32, () =>
    {
        a.fninit();
        a.fld(__dword_ptr[rsi + 4]);
        a.fld(__dword_ptr[rsi]);
        function();
        a.fnstsw(__word_ptr[rdi]);
        a.fstp(__tbyte_ptr[rdi + 2]);
        a.fstp(__tbyte_ptr[rdi + 12]);
    });
}
