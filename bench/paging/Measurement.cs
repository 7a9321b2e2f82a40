using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Bench.Paging;

/// <summary>One run of a workload: time and what the MMU did between the guest's marks.</summary>
internal sealed record Measurement(double Milliseconds, MmuCounters? Before, MmuCounters? After)
{
    // Null, 64-bit code, data.
    private static ReadOnlySpan<ulong> Descriptors => [0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF];

    /// <summary>Runs a workload in a new machine.</summary>
    public static Measurement Take(Workload workload, MmuMode mode)
    {
        using GuestMemory memory = new();
        MemorySlot ram = memory.Add("ram", new Gpa(0), Layout.MemoryBytes);
        using SoftwareAccelerator accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Mmu = mode });
        accelerator.SetMemorySlot(ram);
        using IVirtualCpu cpu = accelerator.CreateVcpu(0);
        cpu.SetCpuid(CpuModels.X8664V2.Build(new CpuidEnvironment(), 0));
        workload.Prepare(new TableBuilder(memory));
        Require(memory.TryWrite(new Gpa(Layout.Code), Assemble(workload)));
        for (int i = 0; i < Descriptors.Length; i++) Require(memory.TryWrite(new Gpa(Layout.Gdt + (ulong)(i * 8)), BitConverter.GetBytes(Descriptors[i])));
        PutState(cpu, workload);
        RunTo(cpu, Layout.BeginPort);
        MmuCounters? before = cpu.Inspection.Mmu?.Counters;
        long start = Stopwatch.GetTimestamp();
        RunTo(cpu, Layout.EndPort);
        return new Measurement(Stopwatch.GetElapsedTime(start).TotalMilliseconds, before, cpu.Inspection.Mmu?.Counters);
    }

    private static byte[] Assemble(Workload workload)
    {
        Assembler code = new(64);
        code.@out(Layout.BeginPort, al);
        workload.Emit(code);
        code.@out(Layout.EndPort, al);
        code.hlt();
        MemoryStream stream = new();
        code.Assemble(new StreamCodeWriter(stream), Layout.Code);
        return stream.ToArray();
    }

    private static void PutState(IVirtualCpu cpu, Workload workload)
    {
        ProcessorState state = new();
        cpu.GetState(state);
        state.Segments[Seg.Cs] = new(0x08, 0, uint.MaxValue, 0xA09B);
        foreach (int i in (ReadOnlySpan<int>)[Seg.Es, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs]) state.Segments[i] = new(0x10, 0, uint.MaxValue, 0xC093);
        state.Gdtr = new(Layout.Gdt, 0x17);
        state.Idtr = new(Layout.Idt, 0xFFF);
        state.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.PG;
        state.Cr3 = Layout.FirstTable;
        state.Cr4 = Cr4.PAE | workload.Cr4;
        state.Efer = Efer.LME | Efer.LMA;
        state.Rflags = Rflags.Fixed;
        state.Rip = Layout.Code;
        state.Gpr[Gpr.Rsp] = Layout.StackTop;
        state.MpState = MpState.Runnable;
        cpu.PutState(state, PutLevel.Full);
    }

    private static void RunTo(IVirtualCpu cpu, ushort port)
    {
        ref VmExit exit = ref cpu.Run();
        if (exit.Reason == VmExitReason.PortIo && exit.Port == port) return;
        ProcessorState state = new();
        cpu.GetState(state);
        throw new InvalidOperationException($"The guest left with {exit.Reason} at 0x{state.Rip:x}, CR2 0x{state.Cr2:x}, instead of a write to port 0x{port:x}.");
    }

    private static void Require(bool done)
    {
        if (!done) throw new InvalidOperationException("The guest's memory is too small for it.");
    }
}
