using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.Tests.Software.Mmu;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Parts;

/// <summary>State is read and written in parts, as KVM's calls do: what is not named stays, and what follows from a part follows it.</summary>
public sealed class StatePartsTests
{
    private const StateParts All = StateParts.General | StateParts.Special | StateParts.Fpu | StateParts.ExtendedControl | StateParts.Pkru | StateParts.Debug |
        StateParts.Events | StateParts.LocalApic | StateParts.Activity;

    public static TheoryData<MmuMode, SoftwareEngine> Cpus => MmuModes.WithEngines;

    [Theory]
    [InlineData(StateParts.General)]
    [InlineData(StateParts.Special)]
    [InlineData(StateParts.Fpu)]
    [InlineData(StateParts.ExtendedControl)]
    [InlineData(StateParts.Debug)]
    [InlineData(StateParts.Events)]
    [InlineData(StateParts.LocalApic)]
    [InlineData(StateParts.Activity)]
    public void APartComesBackAndTheRestStays(StateParts part)
    {
        using M m = new();
        m.Vcpu.PutState(m.State, PutLevel.Full);
        ProcessorState before = Get(m);
        ProcessorState changed = Changed(before);
        m.Vcpu.Parts.Put(changed, part);
        ProcessorState after = Get(m);
        ProcessorState expected = new();
        expected.CopyFrom(before);
        Copy(changed, expected, part);
        Assert.Equal(Text(expected), Text(after));
        Assert.NotEqual(Text(before), Text(after));
    }

    [Fact]
    public void GeneralAndSpecialRegistersCostNoAllocation()
    {
        using M m = new();
        m.Vcpu.PutState(m.State, PutLevel.Full);
        ProcessorState state = Get(m);
        const StateParts Both = StateParts.General | StateParts.Special;
        for (int round = 0; round < 2; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            m.Vcpu.Parts.Get(state, Both);
            m.Vcpu.Parts.Put(state, Both);
            if (round == 1) Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Theory]
    [MemberData(nameof(Cpus))]
    public void APutOfRegistersKeepsCode(MmuMode mmu, SoftwareEngine engine)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a =>
        {
            a.inc(rax);
            a.@out(0x80, al);
            a.hlt();
        });
        ProcessorState state = Get(m);
        ulong decoded = 0;
        for (ulong i = 0; i < 5; i++)
        {
            state.Rip = M.Code;
            state.Gpr[Gpr.Rax] = 10 * i;
            m.Vcpu.Parts.Put(state, StateParts.General);
            Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
            m.Vcpu.Parts.Get(state, StateParts.General);
            Assert.Equal((10 * i) + 1, state.Gpr[Gpr.Rax]);
            if (i == 1) decoded = m.Vcpu.Statistics.DecodedBlocks;
        }

        Assert.Equal(decoded, m.Vcpu.Statistics.DecodedBlocks);
    }

    [Theory]
    [MemberData(nameof(Cpus))]
    public void AnotherCr3LeadsElsewhere(MmuMode mmu, SoftwareEngine engine)
    {
        // A second set of tables maps the page to other memory.
        const ulong Page = 0x20_0000, First = 0x40_0000, Second = 0x41_0000, Copy = 0x50_0000;
        using M m = new(mmu: mmu, engine: engine);
        m.Map(Page, First, M.P | M.W);
        m.Store(First, 1, 8);
        m.Store(Second, 2, 8);
        for (ulong table = 0; table < 0x10; table++)
        {
            for (ulong i = 0; i < 0x1000; i += 8)
            {
                ulong entry = m.Read(M.Tables + (table * 0x1000) + i, 8);
                bool isTable = (entry & M.P) != 0 && (entry & 0xFFFFF000) is >= M.Tables and < M.Tables + 0x10000;
                m.Store(Copy + (table * 0x1000) + i, isTable ? entry - M.Tables + Copy : entry == (First | M.P | M.W) ? Second | M.P | M.W : entry, 8);
            }
        }

        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a =>
        {
            a.mov(rax, __qword_ptr[Page]);
            a.@out(0x80, al);
            a.hlt();
        });
        ProcessorState state = Get(m);
        ulong[] seen = new ulong[4];
        for (int i = 0; i < seen.Length; i++)
        {
            state.Rip = M.Code;
            state.Cr3 = (i & 1) != 0 ? Copy : M.Tables;
            m.Vcpu.Parts.Put(state, StateParts.General | StateParts.Special);
            ref VmExit exit = ref m.Vcpu.Run();
            Assert.Equal(VmExitReason.PortIo, exit.Reason);
            seen[i] = exit.Data[0];
        }

        Assert.Equal([1UL, 2, 1, 2], seen);
    }

    [Theory]
    [MemberData(nameof(Cpus))]
    public void AnAccessIsCompletedWhereRipIsWhatItWas(MmuMode mmu, SoftwareEngine engine)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a =>
        {
            a.@in(al, 0x60);
            a.@out(0x80, al);
            a.hlt();
        });
        ProcessorState state = Get(m);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General);
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal(0x60, exit.Port);
        m.Vcpu.Parts.Get(state, StateParts.General | StateParts.Special);
        Assert.Equal(M.Code, state.Rip);
        state.Gpr[Gpr.Rbx] = 5;

        // Elsewhere for a moment: what counts is where it stands when it runs.
        state.Rip = M.Code + 2;
        m.Vcpu.Parts.Put(state, StateParts.General);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General | StateParts.Special);
        exit.Data[0] = 0x77;
        exit = ref m.Vcpu.Run();
        Assert.Equal((0x80, 0x77), (exit.Port, exit.Data[0]));
    }

    [Theory]
    [MemberData(nameof(Cpus))]
    public void AnAccessIsDroppedWhereRipIsAnother(MmuMode mmu, SoftwareEngine engine)
    {
        using M m = new(mmu: mmu, engine: engine);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, a =>
        {
            a.@in(al, 0x60);
            a.@in(al, 0x61);
            a.hlt();
        });
        ProcessorState state = Get(m);
        state.Rip = M.Code;
        m.Vcpu.Parts.Put(state, StateParts.General);
        ref VmExit exit = ref m.Vcpu.Run();
        exit.Data[0] = 0x77;
        state.Rip = M.Code + 2;
        m.Vcpu.Parts.Put(state, StateParts.General);
        Assert.Equal(0x61, m.Vcpu.Run().Port);
    }

    [Fact]
    public void AStateThatNoProcessorEntersIsRefusedUntilItIsMended()
    {
        using M m = new();
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, static a => a.@out(0x80, al));
        ProcessorState state = Get(m);
        state.Rip = M.Code;
        state.Efer &= ~Efer.LMA;
        m.Vcpu.Parts.Put(state, StateParts.General | StateParts.Special);
        Assert.Equal(VmExitReason.FailEntry, m.Vcpu.Run().Reason);
        state.Efer |= Efer.LMA;
        m.Vcpu.Parts.Put(state, StateParts.Special);
        Assert.Equal(VmExitReason.PortIo, m.Vcpu.Run().Reason);
        state.Rip = 1UL << 48;
        m.Vcpu.Parts.Put(state, StateParts.General);
        Assert.Equal(VmExitReason.FailEntry, m.Vcpu.Run().Reason);
    }

    private static ProcessorState Get(M m)
    {
        ProcessorState state = new();
        m.Vcpu.Parts.Get(state, All);
        return state;
    }

    private static ProcessorState Changed(ProcessorState before)
    {
        ProcessorState state = new();
        state.CopyFrom(before);
        for (int i = 0; i < Gpr.Count; i++) state.Gpr[i] += 0x1111 * (ulong)(i + 1);
        state.Rip += 0x10;
        state.Rflags ^= 0x8D5;
        for (int i = 0; i < Seg.Count; i++) state.Segments[i].Selector ^= 0x100;
        state.Segments[Seg.Fs].Base = 0x1234_5000;
        (state.Gdtr, state.Idtr) = (new DescriptorTable(0x9000, 0x7F), new DescriptorTable(0xA000, 0x7FF));
        (state.Cr2, state.Cr3, state.Cr8) = (0x4567, state.Cr3 + 0x1000, 5);
        state.Cr0 ^= Cr0.WP;
        state.Cr4 ^= Cr4.PGE;
        state.ApicBase ^= 0x1000;
        state.Pdptes[2] = 0x7001;
        state.Xcr0 = 7;
        state.Fpu.Mxcsr = 0x1F81;
        state.Fpu.Xmm[3] = new UInt128(1, 2);
        state.Fpu.St[2] = new UInt128(0x3FFF, 1UL << 63);
        (state.Dr6, state.Dr7) = (0xFFFF0FF1, 0x401);
        state.DebugAddress[1] = 0x1000;
        state.Events = new PendingEvents
        {
            NmiMasked = true,
            NmisPending = 1,
            InterruptShadow = 2,
            ExceptionInjected = true,
            ExceptionVector = 14,
            ExceptionHasErrorCode = true,
            ExceptionErrorCode = 6,
            SipiVector = 0x9A,
        };
        state.MpState = MpState.Halted;
        state.LocalApic[0xF1] = 1;
        state.LocalApic[0xF0] = 0x33;
        return state;
    }

    private static void Copy(ProcessorState from, ProcessorState to, StateParts part)
    {
        ProcessorState whole = new();
        whole.CopyFrom(from);
        switch (part)
        {
            case StateParts.General:
                from.Gpr.CopyTo(to.Gpr, 0);
                (to.Rip, to.Rflags) = (from.Rip, from.Rflags);
                break;
            case StateParts.Special:
                from.Segments.CopyTo(to.Segments, 0);
                (to.Gdtr, to.Idtr, to.Cr0, to.Cr2, to.Cr3, to.Cr4, to.Cr8) = (from.Gdtr, from.Idtr, from.Cr0, from.Cr2, from.Cr3, from.Cr4, from.Cr8);
                (to.Efer, to.ApicBase) = (from.Efer, from.ApicBase);
                from.Pdptes.CopyTo(to.Pdptes, 0);

                // CR8 is the local APIC's task priority, whose processor priority follows.
                to.LocalApic[0x80] = to.LocalApic[0xA0] = (byte)(from.Cr8 << 4);
                break;
            case StateParts.Fpu:
                to.Fpu.CopyFrom(from.Fpu);
                break;
            case StateParts.ExtendedControl:
                to.Xcr0 = from.Xcr0;
                break;
            case StateParts.Debug:
                from.DebugAddress.CopyTo(to.DebugAddress, 0);
                (to.Dr6, to.Dr7) = (from.Dr6, from.Dr7);
                break;
            case StateParts.Events:
                to.Events = from.Events;
                break;
            case StateParts.LocalApic:
                from.LocalApic.CopyTo(to.LocalApic, 0);
                break;
            default:
                to.MpState = from.MpState;
                break;
        }
    }

    private static string Text(ProcessorState state) => System.Text.Json.JsonSerializer.Serialize(
        state, new System.Text.Json.JsonSerializerOptions { IncludeFields = true, WriteIndented = true });
}
