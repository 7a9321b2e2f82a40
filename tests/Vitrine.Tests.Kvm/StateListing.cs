using Vitrine.X86.State;

namespace Vitrine.Tests.Kvm;

/// <summary>A state as lines of text, so that two of them compare with a readable difference.</summary>
internal static class StateListing
{
    private const int ApicProcessorPriority = 0xA0;
    private const int ApicTimerCurrentCount = 0x390;

    /// <param name="state">The state.</param>
    /// <param name="exceptMsrs">MSRs that change by themselves.</param>
    public static List<string> Of(ProcessorState state, params uint[] exceptMsrs)
    {
        List<string> lines =
        [
            .. state.Gpr.Select((value, i) => $"gpr{i}={value:x}"),
            $"rip={state.Rip:x}", $"rflags={state.Rflags:x}",
            .. state.Segments.Select((segment, i) => $"seg{i}={segment}"),
            $"gdtr={state.Gdtr}", $"idtr={state.Idtr}",
            $"cr0={state.Cr0:x}", $"cr2={state.Cr2:x}", $"cr3={state.Cr3:x}", $"cr4={state.Cr4:x}", $"cr8={state.Cr8:x}",
            $"efer={state.Efer:x}", $"apic_base={state.ApicBase:x}", $"xcr0={state.Xcr0:x}",
            .. state.DebugAddress.Select((value, i) => $"dr{i}={value:x}"),
            $"dr6={state.Dr6:x}", $"dr7={state.Dr7:x}",
            $"fcw={state.Fpu.ControlWord:x}", $"fsw={state.Fpu.StatusWord:x}", $"ftw={state.Fpu.AbridgedTag:x}", $"fop={state.Fpu.LastOpcode:x}",
            $"fip={state.Fpu.LastInstructionPointer:x}", $"fdp={state.Fpu.LastDataPointer:x}", $"mxcsr={state.Fpu.Mxcsr:x}",
            .. state.Fpu.St.Select((value, i) => $"st{i}={value:x}"),
            .. state.Fpu.Xmm.Select((value, i) => $"xmm{i}={value:x}"),
            .. state.Msrs.Where(m => !exceptMsrs.Contains(m.Key)).Select(m => $"msr {m.Key:x}={m.Value:x}"),
            $"mp={state.MpState}",
            $"exception={state.Events.ExceptionInjected},{state.Events.ExceptionVector},{state.Events.ExceptionHasErrorCode},{state.Events.ExceptionErrorCode:x}",
            $"interrupt={state.Events.InterruptInjected},{state.Events.InterruptVector},{state.Events.InterruptSoft},shadow {state.Events.InterruptShadow}",
            $"nmi={state.Events.NmiInjected},{state.Events.NmisPending},{state.Events.NmiMasked}",
            $"triple={state.Events.TripleFaultPending}",
            .. state.Pdptes.Select((value, i) => $"pdpte{i}={value:x}"),
        ];
        for (int offset = 0; offset < state.LocalApic.Length; offset += 16)
        {
            // Both are computed by the APIC, not stored.
            if (offset is ApicProcessorPriority or ApicTimerCurrentCount) continue;
            lines.Add($"apic {offset:x}={BitConverter.ToUInt32(state.LocalApic, offset):x}");
        }

        return lines;
    }
}
