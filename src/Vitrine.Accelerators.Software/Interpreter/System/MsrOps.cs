using Iced.Intel;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC, XGETBV and XSETBV: registers that go through EDX:EAX (SDM vol. 2).</summary>
internal static unsafe class MsrOps
{
    // SAFETY: takes the running vCPU's state.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Rdmsr, Code.Wrmsr, Code.Rdtsc, Code.Rdtscp, Code.Rdpmc, Code.Xgetbv, Code.Xsetbv])
        {
            table.Add(code, &Bind);
        }
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op) => op->Handler = instruction.Code switch
    {
        Code.Rdmsr => &Read,
        Code.Wrmsr => &Write,
        Code.Rdtsc => &ReadTimeStamp,
        Code.Rdtscp => &ReadTimeStampAndProcessor,
        Code.Xgetbv => &ReadExtendedControl,
        Code.Xsetbv => &WriteExtendedControl,

        // RDPMC: there are no performance counters, so every ECX names an unsupported one.
        _ => &Faults.GeneralProtection,
    };

    private static void SetPair(CpuState* cpu, ulong value)
    {
        cpu->Gpr[Gpr.Rax] = (uint)value;
        cpu->Gpr[Gpr.Rdx] = value >> 32;
    }

    private static ulong Pair(CpuState* cpu) => (uint)cpu->Gpr[Gpr.Rax] | (cpu->Gpr[Gpr.Rdx] << 32);

    private static Op* Read(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        Processor processor = Processor.Of(cpu);
        uint index = (uint)cpu->Gpr[Gpr.Rcx];
        bool denied = processor.Behavior.MsrFilter is { } filter && !filter.Allows(index, isWrite: false);
        if (denied || !processor.Msrs.TryRead(index, out ulong value)) return Refuse(cpu, op, denied ? MsrExitReasons.Filter : MsrExitReasons.Unknown, isWrite: false);
        SetPair(cpu, value);
        return op + 1;
    }

    private static Op* Write(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        Processor processor = Processor.Of(cpu);
        uint index = (uint)cpu->Gpr[Gpr.Rcx];
        bool denied = processor.Behavior.MsrFilter is { } filter && !filter.Allows(index, isWrite: true);
        if (denied || !processor.Msrs.TryWrite(index, Pair(cpu)))
        {
            MsrExitReasons reason = denied ? MsrExitReasons.Filter
                : processor.Msrs.TryReadAsHost(index, out _) ? MsrExitReasons.Invalid
                : MsrExitReasons.Unknown;
            return Refuse(cpu, op, reason, isWrite: true);
        }

        // Modes, the APIC and its timer may have changed; the dispatcher looks at them.
        cpu->PollAt = 0;
        return Faults.SerializeAndLeave(cpu, op);
    }

    /// <summary>An access that the processor refuses: the client answers it, if it wants to, or it raises #GP(0).</summary>
    private static Op* Refuse(CpuState* cpu, Op* op, MsrExitReasons reason, bool isWrite)
    {
        Processor processor = Processor.Of(cpu);
        if ((processor.Behavior.MsrExits & reason) == 0) return Faults.GeneralProtection(cpu, op);
        ulong value = Pair(cpu);
        if (!processor.Bus.AccessMsr(op, (uint)cpu->Gpr[Gpr.Rcx], isWrite, ref value, reason, out bool failed)) return Faults.Raise(cpu, op);
        if (failed) return Faults.GeneralProtection(cpu, op);
        if (!isWrite) SetPair(cpu, value);
        return Faults.SerializeAndLeave(cpu, op);
    }

    private static Op* ReadTimeStamp(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.TSD) != 0 && cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        SetPair(cpu, Processor.Of(cpu).ReadTsc());
        return op + 1;
    }

    private static Op* ReadTimeStampAndProcessor(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.TSD) != 0 && cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        SetPair(cpu, Processor.Of(cpu).ReadTsc());
        cpu->Gpr[Gpr.Rcx] = (uint)cpu->TscAux;
        return op + 1;
    }

    private static Op* ReadExtendedControl(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.OSXSAVE) == 0) return Faults.InvalidOpcode(cpu, op);
        const uint StateLeaf = 0xD;
        uint number = (uint)cpu->Gpr[Gpr.Rcx];
        bool usage = number == 1 && (Processor.Of(cpu).Cpuid.Lookup(StateLeaf, 1).Eax & CpuFeatures.Xgetbv1.Mask) != 0;
        if (number != 0 && !usage) return Faults.GeneralProtection(cpu, op);
        SetPair(cpu, usage ? cpu->Xcr0 & XSave.InUse(cpu) : cpu->Xcr0);
        return op + 1;
    }

    private static Op* WriteExtendedControl(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.OSXSAVE) == 0) return Faults.InvalidOpcode(cpu, op);
        if (cpu->Cpl != 0 || (uint)cpu->Gpr[Gpr.Rcx] != 0) return Faults.GeneralProtection(cpu, op);
        return ControlRegisters.TryWriteXcr0(cpu, Pair(cpu)) ? Faults.CompleteAndLeave(cpu, op) : Faults.Raise(cpu, op);
    }
}
