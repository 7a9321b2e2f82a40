using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>CPUID, HLT, PAUSE and RDRAND (SDM vol. 2).</summary>
internal static unsafe class ProcessorOps
{
    // SAFETY: register operands are offsets computed by binders.
    private const uint ApicFeature = 1u << 9;
    private const uint OsxsaveFeature = 1u << 27;
    private const uint OspkeFeature = 1u << 4;
    private const uint StructuredFeatures = 7;
    private const uint StateLeaf = 0xD;
    private const uint ExtendedFeatures = 0x8000_0001;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Cpuid, &Bind);
        table.Add(Code.Hlt, &Bind);
        table.Add(Code.Pause, &Bind);
        table.Add(Code.Rdrand_r16, &Bind);
        table.Add(Code.Rdrand_r32, &Bind);
        table.Add(Code.Rdrand_r64, &Bind);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        if (instruction.OpCount != 0) Operands.Destination(instruction, op);
        op->Handler = instruction.Code switch
        {
            Code.Cpuid => &Identify,
            Code.Hlt => &Halt,
            Code.Pause => &Pause,
            Code.Rdrand_r16 => &Random<ushort>,
            Code.Rdrand_r32 => &Random<uint>,
            _ => &Random<ulong>,
        };
    }

    private static Op* Identify(CpuState* cpu, Op* op)
    {
        uint leaf = (uint)cpu->Gpr[Gpr.Rax];
        uint subleaf = (uint)cpu->Gpr[Gpr.Rcx];
        CpuidEntry entry = Processor.Of(cpu).Cpuid.Lookup(leaf, subleaf, Processor.Of(cpu).Msrs.HighestCpuidLeaf);

        // Beyond the highest leaf another one answers, as it is.
        leaf = entry.Function;
        uint ebx = entry.Ebx;
        uint ecx = entry.Ecx;
        uint edx = entry.Edx;
        if (leaf == 1)
        {
            // Two bits follow the machine's state: CR4.OSXSAVE, and the APIC's global enable.
            ecx = (cpu->Cr4 & Cr4.OSXSAVE) != 0 ? ecx | OsxsaveFeature : ecx & ~OsxsaveFeature;
            if (!Processor.Of(cpu).LocalApic.IsEnabled) edx &= ~ApicFeature;
        }
        else if (leaf == StructuredFeatures && subleaf == 0)
        {
            ecx = (cpu->Cr4 & Cr4.PKE) != 0 ? ecx | OspkeFeature : ecx & ~OspkeFeature;
        }
        else if (leaf == ExtendedFeatures && Processor.Of(cpu).Msrs.IsExecuteDisableOff)
        {
            edx &= ~CpuFeatures.Nx.Mask;
        }
        else if (leaf == StateLeaf && subleaf < 2 && ebx != 0)
        {
            // Bytes that the components of XCR0 take, in the standard and in the compacted format.
            ebx = subleaf == 0 ? XsaveLayout.SizeOf(cpu->Xcr0) : XsaveLayout.CompactedSizeOf(cpu->Xcr0);
        }

        cpu->Gpr[Gpr.Rax] = entry.Eax;
        cpu->Gpr[Gpr.Rbx] = ebx;
        cpu->Gpr[Gpr.Rcx] = ecx;
        cpu->Gpr[Gpr.Rdx] = edx;
        return Faults.Serialize(cpu, op);
    }

    private static Op* Halt(CpuState* cpu, Op* op) =>
        cpu->Cpl != 0 ? Faults.GeneralProtection(cpu, op) : Faults.CompleteAndLeave(cpu, op, LeaveReason.Halt);

    private static Op* Pause(CpuState* cpu, Op* op)
    {
        Processor.Of(cpu).Presence.Pause();
        return op + 1;
    }

    private static Op* Random<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        // The runtime's generator is seeded from the operating system and allocates nothing.
        ulong value = 0;
        global::System.Random.Shared.NextBytes(new Span<byte>(&value, sizeof(ulong)));
        Width.WriteRegister<T>(cpu, op->Dst, value);
        Flags.SetArithmetic(cpu, Rflags.CF);
        return op + 1;
    }
}
