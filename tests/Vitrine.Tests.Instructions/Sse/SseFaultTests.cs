using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Xunit;

namespace Vitrine.Tests.Software.Sse;

/// <summary>When vector instructions raise an exception instead: SDM vol. 2, 2.4 and 2.5; vol. 1, 9.5 and 11.5.</summary>
public sealed unsafe class SseFaultTests
{
    // The 16-byte operands that need no alignment.
    private static readonly HashSet<Mnemonic> _unaligned =
    [
        Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu, Mnemonic.Lddqu,
        Mnemonic.Pcmpestri, Mnemonic.Pcmpestri64, Mnemonic.Pcmpestrm, Mnemonic.Pcmpestrm64, Mnemonic.Pcmpistri, Mnemonic.Pcmpistrm,
    ];

    // These depend on neither x87 nor SSE being enabled.
    private static readonly HashSet<Mnemonic> _alwaysAvailable =
    [
        Mnemonic.Movnti, Mnemonic.Crc32, Mnemonic.Lfence, Mnemonic.Mfence, Mnemonic.Sfence, Mnemonic.Clflush,
        Mnemonic.Prefetch, Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2,
        Mnemonic.Prefetchw, Mnemonic.Prefetchwt1,
    ];

    [Fact]
    public void SixteenByteOperandsMustBeAligned()
    {
        using HandlerHarness harness = new();
        int seen = 0;
        foreach (Code code in OwnedCodes.All)
        {
            foreach (Instruction instruction in InstructionVariants.Of(code, 0))
            {
                bool whole = instruction.MemorySize.GetInfo().Size == 16;
                if (!HasMemory(instruction) || !whole || code.Mnemonic() is Mnemonic.Maskmovdqu) continue;
                harness.Cpu->Gpr[7] = (ulong)harness.Memory + 8;
                harness.Cpu->Leave = LeaveReason.NextBlock;
                byte[] before = new ReadOnlySpan<byte>(harness.Cpu, sizeof(CpuState)).ToArray();
                bool completed = harness.Run(harness.Bind(InstructionVariants.Encode(instruction)));
                Assert.True(completed == _unaligned.Contains(code.Mnemonic()), instruction.ToString());
                seen++;
                if (completed) continue;
                Assert.Equal((LeaveReason.Fault, ExceptionVector.GP, true, 0u), Fault(harness.Cpu));
                Assert.Equal(Registers(before), Registers(new ReadOnlySpan<byte>(harness.Cpu, sizeof(CpuState)).ToArray()));
            }
        }

        Assert.True(seen > 100);
    }

    [Fact]
    public void PendingX87ExceptionComesBeforeEveryMmxInstruction()
    {
        using HandlerHarness harness = new();
        harness.Cpu->Cr0 |= Cr0.NE;
        harness.Cpu->Fsw = 0x8081;
        harness.Cpu->FpuTop = 5;
        int seen = 0;
        foreach (Code code in OwnedCodes.All)
        {
            foreach (Instruction instruction in InstructionVariants.Of(code, 0))
            {
                if (!UsesMmx(instruction) && code != Code.Emms) continue;
                harness.Cpu->Gpr[7] = (ulong)harness.Memory;
                Assert.False(harness.Run(harness.Bind(InstructionVariants.Encode(instruction))), instruction.ToString());
                Assert.Equal((LeaveReason.Fault, ExceptionVector.MF, false, 0u), Fault(harness.Cpu));
                Assert.Equal((5, 0), (harness.Cpu->FpuTop, harness.Cpu->FpuTag));
                seen++;
            }
        }

        Assert.True(seen > 100);
    }

    [Theory]
    [InlineData(Cr0.TS, true, ExceptionVector.NM)]
    [InlineData(Cr0.EM, true, ExceptionVector.UD)]
    [InlineData(Cr0.EM | Cr0.TS, true, ExceptionVector.UD)]
    [InlineData(0, false, ExceptionVector.UD)]
    [InlineData(Cr0.TS, false, ExceptionVector.UD)]
    public void ControlRegistersForbidSse(ulong cr0, bool osfxsr, byte vector) =>
        Forbids(cr0, osfxsr, ExecutionMode.SseTrap | (cr0 != 0 ? ExecutionMode.FpuTrap : 0), UsesXmm, vector);

    [Theory]
    [InlineData(Cr0.TS, ExceptionVector.NM)]
    [InlineData(Cr0.EM, ExceptionVector.UD)]
    [InlineData(Cr0.EM | Cr0.TS, ExceptionVector.UD)]
    public void ControlRegistersForbidMmx(ulong cr0, byte vector) =>
        Forbids(cr0, false, ExecutionMode.FpuTrap | ExecutionMode.SseTrap, i => UsesMmx(i) && !UsesXmm(i), vector);

    [Fact]
    public void SomeInstructionsAreAlwaysAvailable()
    {
        using SystemMachine machine = SystemMachine.Long();
        machine.Cpu->Cr0 |= Cr0.EM | Cr0.TS;
        ModeChange.Apply(machine.Cpu);
        int seen = 0;
        foreach (Code code in OwnedCodes.All.Where(code => _alwaysAvailable.Contains(code.Mnemonic())))
        {
            foreach (Instruction instruction in InstructionVariants.Of(code, 0))
            {
                machine.Cpu->Gpr[7] = 0x40000;
                machine.Cpu->Rip = 0x50000 + (ulong)(32 * seen++);
                Assert.Equal("ok", machine.Execute(InstructionVariants.Encode(instruction)));
            }
        }

        Assert.True(seen > 30);
    }

    private static void Forbids(ulong cr0, bool osfxsr, ExecutionMode trap, Func<Instruction, bool> applies, byte vector)
    {
        using HandlerHarness harness = new();
        harness.Cpu->Cr0 = cr0;
        harness.Cpu->Cr4 = osfxsr ? Cr4.OSFXSR : 0;
        int seen = 0;
        foreach (Code code in OwnedCodes.All)
        {
            foreach (Instruction instruction in InstructionVariants.Of(code, 0))
            {
                if (!applies(instruction)) continue;
                Assert.False(harness.Run(harness.Bind(InstructionVariants.Encode(instruction), trap)), instruction.ToString());
                Assert.True(harness.Cpu->FaultVector == vector, $"{instruction}: {harness.Cpu->FaultVector}");
                seen++;
            }
        }

        Assert.True(seen > 100);
    }

    private static (LeaveReason Leave, byte Vector, bool HasErrorCode, uint ErrorCode) Fault(CpuState* cpu) =>
        (cpu->Leave, cpu->FaultVector, cpu->FaultHasErrorCode, cpu->FaultErrorCode);

    /// <summary>The part of the state that an instruction sees: general, XMM and x87 registers.</summary>
    private static byte[] Registers(byte[] state) => [.. state[..128], .. state[CpuState.XmmOffset(0)..(CpuState.MmxOffset(7) + 16)]];

    private static bool HasMemory(Instruction instruction) => Kinds(instruction).Contains(OpKind.Memory);

    private static bool UsesXmm(Instruction instruction) => UsesRegister(instruction, r => r.IsXMM());

    private static bool UsesMmx(Instruction instruction) => UsesRegister(instruction, r => r.IsMM());

    private static bool UsesRegister(Instruction instruction, Func<Register, bool> test) =>
        Enumerable.Range(0, instruction.OpCount).Any(i => instruction.GetOpKind(i) == OpKind.Register && test(instruction.GetOpRegister(i)));

    private static IEnumerable<OpKind> Kinds(Instruction instruction) =>
        Enumerable.Range(0, instruction.OpCount).Select(i => instruction.GetOpKind(i));
}
