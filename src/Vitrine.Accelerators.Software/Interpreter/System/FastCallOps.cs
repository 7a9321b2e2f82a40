using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>SYSCALL, SYSRET, SYSENTER and SYSEXIT (SDM vol. 2).</summary>
internal static unsafe class FastCallOps
{
    // SAFETY: takes the running vCPU's state. These instructions touch no memory.
    // Flat segments as the instructions load them: access rights in the layout of SegmentRegister.
    private const uint Code64Access = 0xA09B;
    private const uint Code32Access = 0xC09B;
    private const uint DataAccess = 0xC093;
    private const uint Level3 = 3u << 5;
    private const ulong SysretFlags = 0x3C_7FD7;
    private const int SyscallSelectors = 32;
    private const int SysretSelectors = 48;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Syscall, Code.Sysretd, Code.Sysretq, Code.Sysenter, Code.Sysexitd, Code.Sysexitq])
        {
            table.Add(code, &Bind);
        }
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op) => op->Handler = instruction.Code switch
    {
        Code.Syscall => &SystemCall,
        Code.Sysretd => &SystemReturn32,
        Code.Sysretq => &SystemReturn64,
        Code.Sysenter => &SystemEnter,
        Code.Sysexitd => &SystemExit32,
        _ => &SystemExit64,
    };

    private static Op* SystemCall(CpuState* cpu, Op* op)
    {
        if ((cpu->Mode & ExecutionMode.Code64) == 0 || (cpu->Efer & Efer.SCE) == 0) return Faults.InvalidOpcode(cpu, op);
        ulong flags = Flags.GetRflags(cpu);
        cpu->Gpr[Gpr.Rcx] = Faults.NextRip(cpu, op);
        cpu->Gpr[Gpr.R8 + 3] = flags;
        cpu->Rip = cpu->Lstar;
        Flags.SetRflags(cpu, flags & ~cpu->Fmask);
        ushort selector = (ushort)(cpu->Star >> SyscallSelectors);
        Load(cpu, (ushort)(selector & ~3u), (ushort)((selector & ~3u) + 8), 0, Code64Access);
        DebugEvents.EnteredHandler(cpu, flags);
        return Faults.CompleteAt(cpu, op);
    }

    private static Op* SystemReturn32(CpuState* cpu, Op* op) => SystemReturn(cpu, op, is64: false);

    private static Op* SystemReturn64(CpuState* cpu, Op* op) => SystemReturn(cpu, op, is64: true);

    private static Op* SystemReturn(CpuState* cpu, Op* op, bool is64)
    {
        if ((cpu->Mode & ExecutionMode.Code64) == 0 || (cpu->Efer & Efer.SCE) == 0) return Faults.InvalidOpcode(cpu, op);
        ulong target = cpu->Gpr[Gpr.Rcx];
        if (cpu->Cpl != 0 || (is64 && !Canonical.Is(target))) return Faults.GeneralProtection(cpu, op);
        cpu->Rip = is64 ? target : (uint)target;
        Flags.SetRflags(cpu, cpu->Gpr[Gpr.R8 + 3] & SysretFlags);
        uint selector = (ushort)(cpu->Star >> SysretSelectors);
        uint code = is64 ? selector + 16 : selector;
        Load(cpu, (ushort)(code | 3), (ushort)((selector + 8) | 3), 3, is64 ? Code64Access : Code32Access);
        return Faults.CompleteAt(cpu, op);
    }

    private static Op* SystemEnter(CpuState* cpu, Op* op)
    {
        uint selector = (uint)cpu->SysenterCs & 0xFFFC;
        if ((cpu->Cr0 & Cr0.PE) == 0 || selector == 0) return Faults.GeneralProtection(cpu, op);
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        cpu->SystemFlags &= ~(Rflags.VM | Rflags.IF);
        cpu->Rip = longMode ? cpu->SysenterEip : (uint)cpu->SysenterEip;
        cpu->Gpr[Gpr.Rsp] = longMode ? cpu->SysenterEsp : (uint)cpu->SysenterEsp;
        Load(cpu, (ushort)selector, (ushort)(selector + 8), 0, longMode ? Code64Access : Code32Access);
        return Faults.CompleteAt(cpu, op);
    }

    private static Op* SystemExit32(CpuState* cpu, Op* op) => SystemExit(cpu, op, is64: false);

    private static Op* SystemExit64(CpuState* cpu, Op* op) => SystemExit(cpu, op, is64: true);

    private static Op* SystemExit(CpuState* cpu, Op* op, bool is64)
    {
        uint selector = (uint)cpu->SysenterCs & 0xFFFC;
        if ((cpu->Cr0 & Cr0.PE) == 0 || selector == 0 || cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        ulong rip = cpu->Gpr[Gpr.Rdx];
        ulong rsp = cpu->Gpr[Gpr.Rcx];
        if (is64 && !(Canonical.Is(rip) && Canonical.Is(rsp))) return Faults.GeneralProtection(cpu, op);
        cpu->Rip = is64 ? rip : (uint)rip;
        cpu->Gpr[Gpr.Rsp] = is64 ? rsp : (uint)rsp;
        uint code = selector + (is64 ? 32u : 16u);
        Load(cpu, (ushort)(code | 3), (ushort)((code + 8) | 3), 3, is64 ? Code64Access : Code32Access);
        return Faults.CompleteAt(cpu, op);
    }

    private static void Load(CpuState* cpu, ushort code, ushort stack, uint level, uint codeAccess)
    {
        uint dpl = level == 0 ? 0 : Level3;
        Flatten(ref cpu->Segments[Seg.Cs], code, codeAccess | dpl);
        Flatten(ref cpu->Segments[Seg.Ss], stack, DataAccess | dpl);
        cpu->Cpl = level;
        ModeChange.Apply(cpu);
    }

    private static void Flatten(ref SegmentCache segment, ushort selector, uint access)
    {
        segment.Selector = selector;
        segment.Base = 0;
        segment.Limit = uint.MaxValue;
        segment.Access = access;
    }
}
