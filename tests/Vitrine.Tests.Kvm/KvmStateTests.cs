using Vitrine.Accelerators;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Kvm;

public sealed class KvmStateTests
{
    private const uint Tsc = 0x10;
    private const uint Star = 0xC0000081;
    private const uint MtrrDefType = 0x2FF;
    private const uint KvmSystemTime = 0x4B564D01;
    private const uint TscDeadline = 0x6E0;

    private readonly ITestOutputHelper _output;

    public KvmStateTests(ITestOutputHelper output) => _output = output;

    /// <summary>
    /// The order that QEMU's trace shows for its FULL put, less what a level leaves out; the local APIC, which QEMU writes elsewhere,
    /// is not in the state here.
    /// </summary>
    [Theory]
    [InlineData(PutLevel.Full, "SET_SREGS2 SET_TSC_KHZ SET_REGS SET_XSAVE SET_XCRS SET_MSRS SET_VCPU_EVENTS SET_MP_STATE SET_MSRS SET_DEBUGREGS")]
    [InlineData(PutLevel.Reset, "SET_SREGS2 SET_REGS SET_XSAVE SET_XCRS SET_MSRS SET_VCPU_EVENTS SET_MP_STATE SET_MSRS SET_DEBUGREGS")]
    [InlineData(PutLevel.Runtime, "SET_SREGS2 SET_REGS SET_XSAVE SET_XCRS SET_MSRS SET_VCPU_EVENTS SET_MSRS SET_DEBUGREGS")]
    public void PutHasTheOrderOfTheTrace(PutLevel level, string expected)
    {
        var calls = new RecordingKvmSystem();
        using var guest = new KvmGuest(calls: calls);
        ProcessorState state = guest.State();
        SkipUnless(guest, "KVM_CAP_SREGS2");
        state.Msrs[TscDeadline] = 0;
        state.Msrs.Remove(0x3A);
        Array.Clear(state.LocalApic);
        calls.Names.Clear();
        guest.Vcpu.PutState(state, level);
        Assert.Equal(expected, Listed(calls, "KVM_SET_"));
    }

    [Fact]
    public void FeatureControlIsWrittenFirstAndTheApicBeforeTheDeadline()
    {
        // Only the names count here: KVM needn't have the MSR.
        var calls = new RecordingKvmSystem { Answer = (ioctl, _) => ioctl == "KVM_SET_MSRS" ? 1 : null };
        using var guest = new KvmGuest(calls: calls);
        ProcessorState state = guest.State();
        SkipUnless(guest, "KVM_CAP_SREGS2");
        state.Msrs.Clear();
        state.Msrs[0x3A] = 1;
        state.Msrs[TscDeadline] = 0;
        calls.Names.Clear();
        guest.Vcpu.PutState(state, PutLevel.Reset);
        Assert.Equal(
            "SET_MSRS SET_SREGS2 SET_REGS SET_XSAVE SET_XCRS SET_VCPU_EVENTS SET_MP_STATE SET_LAPIC SET_MSRS SET_DEBUGREGS",
            Listed(calls, "KVM_SET_"));
    }

    /// <summary>MP state before the registers, because KVM takes INIT and SIPI then; the rest in the order of the trace.</summary>
    [Fact]
    public void GetReadsTheMpStateFirst()
    {
        var calls = new RecordingKvmSystem();
        using var guest = new KvmGuest(calls: calls);
        _ = guest.State();
        SkipUnless(guest, "KVM_CAP_SREGS2");
        SkipUnless(guest, "KVM_CAP_XSAVE2");
        calls.Names.Clear();
        _ = guest.State();
        Assert.Equal(
            "GET_MP_STATE GET_VCPU_EVENTS GET_REGS GET_XSAVE2 GET_XCRS GET_SREGS2 GET_MSRS GET_LAPIC GET_DEBUGREGS",
            Listed(calls, "KVM_"));
    }

    /// <summary>The table of reset values that QEMU's CPU model and KVM's own reset agree on.</summary>
    [Fact]
    public void NewVcpuIsInItsResetState()
    {
        using var guest = new KvmGuest();
        ProcessorState state = guest.State();
        Assert.Equal(new SegmentRegister(0xF000, 0xFFFF0000, 0xFFFF, 0x9B), state.Segments[Seg.Cs]);
        Assert.All((int[])[Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs, Seg.Ss], i => Assert.Equal(new SegmentRegister(0, 0, 0xFFFF, 0x93), state.Segments[i]));
        Assert.Equal(new SegmentRegister(0, 0, 0xFFFF, 0x82), state.Segments[Seg.Ldtr]);
        Assert.Equal(new SegmentRegister(0, 0, 0xFFFF, 0x8B), state.Segments[Seg.Tr]);
        Assert.Equal(new DescriptorTable(0, 0xFFFF), state.Gdtr);
        Assert.Equal(new DescriptorTable(0, 0xFFFF), state.Idtr);
        Assert.Equal((0xFFF0UL, 2UL), (state.Rip, state.Rflags));

        // KVM resets before it has a CPUID, so EDX is not yet the signature.
        Assert.All(Enumerable.Range(0, Gpr.Count), i => Assert.Equal(i == Gpr.Rdx ? 0x600UL : 0, state.Gpr[i]));
        Assert.Equal((0x60000010UL, 0UL, 0UL, 0UL, 0UL), (state.Cr0, state.Cr2, state.Cr3, state.Cr4, state.Efer));
        Assert.Equal((0xFFFF0FF0UL, 0x400UL), (state.Dr6, state.Dr7));
        Assert.Equal((1UL, 0x37F, 0x1F80u), (state.Xcr0, state.Fpu.ControlWord, state.Fpu.Mxcsr));
        Assert.Equal(0x0007040600070406UL, state.Msrs[0x277]);
        Assert.Equal((0xFEE00900UL, MpState.Runnable), (state.ApicBase, state.MpState));
    }

    [Fact]
    public void SecondVcpuWaitsForInit()
    {
        using var guest = new KvmGuest();
        using IVirtualCpu second = guest.Accelerator.CreateVcpu(1);
        second.SetCpuid([.. guest.Accelerator.SupportedCpuid]);
        var state = new ProcessorState();
        second.GetState(state);
        Assert.Equal((0xFEE00800UL, MpState.Uninitialized), (state.ApicBase, state.MpState));
        VitrineException e = Assert.Throws<VitrineException>(() => guest.Accelerator.CreateVcpu(1));
        Assert.Contains("KVM_CREATE_VCPU failed with EEXIST", e.What, StringComparison.Ordinal);
    }

    [Fact]
    public void ResetStateOfTheArchitectureIsTaken()
    {
        using var guest = new KvmGuest();
        ProcessorState put = ResetState.Create(0, 0x60FB1);
        guest.Vcpu.PutState(put, PutLevel.Full);
        ProcessorState got = guest.State();
        Assert.Equal(0x60FB1UL, got.Gpr[Gpr.Rdx]);
        Assert.Equal(put.Segments, got.Segments);
        foreach ((uint index, ulong value) in put.Msrs)
        {
            if (index != Tsc && got.Msrs.TryGetValue(index, out ulong actual)) Assert.Equal((index, value), (index, actual));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void StateSurvivesTheRoundTrip(bool withoutSregs2)
    {
        int seed = Environment.TickCount;
        _output.WriteLine($"seed {seed}");
        using var guest = new KvmGuest(calls: withoutSregs2 ? WithoutSregs2() : null);
        ProcessorState put = guest.State();
        Randomize(put, new Random(seed));
        guest.Vcpu.PutState(put, PutLevel.Reset);
        ProcessorState got = guest.State();
        Assert.Equal(StateListing.Of(put, Tsc), StateListing.Of(got, Tsc));

        // And from there to the other levels.
        guest.Vcpu.PutState(got, PutLevel.Runtime);
        guest.Vcpu.PutState(got, PutLevel.Full);
        Assert.Equal(StateListing.Of(put, Tsc), StateListing.Of(guest.State(), Tsc));
    }

    /// <summary>Asked of the arguments rather than of KVM: a KVM without TSC offsets takes the write and ignores it.</summary>
    [Theory]
    [InlineData(PutLevel.Runtime, false)]
    [InlineData(PutLevel.Reset, true)]
    [InlineData(PutLevel.Full, true)]
    public unsafe void MsrsOfTimeAndFirmwareAreWrittenAtResetOnly(PutLevel level, bool written)
    {
        var indices = new List<uint>();
        var calls = new RecordingKvmSystem
        {
            Answer = (ioctl, argument) =>
            {
                if (ioctl != nameof(KvmIoctl.KVM_SET_MSRS)) return null;
                var header = (kvm_msrs*)argument;
                for (int i = 0; i < header->nmsrs; i++) indices.Add(((kvm_msr_entry*)(header + 1))[i].index);
                return null;
            },
        };
        using var guest = new KvmGuest(calls: calls);
        ProcessorState state = guest.State();
        guest.Vcpu.PutState(state, level);
        Assert.Contains(Star, indices);
        Assert.All((uint[])[Tsc, MtrrDefType, KvmSystemTime], index => Assert.Equal((index, written), (index, indices.Contains(index))));
    }

    /// <summary>Asked of the arguments: not every KVM keeps PAE paging outside the guest.</summary>
    [Theory]
    [InlineData(0x80000011, 0x20, 0, 0x10001, true)]
    [InlineData(0x80000011, 0x20, 0, 0, false)] // none given: KVM loads them from memory
    [InlineData(0x80000011, 0, 0, 0x10001, false)] // 32-bit paging has none
    [InlineData(0x80000011, 0x20, 0x500, 0x10001, false)] // nor has 4-level paging
    public unsafe void PaePointersGoWithTheSpecialRegisters(ulong cr0, ulong cr4, ulong efer, ulong pointer, bool expected)
    {
        (ulong Flags, ulong Pointer) put = default;
        var calls = new RecordingKvmSystem
        {
            Answer = (ioctl, argument) =>
            {
                if (ioctl == nameof(KvmIoctl.KVM_SET_SREGS2)) put = (((kvm_sregs2*)argument)->flags, ((kvm_sregs2*)argument)->pdptrs[2]);
                return ioctl == nameof(KvmIoctl.KVM_SET_SREGS2) ? 0 : null;
            },
        };
        using var guest = new KvmGuest(calls: calls);
        SkipUnless(guest, "KVM_CAP_SREGS2");
        ProcessorState state = guest.State();
        (state.Cr0, state.Cr4, state.Efer, state.Pdptes[2]) = (cr0, cr4, efer, pointer);
        guest.Vcpu.PutState(state, PutLevel.Runtime);
        Assert.Equal(expected ? (1UL, pointer) : (0UL, 0UL), put);
    }

    [Fact]
    public void RefusedMsrIsNamed()
    {
        using var guest = new KvmGuest();
        ProcessorState state = guest.State();
        state.Msrs[0xDEAD0000] = 0x1234;
        state.Msrs[Star] = 5;
        VitrineException e = Assert.Throws<VitrineException>(() => guest.Vcpu.PutState(state, PutLevel.Runtime));
        Assert.Contains("0xdead0000 to 0x1234", e.What, StringComparison.Ordinal);

        // Those before it are written.
        Assert.Equal(5UL, guest.State().Msrs[Star]);
    }

    [Theory]
    [InlineData(0x80000000, 0, 0)] // PG without PE
    [InlineData(0x80000011, 0x20, 0x100)] // LME and PG without LMA
    [InlineData(0x11, 1UL << 40, 0)] // a reserved bit of CR4
    public void ContradictorySpecialRegistersAreRefused(ulong cr0, ulong cr4, ulong efer)
    {
        using var guest = new KvmGuest();
        ProcessorState state = guest.State();
        (state.Cr0, state.Cr4, state.Efer) = (cr0, cr4, efer);
        VitrineException e = Assert.Throws<VitrineException>(() => guest.Vcpu.PutState(state, PutLevel.Runtime));
        Assert.Contains("EINVAL", e.What, StringComparison.Ordinal);
        Assert.Contains("PG without PE", e.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void OfferedCpuidIsWhatTheProtocolCarries()
    {
        using var guest = new KvmGuest();
        IReadOnlyList<CpuidEntry> offered = guest.Vcpu.SupportedCpuid;
        CpuidEntry leaf1 = offered.First(e => e.Function == 1);
        Assert.Equal(0u, leaf1.Ecx & (1 << 5)); // VMX
        Assert.NotEqual(0u, leaf1.Ecx & (1u << 31)); // hypervisor present
        Assert.NotEqual(0u, leaf1.Edx & 1); // x87
        Assert.Equal(0u, offered.FirstOrDefault(e => e.Function == 0x80000001).Ecx & (1 << 2)); // SVM
        Assert.Contains(offered, e => e.Function == 0x40000000 && e.Ebx == 0x4B4D564B); // "KVMK"
        Assert.InRange(guest.Vcpu.TscKilohertz, 100_000u, 10_000_000u);
        Assert.Equal(1_000_000u, guest.Vcpu.ApicTimerKilohertz);
        Assert.Throws<VitrineException>(() => guest.Vcpu.SetCpuid(new CpuidEntry[257]));
    }

    [Fact]
    public void TranslationFollowsThePageTables()
    {
        using var guest = new KvmGuest();
        ProcessorState state = guest.State();

        // Four levels at 0x2000 to 0x5000, entry 1 in each of the lower three; entry 5 of the last maps to 0x7000.
        foreach ((ulong entry, ulong value) in new (ulong, ulong)[] { (0x2000, 0x3003), (0x3008, 0x4003), (0x4008, 0x5003), (0x5028, 0x7003) })
        {
            Assert.True(guest.Memory.TryWrite(new Gpa(entry), BitConverter.GetBytes(value)));
        }

        (state.Cr3, state.Cr4, state.Efer, state.Cr0) = (0x2000, 0x20, 0x500, 0x80000011);
        state.Segments[Seg.Cs] = new SegmentRegister(8, 0, 0xFFFFFFFF, 0xA09B);
        guest.Vcpu.PutState(state, PutLevel.Reset);
        Assert.True(guest.Vcpu.TryTranslate((1UL << 30) + (1UL << 21) + 0x5345, out ulong gpa));
        Assert.Equal(0x7345UL, gpa);
        Assert.False(guest.Vcpu.TryTranslate((1UL << 30) + (1UL << 21) + 0x6000, out _));
    }

    private static void SkipUnless(KvmGuest guest, string capability)
    {
        if (!guest.Accelerator.Capabilities.First(c => c.Name == capability).Present) Assert.Skip($"this KVM lacks {capability}");
    }

    private static RecordingKvmSystem WithoutSregs2() => new()
    {
        Answer = (ioctl, argument) => ioctl switch
        {
            nameof(KvmIoctl.KVM_CHECK_EXTENSION) when argument == (nint)KvmCap.KVM_CAP_SREGS2 => 0,
            nameof(KvmIoctl.KVM_GET_SREGS2) or nameof(KvmIoctl.KVM_SET_SREGS2) => -Errno.ENOTTY,
            _ => null,
        },
    };

    private static string Listed(RecordingKvmSystem calls, string prefix) =>
        string.Join(' ', calls.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[4..]));

    // 64-bit mode with four-level paging; every field that may have any value gets a random one.
    private static void Randomize(ProcessorState state, Random random)
    {
        for (int i = 0; i < Gpr.Count; i++) state.Gpr[i] = Bits(64);
        state.Rip = Bits(46);
        state.Rflags = (Bits(22) & 0x0CD5) | 2;
        for (int i = Seg.Es; i <= Seg.Gs; i++)
        {
            bool code = i == Seg.Cs;
            bool based = i is Seg.Fs or Seg.Gs;
            state.Segments[i] = new SegmentRegister((ushort)(Bits(13) << 3), based ? Bits(46) : 0, 0xFFFFFFFF, code ? 0xA09Bu : 0xC093u);
        }

        state.Segments[Seg.Tr] = new SegmentRegister((ushort)(Bits(13) << 3), Bits(46), 0x67, 0x8B);
        state.Segments[Seg.Ldtr] = new SegmentRegister((ushort)(Bits(13) << 3), Bits(46), (uint)Bits(16), 0x82);
        state.Gdtr = new DescriptorTable(Bits(46), (ushort)Bits(16));
        state.Idtr = new DescriptorTable(Bits(46), (ushort)Bits(16));
        state.Cr0 = 0x80050033;
        state.Cr2 = Bits(64);
        state.Cr3 = Bits(8) << 12;
        state.Cr4 = 0x6A0;
        state.Cr8 = Bits(4);
        state.Efer = 0x500;
        for (int i = 0; i < 4; i++) state.DebugAddress[i] = Bits(46);
        state.Dr6 = 0xFFFF0FF0 | Bits(4);
        state.Dr7 = 0x400 | Bits(8);
        FpuState fpu = state.Fpu;
        fpu.ControlWord = (ushort)((Bits(12) & 0xF3F) | 0x40);
        fpu.StatusWord = (ushort)(Bits(16) & 0x7F7F);
        fpu.AbridgedTag = (byte)Bits(8);
        fpu.LastOpcode = (ushort)Bits(11);
        fpu.LastInstructionPointer = Bits(46);
        fpu.LastDataPointer = Bits(46);
        fpu.Mxcsr = (uint)Bits(16) & 0xFFBF;
        for (int i = 0; i < 8; i++) fpu.St[i] = new UInt128(Bits(16), Bits(64));
        for (int i = 0; i < 16; i++) fpu.Xmm[i] = new UInt128(Bits(64), Bits(64));
        state.Msrs[0x174] = Bits(16);
        foreach (uint canonical in (uint[])[0x175, 0x176, 0xC0000082, 0xC0000083, 0xC0000102]) state.Msrs[canonical] = Bits(46);
        state.Msrs[Star] = Bits(64);
        state.Msrs[0xC0000084] = Bits(32);
        state.Msrs[0x277] = 0x0007040600070406 ^ (Bits(1) << 2);
        state.Events = new PendingEvents { InterruptShadow = 1, NmiMasked = true };

        // Task priority lies in CR8 and in the APIC; logical destination and spurious vector are free.
        state.LocalApic[0x80] = (byte)(state.Cr8 << 4);
        state.LocalApic[0xD3] = (byte)Bits(8);
        state.LocalApic[0xF0] = (byte)Bits(8);
        state.LocalApic[0xF1] = 1;

        ulong Bits(int count) => (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> (64 - count);
    }
}
