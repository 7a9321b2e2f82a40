using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.Errors;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software;

/// <summary>
/// Between <see cref="HiddenVcpuState"/> and a software vCPU that is not running: the part of its state that <see cref="StateTransfer"/> has no place for.
/// </summary>
internal static unsafe class HiddenStateTransfer
{
    // SAFETY: takes the state of a vCPU that is not running.

    // Single step, task switch and the four breakpoints.
    private const ulong DebugTrapBits = Dr6.BS | Dr6.BT | 0xF;

    /// <summary>Reads it. Nothing changes.</summary>
    public static HiddenVcpuState Get(CpuState* cpu, LocalApic apic, ModelSpecificRegisters msrs)
    {
        ApicEvents events = apic.PendingEvents;
        HiddenVcpuState state = new()
        {
            PendingDebugTraps = cpu->PendingDebug,
            FpuCodeSelector = cpu->FpuCs,
            FpuDataSelector = cpu->FpuDs,
            InitPending = (events & ApicEvents.Init) != 0,
            StartUpPending = (events & ApicEvents.StartUp) != 0,
            StartUpVector = apic.StartUpVector,
            TimeStampOffset = cpu->TscOffset,
            LocalApic = apic.SaveHiddenState(),
        };
        state.Msrs[Msr.IA32_TSC_ADJUST] = cpu->TscAdjust;
        foreach (uint index in MemoryTypeRanges.Indices)
        {
            if (msrs.TryRead(index, out ulong value)) state.Msrs[index] = value;
        }

        foreach ((uint index, ulong value) in msrs.Served) state.Msrs[index] = value;
        return state;
    }

    /// <summary>Writes it, after the registers.</summary>
    /// <param name="vcpu">Number of the vCPU, for the error.</param>
    /// <param name="state">The state; nothing in it is trusted.</param>
    /// <param name="cpu">Where to.</param>
    /// <param name="apic">The vCPU's local APIC.</param>
    /// <param name="msrs">The vCPU's model-specific registers.</param>
    /// <exception cref="VitrineException">A vCPU can't have such a value.</exception>
    public static void Put(int vcpu, HiddenVcpuState state, CpuState* cpu, LocalApic apic, ModelSpecificRegisters msrs)
    {
        string part = $"vCPU {vcpu}";
        bool possible = (state.PendingDebugTraps & ~DebugTrapBits) == 0;
        InvalidState.Unless(possible, part, $"no debug trap has the cause 0x{state.PendingDebugTraps:x}");
        cpu->PendingDebug = state.PendingDebugTraps;
        cpu->FpuCs = state.FpuCodeSelector;
        cpu->FpuDs = state.FpuDataSelector;
        cpu->TscOffset = state.TimeStampOffset;
        foreach ((uint index, ulong value) in state.Msrs)
        {
            if (msrs.TryRestoreServed(index, value)) continue;
            bool known = index == Msr.IA32_TSC_ADJUST || MemoryTypeRanges.Indices.Contains(index);
            InvalidState.Unless(known, part, $"it has no hidden model-specific register 0x{index:x}");
            if (index == Msr.IA32_TSC_ADJUST) cpu->TscAdjust = value;
            else InvalidState.Unless(msrs.TryWrite(index, value), part, $"{MsrName.Of(index)} can't hold 0x{value:x}");
        }

        apic.LoadHiddenState(part, state.LocalApic);
        apic.RestoreStart(state.InitPending, state.StartUpPending, state.StartUpVector);
        apic.OnTscChanged();
    }
}
