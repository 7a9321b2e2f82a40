using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.HostExecution;

/// <summary>Instructions that access memory element by element, and operands of 32 bytes, at pages that are absent and at devices.</summary>
public sealed class VectorElementTests
{
    private const ulong Window = 0x20_0000;
    private const ulong Absent = Window + 0x1000;
    private const ulong Device = Window + 0x2000;
    private const ulong ReadOnly = Window + 0x3000;
    private const ulong Ram = 0x40_0000;
    private const ulong Pattern = 0x3333_3333_2222_2222;
    private const uint Active = 0x8000_0000;

    public VectorElementTests() => Assert.SkipUnless(
        SoftwareAccelerator.HostHasTranslator && CpuFeatures.Avx2.IsIn(HostProcessor.Cpuid), "the host has no AVX2, or its Linux doesn't keep YMM");

    /// <summary>
    /// SDM vol. 2, VPGATHERDD: the elements before the one that faults are loaded and their masks cleared; when the page is there,
    /// the instruction goes on from its start.
    /// </summary>
    [Fact]
    public void AGatherThatFaultsInTheMiddleKeepsWhatItHas()
    {
        using M m = Machine();
        for (ulong i = 0; i < 8; i++) m.Store(Ram + (i * 4), 0x100 + i, 4);
        SetLanes(m, 1, 0, 1, 2, 3, 0x400, 5, 6, 7);                // indexes, the fifth in the absent page
        SetLanes(m, 2, Active, 0, Active, Active, Active, Active, 0, Active);
        SetLanes(m, 3, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA);
        Assert.Equal("#14(0)", m.Run(a => a.vpgatherdd(ymm3, __dword_ptr[rbx + ymm1 * 4], ymm2)));
        Assert.Equal((M.Code, Absent), (m.State.Rip, m.State.Cr2));
        Assert.Equal([0x100, 0xAA, 0x102, 0x103, 0xAA, 0xAA, 0xAA, 0xAA], Lanes(m, 3));
        Assert.Equal([0, 0, 0, 0, Active, Active, 0, Active], Lanes(m, 2));

        m.Map(Absent, Ram + 0x1000, M.P);
        m.Store(Ram + 0x1000, 0x777, 4);
        m.Store(Ram, 0xBAD, 4); // what is loaded isn't loaded again
        Assert.Equal("ok", Again(m));
        Assert.Equal([0x100, 0xAA, 0x102, 0x103, 0x777, 0x105, 0xAA, 0x107], Lanes(m, 3));
        Assert.Equal(new uint[8], Lanes(m, 2));
    }

    [Fact]
    public void GathersExtendIndexesAndClearWhatIsBehindTheirElements()
    {
        using M m = Machine();
        for (ulong i = 0; i < 512; i++) m.Store(Ram + (i * 8), 0x1000 + i, 8);
        m[Gpr.Rbx] = Window + 0x800;

        // Four dwords by quadword indexes, negative ones too: bits 255:128 of both become zero.
        SetLanes(m, 1, unchecked((uint)-8), uint.MaxValue, 8, 0, 0, 0, 16, 0);
        SetLanes(m, 2, Active, Active, Active, Active, Active, Active, Active, Active);
        SetLanes(m, 3, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal("ok", m.Run(a => a.vpgatherqd(xmm3, __dword_ptr[rbx + ymm1 * 8], xmm2)));
        Assert.Equal([0x1000 + 256 - 8, 0x1000 + 256 + 8, 0x1000 + 256, 0x1000 + 256 + 16, 0, 0, 0, 0], Lanes(m, 3));
        Assert.Equal(new uint[8], Lanes(m, 2));
    }

    [Fact]
    public void AGatherReadsADeviceOnceForEachElement()
    {
        using M m = Machine();
        m[Gpr.Rbx] = Device;
        SetLanes(m, 1, 0, 1, 2, 3, 4, 5, 6, 0xFFFF_F800);          // the last lies in the page that is absent
        SetLanes(m, 2, Active, 0, Active, 0, 0, 0, 0, Active);
        SetLanes(m, 3, 9, 9, 9, 9, 9, 9, 9, 9);
        Assert.Equal("#14(0)", m.Run(a => a.vpgatherdd(ymm3, __dword_ptr[rbx + ymm1 * 2 + 4], ymm2)));
        Assert.Equal("r4 40000004|r4 40000008", string.Join('|', m.Accesses));
        Assert.Equal([0x4000_0004, 9, 0x4000_0008, 9, 9, 9, 9, 9], Lanes(m, 3));
    }

    [Theory]
    [InlineData(Absent - 16, new uint[] { Active, Active, Active, Active, 0, 0, 0, 0 }, "ok")]
    [InlineData(Absent - 16, new uint[] { Active, Active, Active, Active, 0, 0, 0, Active }, "#14(0)")]
    [InlineData(Absent, new uint[] { 0, 0, 0, 0, 0, 0, 0, 0 }, "ok")]
    [InlineData(0x0000_8000_0000_0000 - 16, new uint[] { 0, 0, 0, 0, 0, 0, 0, 0 }, "ok")]
    [InlineData(0x0000_8000_0000_0000 - 16, new uint[] { 0, 0, 0, 0, Active, 0, 0, 0 }, "#13(0)")]
    public void AMaskedLoadFaultsForActiveElementsOnly(ulong address, uint[] mask, string outcome)
    {
        using M m = Machine();
        m[Gpr.Rbx] = address;
        SetLanes(m, 2, mask);
        SetLanes(m, 3, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal(outcome, m.Run(a => a.vmaskmovps(ymm3, ymm2, __ymmword_ptr[rbx])));
        uint[] expected = outcome != "ok" ? [1, 2, 3, 4, 5, 6, 7, 8] : [.. mask.Select((bits, i) => bits == 0 ? 0 : (uint)(Pattern >> (32 * (i & 1))))];
        Assert.Equal(expected, Lanes(m, 3));
    }

    [Fact]
    public void AMaskedStoreWritesAllActiveElementsOrNone()
    {
        using M m = Machine();
        m[Gpr.Rbx] = Absent - 16;
        SetLanes(m, 2, Active, 0, Active, 0, 0, Active, 0, 0);
        SetLanes(m, 3, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal("#14(2)", m.Run(a => a.vpmaskmovd(__ymmword_ptr[rbx], ymm2, ymm3)));
        Assert.Equal(Absent + 4, m.State.Cr2);
        Assert.Equal(Pattern, m.Read(Ram + 0xFF0, 8));
        SetLanes(m, 2, Active, 0, Active, 0, 0, 0, 0, 0);
        Assert.Equal("ok", Again(m));
        Assert.Equal((0x3333_3333_0000_0001UL, 0x3333_3333_0000_0003UL), (m.Read(Ram + 0xFF0, 8), m.Read(Ram + 0xFF8, 8)));

        // A page that may only be read: nothing is written where nothing is active.
        m[Gpr.Rbx] = ReadOnly;
        Assert.Equal("#14(3)", Again(m));
        SetLanes(m, 2, 0, 1, 2, 3, 4, 5, 6, 7);
        Assert.Equal("ok", Again(m));
    }

    [Fact]
    public void MaskedMovesLeaveADevicesOtherElementsAlone()
    {
        using M m = Machine();
        m[Gpr.Rbx] = Device;
        SetLanes(m, 2, 0, Active, 0, 0, 0, 0, Active, 0);
        SetLanes(m, 3, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            a.vmaskmovps(__ymmword_ptr[rbx], ymm2, ymm3);
            a.vmaskmovps(ymm3, ymm2, __ymmword_ptr[rbx]);
        }));
        Assert.Equal("w4 40000004=2|w4 40000018=7|r4 40000004|r4 40000018", string.Join('|', m.Accesses));
        Assert.Equal([0, 0x4000_0004, 0, 0, 0, 0, 0x4000_0018, 0], Lanes(m, 3));
    }

    [Fact]
    public void LimitsOfSegmentsCountForActiveElements()
    {
        // SDM vol. 3, 6.3: the last element lies beyond the limit of DS.
        using M m = Machine(bits: 32);
        m.State.Segments[Seg.Ds] = new SegmentRegister(0x10, 0, 0x901B, 0x4093);
        m[Gpr.Rbx] = 0x9000;
        SetLanes(m, 2, Active, Active, Active, Active, Active, Active, Active, 0);
        Assert.Equal("ok", m.Run(a => a.vmaskmovps(ymm3, ymm2, __ymmword_ptr[ebx])));
        SetLanes(m, 2, Active, 0, 0, 0, 0, 0, 0, Active);
        Assert.Equal("#13(0)", Again(m));
        SetLanes(m, 1, 0, 4, 8, 12, 16, 20, 24, 28);
        Assert.Equal("#13(0)", m.Run(a => a.vpgatherdd(ymm3, __dword_ptr[ebx + ymm1], ymm2)));
        SetLanes(m, 2, Active, 0, 0, 0, 0, 0, Active, 0);
        Assert.Equal("ok", Again(m));
    }

    [Theory]
    [InlineData(Cr4.OSXSAVE, 7ul, 0ul, "ok")]
    [InlineData(0ul, 7ul, 0ul, "#6")]
    [InlineData(Cr4.OSXSAVE, 3ul, 0ul, "#6")]
    [InlineData(Cr4.OSXSAVE, 7ul, Cr0.TS, "#7")]
    public void BlocksObeyTheControlRegisters(ulong cr4, ulong xcr0, ulong cr0, string outcome)
    {
        // SDM vol. 1, 14.3: in a whole block, as a guest runs them, after it ran with all enabled.
        using M m = Machine();
        Action<Assembler> block = a =>
        {
            a.mov(eax, 1);
            a.vpaddd(ymm0, ymm1, ymm2);
            a.vzeroupper();
            a.mov(eax, 2);
        };
        Assert.Equal("ok", m.Run(block));
        m.State.Cr4 = (m.State.Cr4 & ~Cr4.OSXSAVE) | cr4;
        m.State.Xcr0 = xcr0;
        m.State.Cr0 |= cr0;
        m[Gpr.Rax] = 0;
        Assert.Equal(outcome, m.Run(block));
        Assert.Equal(outcome == "ok" ? 2UL : 1, m[Gpr.Rax]);
    }

    public static TheoryData<string, Action<Assembler>, string, string> Operands => new()
    {
        { "load from a device", a => a.vmovdqu(ymm3, __ymmword_ptr[rbx]), "ok", "r8 40000000|r8 40000008|r8 40000010|r8 40000018" },
        { "store to a device", a => a.vmovdqa(__ymmword_ptr[rbx], ymm0), "ok", "w8 40000000=0|w8 40000008=0|w8 40000010=0|w8 40000018=0" },
        { "add from a device", a => a.vpaddd(xmm3, xmm0, __xmmword_ptr[rbx]), "ok", "r8 40000000|r8 40000008" },
        { "andn from a device", a => a.andn(eax, eax, __dword_ptr[rbx + 4]), "ok", "r4 40000004" },
        { "movbe to a device", a => a.movbe(__word_ptr[rbx + 2], cx), "ok", "w2 40000002=0" },
        { "extract to a device", a => a.vextractf128(__xmmword_ptr[rbx], ymm0, 1), "ok", "w8 40000000=0|w8 40000008=0" },
        { "load into an absent page", a => a.vmovups(ymm3, __ymmword_ptr[rbx - 0x1004]), "#14(0)", "" },
        { "store into an absent page", a => a.vmovups(__ymmword_ptr[rbx - 0x1004], ymm0), "#14(2)", "" },
        { "store across to a device", a => a.vmovups(__ymmword_ptr[rbx + 0xFF0], ymm0), "#14(3)", "" },
        { "load across from a device", a => a.vmovups(ymm3, __ymmword_ptr[rbx + 0xFF0]), "ok", "r8 40000ff0|r8 40000ff8" },
    };

    [Theory]
    [MemberData(nameof(Operands))]
    public void OperandsAreAccessedOnce(string name, Action<Assembler> emit, string outcome, string accesses)
    {
        using M m = Machine();
        m[Gpr.Rbx] = Device;
        m[Gpr.Rcx] = 0;
        m.OnAccess = m.Vcpu.Kick;
        Assert.True(m.Run(emit) == outcome, name);
        m.Accesses.RemoveAll(access => access == "kick");
        Assert.Equal(accesses, string.Join('|', m.Accesses));
        Assert.Equal(Pattern, m.Read(Ram + 0xFF8, 8));
    }

    /// <summary>The operand ends at the segment's end: elements beyond it that count are no more wrapped to its start than those of other operands.</summary>
    [Theory]
    [InlineData(0x8C, 1, "ok")] // VPMASKMOVD, load
    [InlineData(0x8C, 2, "#13(0)")]
    [InlineData(0x8E, 1, "ok")] // and store
    [InlineData(0x8E, 2, "#13(0)")]
    public void AnOperandDoesNotWrapAt64KiB(byte opcode, int active, string outcome)
    {
        using M m = Machine(bits: 32);
        m.State.Segments[Seg.Fs] = new(0x10, 0, 0xFFFF, 0x4093);
        SetLanes(m, 0, [.. Enumerable.Range(0, 8).Select(lane => lane < active ? uint.MaxValue : 0)]);
        m[Gpr.Rbx] = 0xFFFC;
        Assert.Equal(outcome, m.Run(a => a.db(0x64, 0x67, 0xC4, 0xE2, 0x7D, opcode, 0x37)));
    }

    private static M Machine(int bits = 64)
    {
        M m = new(bits == 64 ? PagingMode.FourLevel : PagingMode.None, bits, CpuModels.X8664V3) { Answer = static (address, _) => address };
        if (bits == 64)
        {
            m.Map(Window, Ram, M.P | M.W);
            m.Map(Device, M.Device, M.P | M.W);
            m.Map(ReadOnly, Ram, M.P);
        }

        for (ulong i = 0; i < 0x1000; i += 8) m.Store(Ram + i, Pattern, 8);
        m.State.Cr4 |= Cr4.OSXSAVE;
        m.State.Xcr0 = 7;
        m[Gpr.Rbx] = Window;
        return m;
    }

    /// <summary>Runs the last routine again from its start.</summary>
    private static RunResult Again(M m)
    {
        m.State.Rip = M.Code;
        return m.Run();
    }

    private static void SetLanes(M m, int register, params uint[] lanes)
    {
        UInt128 low = 0, high = 0;
        for (int i = 0; i < 4; i++)
        {
            low |= (UInt128)lanes[i] << (32 * i);
            high |= (UInt128)lanes[i + 4] << (32 * i);
        }

        m.State.Fpu.Xmm[register] = low;
        m.State.Fpu.YmmHigh[register] = high;
    }

    private static uint[] Lanes(M m, int register)
    {
        uint[] lanes = new uint[8];
        for (int i = 0; i < 8; i++) lanes[i] = (uint)((i < 4 ? m.State.Fpu.Xmm[register] : m.State.Fpu.YmmHigh[register]) >> (32 * (i & 3)));
        return lanes;
    }
}
