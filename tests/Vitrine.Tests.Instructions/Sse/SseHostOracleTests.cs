using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Xunit;
using Host = System.Runtime.Intrinsics.X86;

namespace Vitrine.Tests.Software.Sse;

/// <summary>Every vector instruction, whole (registers, flags, memory, x87 tags), against the host CPU executing the same bytes.</summary>
public sealed unsafe class SseHostOracleTests
{
    private const int Seed = 20260;

    // These ask memory management for more than a read or a write, or want operands that are not random.
    private static readonly HashSet<Mnemonic> _elsewhere =
    [
        Mnemonic.Maskmovq, Mnemonic.Maskmovdqu, Mnemonic.Clflush, Mnemonic.Ldmxcsr, Mnemonic.Stmxcsr,
        Mnemonic.Fxsave, Mnemonic.Fxsave64, Mnemonic.Fxrstor, Mnemonic.Fxrstor64, Mnemonic.Xsave, Mnemonic.Xsave64,
        Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Mnemonic.Xrstor, Mnemonic.Xrstor64,
    ];

    public static TheoryData<CpuidFeature> Features =>
    [
        CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1,
        CpuidFeature.SSE4_2, CpuidFeature.AES, CpuidFeature.PCLMULQDQ,
    ];

    [Theory]
    [MemberData(nameof(Features))]
    public void AgreesWithTheHost(CpuidFeature feature)
    {
        Assert.SkipUnless(NativeInstruction.IsAvailable, NativeInstruction.Missing);
        Assert.SkipUnless(HostHas(feature), $"the host CPU has no {feature}");
        Random random = new(Seed + (int)feature);
        using NativeInstruction native = new();
        using HandlerHarness harness = new();
        using MachineFrame expected = new();
        using MachineFrame actual = new();
        byte[] memory = new byte[HandlerHarness.MemorySize];
        byte[] written = new byte[HandlerHarness.MemorySize];
        int cases = 0;
        foreach (Code code in OwnedCodes.All)
        {
            if (!code.CpuidFeatures().Contains(feature) || _elsewhere.Contains(code.Mnemonic())) continue;
            foreach (byte immediate in Immediates(code, random))
            {
                foreach (Instruction instruction in InstructionVariants.Of(code, immediate))
                {
                    byte[] bytes = InstructionVariants.Encode(instruction);
                    native.Set(bytes);
                    Op op = harness.Bind(bytes);
                    for (int repeat = Repeats(code); repeat > 0; repeat--)
                    {
                        RandomFrame.Fill(expected, random);
                        RandomFrame.Fill(memory.AsSpan(0, 512), random);
                        expected.General[7] = (ulong)harness.Memory;
                        expected.Bytes.CopyTo(actual.Bytes);
                        memory.CopyTo(harness.MemoryBytes);
                        native.Run(expected);
                        harness.MemoryBytes.CopyTo(written);
                        memory.CopyTo(harness.MemoryBytes);
                        FrameTransfer.Load(harness.Cpu, actual);
                        Assert.True(harness.Run(op), $"seed {Seed}: {instruction} raised a fault");
                        FrameTransfer.Save(harness.Cpu, actual);
                        string? difference = expected.Difference(actual, Flags.Arithmetic);
                        if (difference == null && !harness.MemoryBytes.SequenceEqual(written)) difference = "memory";
                        Assert.True(difference == null, $"seed {Seed}, case {cases}: {instruction}: host and interpreter differ: {difference}");
                        cases++;
                    }
                }
            }
        }

        Assert.True(cases > 0);
    }

    private static int Repeats(Code code) => !HasImmediate(code) ? 64 : IsStringCompare(code) ? 2 : 8;

    private static IEnumerable<byte> Immediates(Code code, Random random)
    {
        if (!HasImmediate(code)) return [0];
        if (IsStringCompare(code)) return Enumerable.Range(0, 256).Select(i => (byte)i);
        byte[] some = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 63, 64, 128, 255];
        return some.Concat(Enumerable.Range(0, 16).Select(_ => (byte)random.Next(256)));
    }

    private static bool IsStringCompare(Code code) => code.ToString().StartsWith("Pcmp", StringComparison.Ordinal);

    private static bool HasImmediate(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        return info.OpCount > 0 && info.GetOpKind(info.OpCount - 1) == OpCodeOperandKind.imm8;
    }

    private static bool HostHas(CpuidFeature feature) => feature switch
    {
        CpuidFeature.SSE3 => Sse3.IsSupported,
        CpuidFeature.SSSE3 => Ssse3.IsSupported,
        CpuidFeature.SSE4_1 => Sse41.IsSupported,
        CpuidFeature.SSE4_2 => Sse42.IsSupported,
        CpuidFeature.AES => Host.Aes.IsSupported,
        CpuidFeature.PCLMULQDQ => Pclmulqdq.IsSupported,
        _ => Sse2.IsSupported,
    };
}
