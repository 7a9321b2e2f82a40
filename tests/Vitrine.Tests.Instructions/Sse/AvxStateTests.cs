using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Sse;

/// <summary>XSAVE and its relatives with the AVX component, XCR0 and CPUID: against the host where it decides, else the manual.</summary>
public sealed unsafe class AvxStateTests : IDisposable
{
    // SAFETY: buffers and machine outlive the pointers taken from them.
    private const int Seed = 832;
    private const int Size = 1024;
    private const int AreaSize = 832;
    private const int Header = 512;
    private const int High = 576;
    private const ulong Source = 0x40000;
    private const ulong Target = 0x41000;

    private static readonly byte[] _xrstor64 = [0x48, 0x0F, 0xAE, 0x2F];
    private static readonly byte[] _xsave64 = [0x48, 0x0F, 0xAE, 0x26];
    private static readonly byte[] _xsaveopt64 = [0x48, 0x0F, 0xAE, 0x36];
    private static readonly byte[] _xsavec64 = [0x48, 0x0F, 0xC7, 0x26];
    private static readonly byte[] _xgetbv = [0x0F, 0x01, 0xD0];
    private static readonly byte[] _xsetbv = [0x0F, 0x01, 0xD1];
    private static readonly byte[] _cpuid = [0x0F, 0xA2];

    private readonly SystemMachine _machine;
    private readonly Random _random = new(Seed);
    private readonly byte[] _source = new byte[Size];
    private readonly byte[] _target = new byte[Size];
    private readonly byte* _hostSource = (byte*)NativeMemory.AlignedAlloc(Size, 64);
    private readonly byte* _hostTarget = (byte*)NativeMemory.AlignedAlloc(Size, 64);
    private ulong _rip = 0x50000;

    public AvxStateTests()
    {
        Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator && HostProcessor.HasAvx, "the host has no AVX, or its Linux doesn't keep it");
        _machine = SystemMachine.Long(model: CpuModels.Host);
        _machine.Cpu->Cr4 |= Cr4.OSFXSR | Cr4.OSXSAVE;
        _machine.Cpu->Xcr0 = 7;
        ModeChange.Apply(_machine.Cpu);
    }

    public static TheoryData<string, byte[]> Saves => new() { { "xsave64", _xsave64 }, { "xsaveopt64", _xsaveopt64 }, { "xsavec64", _xsavec64 } };

    /// <summary>What XRSTOR takes from one area, the others write to another, for any state, any request, either format.</summary>
    [Theory]
    [MemberData(nameof(Saves))]
    public void SavesWhatIsRestoredAsTheHost(string name, byte[] save)
    {
        const int Opt = 1, Compacted = 2;
        int instructions = X86Base.CpuId(0xD, 1).Eax;
        Assert.SkipUnless((instructions & Opt) != 0 && (instructions & Compacted) != 0, "the host CPU lacks XSAVEOPT or XSAVEC");
        using NativeInstruction native = new();
        using MachineFrame frame = new();
        native.Set([.. _xrstor64, .. save, 0xC5, 0xF8, 0x77]);
        for (int i = 0; i < 500; i++)
        {
            ulong request = (ulong)_random.Next(8);
            FillSource();
            new Span<byte>(_target).Fill(0xCC);

            // XSAVE keeps the bits of components that aren't asked for; some must be there to be kept.
            MemoryMarshal.Write(_target.AsSpan(Header), (ulong)_random.Next(8));
            _source.CopyTo(new Span<byte>(_hostSource, Size));
            _target.CopyTo(new Span<byte>(_hostTarget, Size));
            RandomFrame.Fill(frame, _random);
            frame.General[Gpr.Rax] = request;
            frame.General[Gpr.Rdx] = 0;
            frame.General[Gpr.Rsi] = (ulong)_hostTarget;
            frame.General[Gpr.Rdi] = (ulong)_hostSource;
            FrameTransfer.Load(_machine.Cpu, frame);
            native.Run(frame);
            Assert.Equal("ok", Run(_xrstor64));
            Assert.Equal("ok", Run(save));

            // MXCSR_MASK is the model's own; the compacted format has SSE bytes only where SSE is written.
            Span<byte> host = new(_hostTarget, Size);
            if (host[28] != 0xCC || _target[28] != 0xCC) host.Slice(28, 4).CopyTo(_target.AsSpan(28));
            AgreeOnUse(host);
            int at = host.CommonPrefixLength(_target);
            Assert.True(at == Size, at == Size ? "" : $"seed {Seed}, case {i}: {name} of {request} differs at byte {at}: {host[at]:X2} on the host and {_target[at]:X2}");
        }
    }

    [Fact]
    public void RestoringInitialisesWhatTheHeaderLeavesOut()
    {
        // SDM vol. 1, 13.8: a requested component whose XSTATE_BV bit is clear becomes its initial state.
        for (int i = 0; i < 64; i++) _machine.Cpu->Xmm[i] = ulong.MaxValue;
        MemoryMarshal.Write(_source.AsSpan(24), 0x1F80u);
        _machine.Cpu->Gpr[Gpr.Rax] = 4;
        _machine.Cpu->Gpr[Gpr.Rdx] = 0;
        Assert.Equal("ok", Run(_xrstor64));
        for (int i = 0; i < 16; i++)
        {
            Assert.Equal((ulong.MaxValue, ulong.MaxValue), (_machine.Cpu->Xmm[4 * i], _machine.Cpu->Xmm[(4 * i) + 1]));
            Assert.Equal((0ul, 0ul), (_machine.Cpu->Xmm[(4 * i) + 2], _machine.Cpu->Xmm[(4 * i) + 3]));
        }
    }

    [Theory]
    [InlineData(0x8000_0000_0000_0007, 7ul, 0ul, 7ul, "ok")]
    [InlineData(0x8000_0000_0000_0003, 3ul, 0ul, 7ul, "ok")]
    [InlineData(0x8000_0000_0000_0003, 7ul, 0ul, 3ul, "#13(0)")] // XSTATE_BV beyond XCOMP_BV
    [InlineData(0x8000_0000_0000_000F, 7ul, 0ul, 7ul, "#13(0)")] // XCOMP_BV beyond XCR0
    [InlineData(0x8000_0000_0000_0007, 7ul, 1ul, 7ul, "#13(0)")] // bytes 63:16 of the header
    [InlineData(0x0000_0000_0000_0007, 7ul, 0ul, 7ul, "#13(0)")] // XCOMP_BV in the standard format
    public void TheCompactedHeaderIsChecked(ulong compaction, ulong present, ulong reserved, ulong request, string outcome)
    {
        // SDM vol. 1, 13.8.2.
        MemoryMarshal.Write(_source.AsSpan(24), 0x1F80u);
        MemoryMarshal.Write(_source.AsSpan(Header), present);
        MemoryMarshal.Write(_source.AsSpan(Header + 8), compaction);
        MemoryMarshal.Write(_source.AsSpan(Header + 56), reserved);
        _machine.Cpu->Gpr[Gpr.Rax] = request;
        _machine.Cpu->Gpr[Gpr.Rdx] = 0;
        Assert.Equal(outcome, Run(_xrstor64));
    }

    [Theory]
    [InlineData(1ul, "ok", 576u)]
    [InlineData(3ul, "ok", 576u)]
    [InlineData(7ul, "ok", 832u)]
    [InlineData(0ul, "#13(0)", 0u)] // without x87
    [InlineData(5ul, "#13(0)", 0u)] // AVX without SSE
    [InlineData(15ul, "#13(0)", 0u)] // not announced
    [InlineData(0xE7ul, "#13(0)", 0u)]
    public void Xcr0TakesWhatIsAnnouncedAndCpuidFollows(ulong value, string outcome, uint size)
    {
        _machine.Cpu->Gpr[Gpr.Rax] = value;
        _machine.Cpu->Gpr[Gpr.Rdx] = 0;
        _machine.Cpu->Gpr[Gpr.Rcx] = 0;
        Assert.Equal(outcome, Run(_xsetbv));
        if (outcome != "ok") return;
        Assert.Equal(value, _machine.Cpu->Xcr0);
        Assert.Equal((7u, size, 832u, 0u), Cpuid(0xD, 0));

        // Component 2 in subleaf 2: 256 bytes at 576, not aligned in the compacted format, managed through XCR0.
        Assert.Equal((256u, 576u, 0u, 0u), Cpuid(0xD, 2));

        // The switch decides whether VEX is there: VPXOR xmm0, xmm0, xmm0.
        Assert.Equal(value == 7 ? "ok" : "#6", Run([0xC5, 0xF9, 0xEF, 0xC0]));
    }

    [Fact]
    public void XgetbvTellsWhatIsInUse()
    {
        const int Xgetbv1 = 4;
        Assert.SkipUnless((X86Base.CpuId(0xD, 1).Eax & Xgetbv1) != 0, "the host CPU has no XGETBV with ECX = 1");
        for (int i = 0; i < 64; i++) _machine.Cpu->Xmm[i] = 0;
        Assert.Equal(0ul, InUse() & 6);
        _machine.Cpu->Xmm[(4 * 15) + 3] = 1;
        Assert.Equal(4ul, InUse() & 6);
        _machine.Cpu->Xmm[0] = 1;
        Assert.Equal(6ul, InUse() & 6);
        _machine.Cpu->Xcr0 = 3;
        Assert.Equal(2ul, InUse() & 6);
        _machine.Cpu->Gpr[Gpr.Rcx] = 2;
        Assert.Equal("#13(0)", Run(_xgetbv));
    }

    [Fact]
    public void LegacyInstructionsLeaveTheUpperHalvesAlone()
    {
        // SDM vol. 1, 14.1.4: PXOR, MOVAPS, MOVSS from memory, CVTPS2PD, FXRSTOR64, RDI = Source.
        byte[][] legacy = [[0x66, 0x0F, 0xEF, 0xC0], [0x0F, 0x28, 0xC1], [0xF3, 0x0F, 0x10, 0x07], [0x0F, 0x5A, 0xC1], [0x48, 0x0F, 0xAE, 0x0F]];
        foreach (byte[] instruction in legacy)
        {
            for (int i = 0; i < 64; i++) _machine.Cpu->Xmm[i] = 0x1111_1111_1111_1111;
            Assert.Equal("ok", Run(instruction));
            for (int i = 0; i < 16; i++)
                Assert.Equal((0x1111_1111_1111_1111ul, 0x1111_1111_1111_1111ul), (_machine.Cpu->Xmm[(4 * i) + 2], _machine.Cpu->Xmm[(4 * i) + 3]));
        }
    }

    [Fact]
    public void TheStateIsTransferredAndResetWithItsUpperHalves()
    {
        ProcessorState state = new();
        for (int i = 0; i < 64; i++) _machine.Cpu->Xmm[i] = (ulong)i + 1;
        _machine.Vcpu.GetState(state);
        for (int i = 0; i < 16; i++) Assert.Equal(new UInt128((ulong)(4 * i) + 4, (ulong)(4 * i) + 3), state.Fpu.YmmHigh[i]);
        state.Fpu.YmmHigh[3] = new UInt128(0xAB, 0xCD);
        StateTransfer.Put(state, _machine.Cpu, StateTransfer.Registers);
        Assert.Equal((0xCDul, 0xABul, 13ul), (_machine.Cpu->Xmm[14], _machine.Cpu->Xmm[15], _machine.Cpu->Xmm[12]));
        ProcessorState copy = new();
        copy.CopyFrom(state);
        Assert.Equal(state.Fpu.YmmHigh, copy.Fpu.YmmHigh);

        // INIT leaves them, RESET clears them (SDM vol. 3, table 9-1).
        ResetState.ApplyInit(copy, 0);
        Assert.Equal(new UInt128(0xAB, 0xCD), copy.Fpu.YmmHigh[3]);
        ResetState.Apply(copy, 0, 0);
        Assert.All(copy.Fpu.YmmHigh, half => Assert.Equal(UInt128.Zero, half));
    }

    public void Dispose()
    {
        _machine?.Dispose();
        NativeMemory.AlignedFree(_hostSource);
        NativeMemory.AlignedFree(_hostTarget);
    }

    private ulong InUse()
    {
        _machine.Cpu->Gpr[Gpr.Rcx] = 1;
        Assert.Equal("ok", Run(_xgetbv));
        return (uint)_machine.Cpu->Gpr[Gpr.Rax] | (_machine.Cpu->Gpr[Gpr.Rdx] << 32);
    }

    private (uint Eax, uint Ebx, uint Ecx, uint Edx) Cpuid(uint leaf, uint subleaf)
    {
        _machine.Cpu->Gpr[Gpr.Rax] = leaf;
        _machine.Cpu->Gpr[Gpr.Rcx] = subleaf;
        Assert.Equal("ok", Run(_cpuid));
        return ((uint)_machine.Cpu->Gpr[Gpr.Rax], (uint)_machine.Cpu->Gpr[Gpr.Rbx], (uint)_machine.Cpu->Gpr[Gpr.Rcx], (uint)_machine.Cpu->Gpr[Gpr.Rdx]);
    }

    // A processor need not track whether a component is in its initial configuration, and may say that it is in use (SDM vol. 1, 13.6, XINUSE). Then it has
    // saved what the initial configuration is.
    private void AgreeOnUse(ReadOnlySpan<byte> host)
    {
        const int Sse = 2, Avx = 4, Mxcsr = 24, Xmm = 160, XmmEnd = 416;
        const uint InitialMxcsr = 0x1F80;
        int more = host[Header] & ~_target[Header] & (Sse | Avx);
        if ((more & Sse) != 0)
        {
            uint mxcsr = MemoryMarshal.Read<uint>(host[Mxcsr..]);
            Assert.True(mxcsr == InitialMxcsr || mxcsr == MemoryMarshal.Read<uint>(_target.AsSpan(Mxcsr)), $"MXCSR {mxcsr:x}");
            Assert.False(host[Xmm..XmmEnd].ContainsAnyExcept((byte)0));
            host.Slice(Mxcsr, sizeof(uint)).CopyTo(_target.AsSpan(Mxcsr));
            host[Xmm..XmmEnd].CopyTo(_target.AsSpan(Xmm));
        }

        if ((more & Avx) != 0)
        {
            Assert.False(host[High..AreaSize].ContainsAnyExcept((byte)0));
            host[High..AreaSize].CopyTo(_target.AsSpan(High));
        }

        _target[Header] |= (byte)more;
    }

    /// <summary>A valid area in either format, with any components, of which some are zero.</summary>
    private void FillSource()
    {
        RandomFrame.Fill(_source, _random);
        _source.AsSpan(5, 19).Clear();
        MemoryMarshal.Write(_source.AsSpan(2), (ushort)0);
        MemoryMarshal.Write(_source, (ushort)0x37F);
        for (int i = 0; i < 8; i++) _source.AsSpan(32 + (16 * i) + 10, 6).Clear();
        MemoryMarshal.Write(_source.AsSpan(24), _random.Next(2) == 0 ? 0x1F80u : 0x1F80u | (uint)_random.Next(0x40));
        if (_random.Next(3) == 0) _source.AsSpan(160, 256).Clear();
        if (_random.Next(3) == 0) _source.AsSpan(High, AreaSize - High).Clear();
        ulong present = (ulong)_random.Next(8);
        _source.AsSpan(Header, 64).Clear();
        MemoryMarshal.Write(_source.AsSpan(Header), present);
        if (_random.Next(2) == 0) MemoryMarshal.Write(_source.AsSpan(Header + 8), present | (uint)_random.Next(8) | (1UL << 63));
    }

    private RunResult Run(byte[] instruction)
    {
        Copy(Source, _source, write: true);
        Copy(Target, _target, write: true);
        ulong rdi = _machine.Cpu->Gpr[Gpr.Rdi], rsi = _machine.Cpu->Gpr[Gpr.Rsi];
        (_machine.Cpu->Gpr[Gpr.Rdi], _machine.Cpu->Gpr[Gpr.Rsi]) = (Source, Target);
        _machine.Cpu->Rip = _rip += 32;
        RunResult outcome = _machine.Execute(instruction);
        (_machine.Cpu->Gpr[Gpr.Rdi], _machine.Cpu->Gpr[Gpr.Rsi]) = (rdi, rsi);
        Copy(Target, _target, write: false);
        return outcome;
    }

    private void Copy(ulong address, byte[] bytes, bool write)
    {
        for (int i = 0; i < Size; i += 8)
        {
            if (write) _machine.Write(address + (ulong)i, MemoryMarshal.Read<ulong>(bytes.AsSpan(i)));
            else MemoryMarshal.Write(bytes.AsSpan(i), _machine.Read(address + (ulong)i, 8));
        }
    }
}
