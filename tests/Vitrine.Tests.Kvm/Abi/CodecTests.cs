using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Kvm.Abi;

/// <summary>
/// States in KVM's structures and back. Expected bytes and refusals are those of &lt;asm/kvm.h&gt;, of Documentation/virt/kvm/api.rst and of what
/// arch/x86/kvm/x86.c answers with EINVAL.
/// </summary>
public sealed class CodecTests
{
    private const uint AllEvents = KvmConstants.KVM_VCPUEVENT_VALID_NMI_PENDING | KvmConstants.KVM_VCPUEVENT_VALID_SIPI_VECTOR |
        KvmConstants.KVM_VCPUEVENT_VALID_SHADOW | KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT;

    private const int PkruOffset = 2688;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void StatesSurviveTheRoundTrip(int seed)
    {
        for (int round = 0; round < 200; round++)
        {
            ProcessorState sent = RandomState.Create(new Random((seed * 1000) + round));
            ProcessorState got = new();
            byte[] area = new byte[4096];
            XsaveCodec.Encode(sent, PkruOffset, area);
            byte[] msrs = new byte[MsrsCodec.BytesFor(sent.Msrs.Count)];
            MsrsCodec.Encode([.. sent.Msrs], msrs);
            PendingEvents events = default;

            RegsCodec.Decode(RegsCodec.Encode(sent), got);
            Assert.True(XsaveCodec.TryDecode(area, PkruOffset, got));
            Assert.True(XcrsCodec.TryDecode(XcrsCodec.Encode(sent), got));
            Assert.True(SregsCodec.TryDecode(SregsCodec.EncodeSecond(sent), got));
            Assert.True(MsrsCodec.TryDecode(msrs, int.MaxValue, got.Msrs));
            Assert.True(VcpuEventsCodec.TryDecode(VcpuEventsCodec.Encode(sent.Events, AllEvents), ref events));
            Assert.True(MpStateCodec.TryDecode(MpStateCodec.Encode(sent.MpState), out MpState mpState));
            LapicCodec.Decode(LapicCodec.Encode(sent), got);
            Assert.True(DebugRegsCodec.TryDecode(DebugRegsCodec.Encode(sent), got));
            (got.Events, got.MpState) = (events, mpState);

            Assert.Empty(StateDifference.Between(sent, got));
            Assert.Equal(sent.Events, got.Events);
            Assert.Equal(sent.Msrs, got.Msrs);
            Assert.Equal(sent.LocalApic, got.LocalApic);
            Assert.Equal(sent.Fpu.YmmHigh, got.Fpu.YmmHigh);
        }
    }

    /// <summary>The first version of the special registers lacks the pointers of PAE paging and has an interrupt in flight instead.</summary>
    [Fact]
    public void FirstVersionOfTheSpecialRegistersCarriesAnInterrupt()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            ProcessorState sent = RandomState.Create(new Random(seed));
            ProcessorState got = new();
            SregsCodec.Decode(SregsCodec.Encode(sent), got);
            Assert.Equal(sent.Segments, got.Segments);
            Assert.Equal((sent.Cr0, sent.Cr3, sent.Cr4, sent.Efer, sent.ApicBase), (got.Cr0, got.Cr3, got.Cr4, got.Efer, got.ApicBase));
            bool injected = sent.Events.InterruptInjected && !sent.Events.InterruptSoft;
            Assert.Equal((injected, injected ? sent.Events.InterruptVector : 0), (got.Events.InterruptInjected, got.Events.InterruptVector));
        }
    }

    [Fact]
    public void FpuPassesWithoutMxcsrAndYmm()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            FpuState sent = RandomState.Create(new Random(seed)).Fpu;
            FpuState got = new() { Mxcsr = 0x1234 };
            kvm_fpu kvm = FpuCodec.Encode(sent);
            FpuCodec.Decode(kvm, got);
            Assert.Equal(0u, kvm.mxcsr);
            Assert.Equal((sent.ControlWord, sent.StatusWord, sent.AbridgedTag, sent.LastOpcode), (got.ControlWord, got.StatusWord, got.AbridgedTag, got.LastOpcode));
            Assert.Equal((sent.LastInstructionPointer, sent.LastDataPointer), (got.LastInstructionPointer, got.LastDataPointer));
            Assert.Equal(sent.St, got.St);
            Assert.Equal(sent.Xmm, got.Xmm);
            Assert.Equal(0x1234u, got.Mxcsr);
        }
    }

    [Fact]
    public void CpuidSurvivesTheRoundTrip()
    {
        CpuidEntry[] sent = [new(7, 1, true, 1, 2, 3, 4), new(0x80000001, 0, false, uint.MaxValue, 0, 5, 6)];
        byte[] buffer = CpuidCodec.Encode(sent);
        Assert.Equal("0200000000000000" + "07000000" + "01000000" + "01000000" + "01000000", Convert.ToHexString(buffer, 0, 24));
        Assert.True(CpuidCodec.TryDecode(buffer, out CpuidEntry[] got));
        Assert.Equal(sent, got);
    }

    [Theory]
    [MemberData(nameof(KnownBytes))]
    public void FieldsLieWhereTheHeaderPutsThem(string name, byte[] actual, int offset, string expected) =>
        Assert.Equal((name, expected), (name, Convert.ToHexString(actual, offset, expected.Length / 2)));

    public static TheoryData<string, byte[], int, string> KnownBytes()
    {
        ProcessorState state = new() { Rip = 0x1122334455667788, Rflags = 0x246, Cr3 = 0xABC000, Efer = 0xD01, Xcr0 = 7, Dr6 = 0xFFFF0FF1, Dr7 = 0x401 };
        for (int i = 0; i < Gpr.Count; i++) state.Gpr[i] = (ulong)i + 1;
        state.DebugAddress[3] = 0x33;
        state.Segments[Seg.Cs] = new SegmentRegister(0x10, 0x1000, 0xFFFFF, 0xA0FB);
        state.Segments[Seg.Ldtr] = new SegmentRegister(0, 0, 0xFFFF, SegmentRegister.UnusableBit | 0x82);
        state.Idtr = new DescriptorTable(0xFE00, 0xFFF);
        state.Events = new PendingEvents
        {
            ExceptionInjected = true,
            ExceptionVector = 14,
            ExceptionHasErrorCode = true,
            ExceptionErrorCode = 6,
            InterruptShadow = 2,
            NmisPending = 1,
            NmiMasked = true,
            SipiVector = 0x9A,
        };
        state.LocalApic[0x30] = 0x14;
        kvm_vcpu_events events = VcpuEventsCodec.Encode(state.Events, KvmConstants.KVM_VCPUEVENT_VALID_SHADOW);
        return new()
        {
            // rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp: not the encoding order.
            { "rbx", Bytes(RegsCodec.Encode(state)), 8, "0400000000000000" },
            { "rsp", Bytes(RegsCodec.Encode(state)), 48, "0500000000000000" },
            { "r15", Bytes(RegsCodec.Encode(state)), 120, "1000000000000000" },
            { "rip, rflags", Bytes(RegsCodec.Encode(state)), 128, "8877665544332211" + "4602000000000000" },

            // base, limit, selector, type, present, dpl, db, s, l, g, avl, unusable.
            { "cs", Bytes(SregsCodec.Encode(state)), 0, "0010000000000000" + "FFFF0F00" + "1000" + "0B0103000101010000" },
            { "ldt", Bytes(SregsCodec.Encode(state)), (7 * 24) + 8, "FFFF0000" + "0000" + "020100000000000001" },
            { "idt", Bytes(SregsCodec.Encode(state)), (8 * 24) + 16, "00FE000000000000" + "FF0F" },
            { "cr3", Bytes(SregsCodec.Encode(state)), 240, "00C0AB0000000000" },
            { "efer", Bytes(SregsCodec.EncodeSecond(state)), 264, "010D000000000000" },
            { "xcrs", Bytes(XcrsCodec.Encode(state)), 0, "0100000000000000" + "0000000000000000" + "0700000000000000" },
            { "db3, dr6, dr7", Bytes(DebugRegsCodec.Encode(state)), 24, "3300000000000000" + "F10FFFFF00000000" + "0104000000000000" },
            { "exception", Bytes(events), 0, "010E0100" + "06000000" },
            { "interrupt, nmi, sipi_vector, flags", Bytes(events), 8, "00000002" + "00010100" + "9A000000" + "04000000" },
            { "mp_state", Bytes(MpStateCodec.Encode(MpState.Halted)), 0, "03000000" },
            { "lapic", Bytes(LapicCodec.Encode(state)), 0x30, "14" },
        };
    }

    /// <summary>Each part of a segment's access rights has a byte of its own and counts with as many bits as the descriptor has.</summary>
    [Theory]
    [InlineData(0xFF, 0xFF, 0xFF, 0xFF, 0x1F0FFu)]
    [InlineData(0x1B, 0x02, 0x07, 0x00, 0x0006Bu)]
    [InlineData(0x00, 0xFE, 0x04, 0x80, 0x10000u)]
    public void SegmentsOfTheOtherSide(byte type, byte bits, byte dpl, byte unusable, uint access)
    {
        var segment = new kvm_segment { type = type, present = bits, dpl = dpl, db = bits, s = 1, l = bits, g = bits, avl = bits, unusable = unusable, padding = 7 };
        Assert.Equal(access | 0x10, SegmentCodec.Decode(segment).Access);
    }

    [Theory]
    [InlineData(0UL, 0x80000011UL, 0x20UL, 0UL, true)]
    [InlineData(1UL, 0x80000011UL, 0x20UL, 0UL, true)]
    [InlineData(1UL, 0x80000011UL, 0x20UL, 0x500UL, false)] // 4-level paging has no such pointers
    [InlineData(1UL, 0x11UL, 0x20UL, 0UL, false)] // nor has no paging
    [InlineData(2UL, 0x80000011UL, 0x20UL, 0UL, false)]
    [InlineData(1UL << 63, 0x80000011UL, 0x20UL, 0UL, false)]
    public void SpecialRegistersOfTheOtherSide(ulong flags, ulong cr0, ulong cr4, ulong efer, bool taken)
    {
        ProcessorState state = new() { Cr3 = 0x5000 };
        Assert.Equal(taken, SregsCodec.TryDecode(new kvm_sregs2 { flags = flags, cr0 = cr0, cr4 = cr4, efer = efer, cr3 = 0x7000 }, state));
        Assert.Equal(taken ? 0x7000UL : 0x5000UL, state.Cr3);
    }

    [Theory]
    [InlineData(0u, 0u, true)]
    [InlineData(16u, 0u, true)]
    [InlineData(17u, 0u, false)]
    [InlineData(uint.MaxValue, 0u, false)]
    [InlineData(1u, 1u, false)]
    public void ExtendedRegistersOfTheOtherSide(uint count, uint flags, bool taken) =>
        Assert.Equal(taken, XcrsCodec.TryDecode(new kvm_xcrs { nr_xcrs = count, flags = flags }, new ProcessorState()));

    [Theory]
    [InlineData(0xFFFF0FF0UL, 0x400UL, 0UL, true)]
    [InlineData(0x1_00000000UL, 0UL, 0UL, false)]
    [InlineData(0UL, 0x1_00000000UL, 0UL, false)]
    [InlineData(0UL, 0UL, 1UL, false)]
    public void DebugRegistersOfTheOtherSide(ulong dr6, ulong dr7, ulong flags, bool taken) =>
        Assert.Equal(taken, DebugRegsCodec.TryDecode(new kvm_debugregs { dr6 = dr6, dr7 = dr7, flags = flags }, new ProcessorState()));

    [Theory]
    [InlineData(4u, true)]
    [InlineData(5u, false)]
    [InlineData(uint.MaxValue, false)]
    public void MpStatesOfTheOtherSide(uint value, bool taken) =>
        Assert.Equal(taken, MpStateCodec.TryDecode(new kvm_mp_state { mp_state = value }, out _));

    /// <summary>An exception needs a vector below 32 that is not NMI's; of NMIs at most two wait, and one while they are blocked.</summary>
    [Theory]
    [InlineData(0u, 1, 14, 0, 0, true)]
    [InlineData(0u, 1, 2, 0, 0, false)]
    [InlineData(0u, 1, 32, 0, 0, false)]
    [InlineData(0u, 0, 255, 0, 0, true)]
    [InlineData(1u, 0, 0, 0, 2, true)]
    [InlineData(1u, 0, 0, 1, 1, true)]
    [InlineData(16u, 0, 0, 0, 0, false)]
    [InlineData(64u, 0, 0, 0, 0, false)]
    [InlineData(uint.MaxValue, 0, 0, 0, 0, false)]
    public void EventsOfTheOtherSide(uint flags, byte injected, byte vector, byte masked, byte pending, bool taken)
    {
        var kvm = new kvm_vcpu_events { flags = flags };
        (kvm.exception.injected, kvm.exception.nr, kvm.nmi.masked, kvm.nmi.pending) = (injected, vector, masked, 255);
        PendingEvents events = new() { SipiVector = 7, InterruptShadow = 1, TripleFaultPending = true };
        Assert.Equal(taken, VcpuEventsCodec.TryDecode(kvm, ref events));
        Assert.Equal(pending, events.NmisPending);

        // What the flags don't name stays.
        Assert.Equal((7u, 1, true), (events.SipiVector, events.InterruptShadow, events.TripleFaultPending));
    }

    [Theory]
    [InlineData(0, 0u, false)]
    [InlineData(7, 0u, false)]
    [InlineData(8, 0u, true)]
    [InlineData(8, 1u, false)]
    [InlineData(23, 1u, false)]
    [InlineData(24, 1u, true)]
    [InlineData(40, 1u, true)]
    [InlineData(40, 0x10000002u, false)] // times 16 bytes wraps to 32
    [InlineData(40, uint.MaxValue, false)]
    public void CountsOfTheOtherSide(int length, uint count, bool taken)
    {
        byte[] buffer = new byte[length];
        BitConverter.GetBytes(count).AsSpan(0, Math.Min(length, 4)).CopyTo(buffer);
        Assert.Equal(taken, MsrsCodec.TryDecode(buffer, int.MaxValue, new SortedDictionary<uint, ulong>()));
    }

    [Fact]
    public void MoreCpuidEntriesThanKvmTakesAreRefused()
    {
        Assert.True(CpuidCodec.TryDecode(CpuidCodec.Encode(new CpuidEntry[256]), out CpuidEntry[] entries));
        Assert.Equal(256, entries.Length);
        Assert.False(CpuidCodec.TryDecode(CpuidCodec.Encode(new CpuidEntry[257]), out entries));
        Assert.Empty(entries);
    }

    /// <summary>Whatever a client wrote, a structure is taken or refused, and what was taken is a state that passes unchanged from then on.</summary>
    [Fact]
    public void RandomStructuresAreTakenOrRefused()
    {
        Random random = new(20);
        for (int round = 0; round < 2000; round++)
        {
            ProcessorState state = new();
            RegsCodec.Decode(Noise<kvm_regs>(random), state);
            SregsCodec.Decode(Noise<kvm_sregs>(random), state);
            _ = SregsCodec.TryDecode(Noise<kvm_sregs2>(random), state);
            FpuCodec.Decode(Noise<kvm_fpu>(random), state.Fpu);
            _ = XcrsCodec.TryDecode(Noise<kvm_xcrs>(random), state);
            _ = DebugRegsCodec.TryDecode(Noise<kvm_debugregs>(random), state);
            LapicCodec.Decode(Noise<kvm_lapic_state>(random), state);
            PendingEvents events = default;
            kvm_vcpu_events kvm = Noise<kvm_vcpu_events>(random);
            kvm.flags &= AllEvents;
            kvm.exception.nr &= 15;
            bool taken = VcpuEventsCodec.TryDecode(kvm, ref events);
            Assert.Equal(kvm.exception is not { injected: not 0, nr: 2 }, taken);
            _ = XsaveCodec.TryDecode(Bytes(Noise<kvm_xsave>(random)).AsSpan(0, random.Next(4097)), random.Next(-10, 5000), state);
            _ = CpuidCodec.TryDecode(Bytes(Noise<kvm_xsave>(random)).AsSpan(0, random.Next(4097)), out _);

            Assert.NotEqual(0UL, state.Rflags & 2);
            Assert.All(state.Segments, segment => Assert.Equal(0u, segment.Access & ~(SegmentRegister.UnusableBit | 0xF0FF)));
            Assert.All(state.Fpu.St, value => Assert.Equal(UInt128.Zero, value >> 80));
            Assert.True(events.NmisPending <= 2 && events.InterruptShadow <= 3);
            ProcessorState again = new();
            SregsCodec.Decode(SregsCodec.Encode(state), again);
            Assert.Equal(state.Segments, again.Segments);
        }
    }

    private static T Noise<T>(Random random)
        where T : unmanaged
    {
        T value = default;
        random.NextBytes(MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
