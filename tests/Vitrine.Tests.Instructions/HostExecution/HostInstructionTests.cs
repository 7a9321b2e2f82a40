using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.System;
using Vitrine.Tests.Software.Sse;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.HostExecution;

/// <summary>When instructions of the host are there, and what exceptions, modes and control registers make of them. Expected outcomes are the manual's.</summary>
public sealed unsafe class HostInstructionTests
{
    // SAFETY: the state belongs to the machine of each test.
    private static readonly byte[] _vaddps = [0xC5, 0xEC, 0x58, 0xC3]; // vaddps ymm0, ymm2, ymm3
    private static readonly byte[] _vmulss = [0xC5, 0xEA, 0x59, 0xC3]; // vmulss xmm0, xmm2, xmm3
    private static readonly byte[] _vdivss = [0xC5, 0xEA, 0x5E, 0xC3]; // vdivss xmm0, xmm2, xmm3
    private static readonly byte[] _vcvtps2ph = [0xC4, 0xE3, 0x79, 0x1D, 0xD0, 0x00]; // vcvtps2ph xmm0, xmm2, 0
    private static readonly byte[] _vzeroupper = [0xC5, 0xF8, 0x77];
    private static readonly byte[] _vzeroall = [0xC5, 0xFC, 0x77];
    private static readonly byte[] _andn = [0xC4, 0xE2, 0x68, 0xF2, 0xC3]; // andn eax, edx, ebx
    private static readonly byte[] _lzcnt = [0xF3, 0x0F, 0xBD, 0xC3]; // lzcnt eax, ebx; bsr eax, ebx without
    private static readonly byte[] _movbe = [0x0F, 0x38, 0xF0, 0x06]; // movbe eax, [rsi]
    private static readonly byte[] _sha256msg1 = [0x0F, 0x38, 0xCC, 0xC1]; // sha256msg1 xmm0, xmm1

    public HostInstructionTests() =>
        Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator && HostProcessor.HasAvx, "the host has no AVX, or its Linux doesn't keep it");

    // SDM vol. 2, 2.5, exception classes 2 and 13; vol. 1, 14.3.
    public static TheoryData<ulong, ulong, ulong, string, string> ControlRegisters => new()
    {
        // CR0, CR4, XCR0; VADDPS; ANDN
        { 0, Cr4.OSXSAVE, 7, "ok", "ok" },
        { 0, Cr4.OSXSAVE, 3, "#6", "ok" },
        { 0, Cr4.OSXSAVE, 1, "#6", "ok" },
        { 0, 0, 7, "#6", "ok" },
        { Cr0.TS, Cr4.OSXSAVE, 7, "#7", "ok" },
        { Cr0.TS, 0, 7, "#6", "ok" },
        { Cr0.EM, Cr4.OSXSAVE, 7, "ok", "ok" },
    };

    [Theory]
    [MemberData(nameof(ControlRegisters))]
    public void ControlRegistersDecide(ulong cr0, ulong cr4, ulong xcr0, string vector, string general)
    {
        using SystemMachine machine = Long();
        machine.Cpu->Cr0 |= cr0;
        machine.Cpu->Cr4 = (machine.Cpu->Cr4 & ~Cr4.OSXSAVE) | cr4;
        machine.Cpu->Xcr0 = xcr0;
        ModeChange.Apply(machine.Cpu);
        Assert.Equal(vector, machine.Execute(_vaddps));
        Assert.Equal(vector, machine.Execute(_vzeroupper));
        Assert.Equal(general, machine.Execute(_andn));
    }

    [Theory]
    [InlineData(0, "ok")]
    [InlineData(Cr0.EM, "#6")]
    [InlineData(Cr0.TS, "#7")]
    public void ShaObeysTheRulesOfSse(ulong cr0, string outcome)
    {
        Assert.SkipUnless(CpuFeatures.Sha.IsIn(HostProcessor.Cpuid), "the host has no SHA");
        using SystemMachine machine = Long();
        machine.Cpu->Cr0 |= cr0;
        ModeChange.Apply(machine.Cpu);
        Assert.Equal(outcome, machine.Execute(_sha256msg1));
    }

    [Fact]
    public void VexIsOfProtectedModeOnly()
    {
        using SystemMachine real = Enable(SystemMachine.Real(CpuModels.X8664V3));
        using SystemMachine virtual8086 = Enable(SystemMachine.Virtual8086(model: CpuModels.X8664V3));
        foreach (SystemMachine machine in (SystemMachine[])[real, virtual8086])
        {
            Assert.Equal("#6", machine.Execute(_vaddps));
            Assert.Equal("#6", machine.Execute(_andn));

            // The others are everywhere: LZCNT of 16 bits, then MOVBE from DS:[SI].
            machine.Cpu->Gpr[Gpr.Rbx] = 0x10;
            Assert.Equal("ok", machine.Execute(_lzcnt));
            Assert.Equal(11UL, machine.Cpu->Gpr[Gpr.Rax] & 0xFFFF);
        }

        real.Write(0x1230, 0x1122UL);
        real.Cpu->Gpr[Gpr.Rsi] = 0x1230;
        Assert.Equal("ok", real.Execute([0x0F, 0x38, 0xF0, 0x04]));
        Assert.Equal(0x2211UL, real.Cpu->Gpr[Gpr.Rax] & 0xFFFF);
    }

    [Fact]
    public void WithoutTheModelTheyAreNotThere()
    {
        using SystemMachine machine = Enable(SystemMachine.Long());
        Assert.Equal("#6", machine.Execute(_vaddps));
        Assert.Equal("#6", machine.Execute(_andn));
        Assert.Equal("#6", machine.Execute(_movbe));
        machine.Cpu->Gpr[Gpr.Rbx] = 0x10;
        Assert.Equal("ok", machine.Execute(_lzcnt));
        Assert.Equal(4UL, machine.Cpu->Gpr[Gpr.Rax]); // BSR
        Assert.Null(machine.Vcpu.Host);
    }

    [Fact]
    public void MovbeSwapsBytesEitherWay()
    {
        using SystemMachine machine = Long();
        machine.Write(0x6000, 0x1122_3344_5566_7788UL);
        machine.Cpu->Gpr[Gpr.Rsi] = 0x6000;
        machine.Cpu->Gpr[Gpr.Rax] = ulong.MaxValue;
        Assert.Equal("ok", machine.Execute(_movbe));
        Assert.Equal(0x8877_6655UL, machine.Cpu->Gpr[Gpr.Rax]);
        machine.Cpu->Gpr[Gpr.Rsp] = 0x0102_0304_0506_0708;
        Assert.Equal("ok", machine.Execute([0x48, 0x0F, 0x38, 0xF1, 0x26])); // movbe [rsi], rsp
        Assert.Equal(0x0807_0605_0403_0201UL, machine.Read(0x6000, 8));
        Assert.Equal(0x0102_0304_0506_0708UL, machine.Cpu->Gpr[Gpr.Rsp]);
    }

    [Fact]
    public void VzeroupperKnowsTheMode()
    {
        // SDM vol. 2, VZEROUPPER, VZEROALL: YMM8 to YMM15 stay outside 64-bit mode.
        foreach (bool is64 in (bool[])[true, false])
        {
            using SystemMachine machine = is64 ? Long() : Enable(SystemMachine.Protected(model: CpuModels.X8664V3));
            for (int i = 0; i < 64; i++) machine.Cpu->Xmm[i] = 0xA5;
            Assert.Equal("ok", machine.Execute(_vzeroupper));
            for (int i = 0; i < 16; i++) Assert.Equal((0xA5UL, is64 || i < 8 ? 0UL : 0xA5), (machine.Cpu->Xmm[(4 * i) + 1], machine.Cpu->Xmm[(4 * i) + 2]));
            Assert.Equal("ok", machine.Execute(_vzeroall));
            for (int i = 0; i < 16; i++) Assert.Equal(is64 || i < 8 ? 0UL : 0xA5, machine.Cpu->Xmm[4 * i]);
        }
    }

    // SDM vol. 1, 4.9.1 and 11.5: MXCSR before, operands, and MXCSR afterwards.
    public static TheoryData<string, byte[], uint, uint, uint, uint> Unmasked => new()
    {
        { "division by zero", _vdivss, 0x1D80, 0x3F80_0000, 0, 0x1D84 },
        { "invalid", _vaddps, 0x1F00, 0x7F80_0001, 0x3F80_0000, 0x1F01 },
        { "denormal operand", _vaddps, 0x1E80, 1, 0x3F80_0000, 0x1E82 },
        { "precision", _vaddps, 0x0F80, 0x3F80_0000, 0x3300_0000, 0x0FA0 },
        { "invalid before precision is found", _vaddps, 0x0F00, 0x7F80_0001, 0x3F80_0000, 0x0F01 },
        { "overflow", _vmulss, 0x1B80, 0x7F00_0001, 0x7F00_0001, 0x1BA8 },
        { "inexact underflow", _vmulss, 0x1780, 0x0080_0001, 0x3F00_0001, 0x17B0 },

        // 2^-126 / 2 is exactly a denormal number: masked it raises nothing, unmasked underflow, also with FTZ.
        { "exact underflow", _vmulss, 0x1780, 0x0080_0000, 0x3F00_0000, 0x1790 },
        { "underflow that would flush", _vmulss, 0x9780, 0x0080_0000, 0x3F00_0000, 0x9790 },
        { "half that is exactly tiny", _vcvtps2ph, 0x1780, 0x3380_0000, 0, 0x1790 }, // 2^-24, the least of them
    };

    [Theory]
    [MemberData(nameof(Unmasked))]
    public void UnmaskedExceptionsAreRaisedAndChangeNothing(string name, byte[] instruction, uint mxcsr, uint a, uint b, uint expected)
    {
        foreach (bool handled in (bool[])[true, false])
        {
            using SystemMachine machine = Long();
            machine.Cpu->Cr4 |= handled ? Cr4.OSXMMEXCPT : 0;
            for (int i = 0; i < 4; i++) machine.Cpu->Xmm[i] = 0x5A5A_5A5A_5A5A_5A5A;
            machine.Cpu->Xmm[8] = a;
            machine.Cpu->Xmm[12] = b;
            machine.Cpu->Mxcsr = mxcsr;
            Assert.True(machine.Execute(instruction) == (handled ? "#19" : "#6"), name);
            Assert.Equal(expected.ToString("x", null), machine.Cpu->Mxcsr.ToString("x", null));
            for (int i = 0; i < 4; i++) Assert.Equal(0x5A5A_5A5A_5A5A_5A5AUL, machine.Cpu->Xmm[i]);
        }
    }

    [Theory]
    [InlineData(0x1F80u, 0x0080_0000u, 0x3F00_0000u, 0x0040_0000ul, 0x1F80u)] // exactly tiny and masked
    [InlineData(0x9F80u, 0x0080_0000u, 0x3F00_0000u, 0ul, 0x9FB0u)] // flushed
    [InlineData(0x1FC0u, 0x0000_0001u, 0x3F80_0000u, 0ul, 0x1FC0u)] // denormals are zero
    [InlineData(0x5F80u, 0x3F80_0001u, 0x3F80_0001u, 0x3F80_0003ul, 0x5FA0u)] // rounded up
    [InlineData(0x7F84u, 0x3F80_0001u, 0x3F80_0001u, 0x3F80_0002ul, 0x7FA4u)] // towards zero; flags are sticky
    public void MaskedExceptionsSetFlagsUnderTheGuestsControl(uint mxcsr, uint a, uint b, ulong result, uint expected)
    {
        using SystemMachine machine = Long();
        machine.Cpu->Xmm[8] = a;
        machine.Cpu->Xmm[12] = b;
        machine.Cpu->Mxcsr = mxcsr;
        Assert.Equal("ok", machine.Execute(_vmulss));
        Assert.Equal(result, machine.Cpu->Xmm[0]);
        Assert.Equal(expected.ToString("x", null), machine.Cpu->Mxcsr.ToString("x", null));
    }

    [Fact]
    public void TheHostsOwnControlSurvives()
    {
        using NativeInstruction native = new();
        using MachineFrame frame = new();
        uint* before = stackalloc uint[2];
        StoreControl(before);
        using SystemMachine machine = Long();
        machine.Cpu->Mxcsr = 0xFFC0;
        Assert.Equal("ok", machine.Execute(_vaddps));
        StoreControl(before + 1);
        Assert.Equal(before[0], before[1]);

        // A sum that the guest's rounding would change.
        Assert.Equal(1.0f, 1.0f - (float.Epsilon / 2));
    }

    [Fact]
    public void AlignedMovesFaultWhereTheirNameSaysSo()
    {
        // SDM vol. 2, exception class 1: #GP(0) for an operand that isn't aligned to its size.
        using SystemMachine machine = Long();
        machine.Cpu->Gpr[Gpr.Rsi] = 0x6010;
        Assert.Equal("ok", machine.Execute([0xC5, 0xF8, 0x28, 0x06])); // vmovaps xmm0, [rsi]
        Assert.Equal("#13(0)", machine.Execute([0xC5, 0xFC, 0x28, 0x06])); // vmovaps ymm0, [rsi]
        Assert.Equal("#13(0)", machine.Execute([0xC5, 0xFD, 0xE7, 0x06])); // vmovntdq [rsi], ymm0
        Assert.Equal("ok", machine.Execute([0xC5, 0xFE, 0x7F, 0x06])); // vmovdqu [rsi], ymm0
        Assert.Equal("ok", machine.Execute([0xC5, 0xED, 0xFE, 0x06])); // vpaddd ymm0, ymm2, [rsi]
    }

    [Fact]
    public void AFullTableStartsAnew()
    {
        // VPSHUFD with every immediate in many registers: more stubs than the table holds; each shuffles as asked.
        using SystemMachine machine = Long();
        machine.Cpu->Xmm[4] = 0x1111_1111_0000_0000;
        machine.Cpu->Xmm[5] = 0x3333_3333_2222_2222;
        for (int register = 2; register < 16; register++)
        {
            for (int control = 0; control < 256; control++)
            {
                byte prefix = (byte)(register < 8 ? 0xF9 : 0x79);
                Assert.Equal("ok", machine.Execute([0xC5, prefix, 0x70, (byte)(0xC1 | ((register & 7) << 3)), (byte)control]));
                for (int lane = 0; lane < 4; lane++)
                    Assert.Equal(0x1111_1111u * (uint)(control >> (2 * lane) & 3), ((uint*)machine.Cpu->Xmm)[(register * 8) + lane]);
            }
        }

        Assert.True(machine.Vcpu.Host!.Stubs.Flushes > 0);
        Assert.Equal(14UL * 256, machine.Vcpu.Host.Stubs.Built);
    }

    private static void StoreControl(uint* to)
    {
        using NativeInstruction native = new();
        using MachineFrame frame = new();
        *to = 0;
        Assert.True(Vector128.IsHardwareAccelerated);
        NativeMemory.Clear(frame.Pointer, 1160);
        frame.ControlWord = 0x37F;

        // FXSAVE in the frame is the guest's; the host's own is saved beside it.
        frame.Mxcsr = 0x1F80;
        frame.Flags = 2;
        native.Set([0x90]);
        native.Run(frame);
        *to = *(uint*)(frame.Pointer + MachineFrame.HostFx + 24);
    }

    private static SystemMachine Long() => Enable(SystemMachine.Long(model: CpuModels.Host));

    private static SystemMachine Enable(SystemMachine machine)
    {
        machine.Cpu->Cr4 |= Cr4.OSFXSR | Cr4.OSXSAVE;
        machine.Cpu->Xcr0 = 7;
        ModeChange.Apply(machine.Cpu);
        return machine;
    }
}
