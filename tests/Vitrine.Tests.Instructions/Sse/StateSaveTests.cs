using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Sse;

/// <summary>FXSAVE, XSAVE, MXCSR, masked moves and CLFLUSH in a vCPU with paging: against the host where it decides, else the manual.</summary>
public sealed unsafe class StateSaveTests : IDisposable
{
    // SAFETY: buffer and machine outlive the pointers taken from them.
    private const int Seed = 512;
    private const ulong Area = 0x40000;
    private const ulong NotMapped = 1UL << 30;
    private const int Size = 1024;

    private static readonly byte[] _fxsave = [0x0F, 0xAE, 0x07];
    private static readonly byte[] _fxsave64 = [0x48, 0x0F, 0xAE, 0x07];
    private static readonly byte[] _fxrstor = [0x0F, 0xAE, 0x0F];
    private static readonly byte[] _fxrstor64 = [0x48, 0x0F, 0xAE, 0x0F];
    private static readonly byte[] _ldmxcsr = [0x0F, 0xAE, 0x17];
    private static readonly byte[] _stmxcsr = [0x0F, 0xAE, 0x1F];
    private static readonly byte[] _xsave = [0x0F, 0xAE, 0x27];
    private static readonly byte[] _xsave64 = [0x48, 0x0F, 0xAE, 0x27];
    private static readonly byte[] _xrstor = [0x0F, 0xAE, 0x2F];
    private static readonly byte[] _xrstor64 = [0x48, 0x0F, 0xAE, 0x2F];
    private static readonly byte[] _xsaveopt64 = [0x48, 0x0F, 0xAE, 0x37];
    private static readonly byte[] _clflush = [0x0F, 0xAE, 0x3F];
    private static readonly byte[] _maskmovq = [0x0F, 0xF7, 0xCA];
    private static readonly byte[] _maskmovdqu = [0x66, 0x0F, 0xF7, 0xCA];

    private readonly SystemMachine _machine = SystemMachine.Long();
    private readonly MachineFrame _frame = new();
    private readonly MachineFrame _host = new();
    private readonly byte[] _memory = new byte[Size];
    private readonly byte* _buffer = (byte*)NativeMemory.AlignedAlloc(Size, 64);
    private readonly Random _random = new(Seed);
    private ulong _rip = 0x50000;

    public StateSaveTests()
    {
        _machine.Cpu->Cr4 |= Cr4.OSFXSR | Cr4.OSXSAVE;
        _machine.Cpu->Xcr0 = 3;
        ModeChange.Apply(_machine.Cpu);
    }

    public static TheoryData<string, byte[]> Saves => new()
    {
        { "fxsave", _fxsave }, { "fxsave64", _fxsave64 }, { "stmxcsr", _stmxcsr },
        { "xsave", _xsave }, { "xsave64", _xsave64 }, { "xsaveopt64", _xsaveopt64 },
    };

    public static TheoryData<string, byte[]> Restores => new()
    {
        { "fxrstor", _fxrstor }, { "fxrstor64", _fxrstor64 }, { "ldmxcsr", _ldmxcsr }, { "xrstor", _xrstor }, { "xrstor64", _xrstor64 },
    };

    [Theory]
    [MemberData(nameof(Saves))]
    public void SavesAsTheHost(string name, byte[] instruction)
    {
        SkipWithoutHost(name);
        for (int i = 0; i < 200; i++)
        {
            RandomFrame.Fill(_frame, _random);
            _frame.Mxcsr = 0x1F80u | (uint)_random.Next(0x80);
            Request();
            RandomFrame.Fill(_memory, _random);
            Compare(name, instruction, 0);
        }
    }

    [Theory]
    [MemberData(nameof(Restores))]
    public void RestoresAsTheHost(string name, byte[] instruction)
    {
        SkipWithoutHost(name);
        for (int i = 0; i < 200; i++)
        {
            RandomFrame.Fill(_frame, _random);
            Request();

            // Any control and status word, so that the summary and busy bits must be derived; any valid MXCSR.
            RandomFrame.Fill(_memory, _random);
            MemoryMarshal.Write(_memory.AsSpan(name == "ldmxcsr" ? 0 : 24), (uint)_random.Next(0x10000));
            MemoryMarshal.Write(_memory.AsSpan(512), (ulong)_random.Next(4));
            _memory.AsSpan(520, 16).Clear();
            Compare(name, instruction, 0);
        }
    }

    [Fact]
    public void MovesMaskedBytesAsTheHost()
    {
        SkipWithoutHost("maskmovdqu");
        for (int i = 0; i < 400; i++)
        {
            RandomFrame.Fill(_frame, _random);
            RandomFrame.Fill(_memory, _random);
            Compare("maskmovdqu", _maskmovdqu, _random.Next(64));
            RandomFrame.Fill(_frame, _random);
            Compare("maskmovq", _maskmovq, _random.Next(64));
        }
    }

    [Fact]
    public void PointersSurviveInTheFormOfTheInstruction()
    {
        // SDM vol. 1, 10.5.1: offsets 6 FOP, 8 FIP (FCS at 12), 16 FDP (FDS at 20).
        byte[] pointers = Convert.FromHexString("FF07" + "F0DEBC9A78560000" + "1032547698BA0000");
        foreach ((byte[] restore, byte[] save) in ((byte[], byte[])[])[(_fxrstor, _fxsave), (_fxrstor64, _fxsave64)])
        {
            Array.Clear(_memory);
            pointers.CopyTo(_memory, 6);
            Assert.Equal("ok", Run(restore));
            Array.Clear(_memory);
            Assert.Equal("ok", Run(save));
            Assert.Equal(Convert.ToHexString(pointers), Convert.ToHexString(_memory.AsSpan(6, pointers.Length)));
        }
    }

    [Fact]
    public void SavingLeavesTheReservedEndAlone()
    {
        _memory.AsSpan().Fill(0xCC);
        Assert.Equal("ok", Run(_fxsave64));
        Assert.Equal(-1, _memory.AsSpan(416).IndexOfAnyExcept((byte)0xCC));
        Assert.Equal(0xFFFFu, MemoryMarshal.Read<uint>(_memory.AsSpan(28)));
    }

    [Fact]
    public void ComponentsInInitialStateAreMarkedAndNotWrittenWhenOptimized()
    {
        // SDM vol. 1, 13.6, 13.7 and 13.9: the header says so, and XSAVEOPT writes only MXCSR.
        RandomFrame.Fill(_frame, _random);
        MemoryMarshal.Write(_memory.AsSpan(24), 0x1FA0u);
        _frame.General[0] = 3;
        _frame.General[2] = 0;
        FrameTransfer.Load(_machine.Cpu, _frame);
        Assert.Equal("ok", Run(_xrstor64));
        FrameTransfer.Save(_machine.Cpu, _frame);
        Assert.Equal((0x37F, 0, 0, 0x1FA0u), (_frame.ControlWord, _frame.StatusWord, _frame.FxImage[4], _frame.Mxcsr));
        Assert.Equal(-1, _frame.FxImage[32..416].IndexOfAnyExcept((byte)0));

        _memory.AsSpan().Fill(0xCC);
        Assert.Equal("ok", Run(_xsave64));
        Assert.Equal(0xCCCC_CCCC_CCCC_CCCCul & ~3ul, MemoryMarshal.Read<ulong>(_memory.AsSpan(512)));
        Assert.Equal(0x37F, MemoryMarshal.Read<ushort>(_memory));
        Assert.Equal(-1, _memory.AsSpan(160, 256).IndexOfAnyExcept((byte)0));

        _memory.AsSpan().Fill(0xCC);
        Assert.Equal("ok", Run(_xsaveopt64));
        Assert.Equal(0xCCCC_CCCC_CCCC_CCCCul & ~3ul, MemoryMarshal.Read<ulong>(_memory.AsSpan(512)));
        Assert.Equal(0x1FA0u, MemoryMarshal.Read<uint>(_memory.AsSpan(24)));
        Assert.Equal(-1, _memory.AsSpan(0, 24).IndexOfAnyExcept((byte)0xCC));
        Assert.Equal(-1, _memory.AsSpan(32, 480).IndexOfAnyExcept((byte)0xCC));
    }

    [Theory]
    [InlineData(512, 4, 3, "#13(0)")] // a component that XCR0 does not have
    [InlineData(512, 4, 0, "#13(0)")] // also when it is not asked for
    [InlineData(527, 0x80, 3, "#13(0)")] // the compacted format
    [InlineData(520, 1, 3, "#13(0)")]
    [InlineData(535, 1, 3, "#13(0)")] // the last reserved byte that is checked
    [InlineData(536, 1, 3, "ok")]
    [InlineData(26, 1, 2, "#13(0)")] // a reserved bit of MXCSR, though XSTATE_BV has no SSE
    [InlineData(26, 1, 1, "ok")]
    public void RestoringChecksTheHeader(int offset, byte value, ulong request, string outcome)
    {
        _memory[offset] = value;
        _machine.Cpu->Gpr[Gpr.Rax] = request;
        _machine.Cpu->Gpr[Gpr.Rdx] = 0;
        Assert.Equal(outcome, Run(_xrstor));
    }

    [Fact]
    public void ReservedBitsOfMxcsrFault()
    {
        _memory[26] = 1;
        _memory[160] = 0x55;
        Assert.Equal("#13(0)", Run(_fxrstor));
        Assert.Equal(0ul, _machine.Cpu->Xmm[0]);
        _memory[2] = 1;
        Assert.Equal("#13(0)", Run(_ldmxcsr));
    }

    [Fact]
    public void AvailabilityFollowsTheControlRegisters()
    {
        byte[][] xsaves = [_xsave, _xrstor, _xsaveopt64];
        foreach (byte[] instruction in xsaves) Assert.Equal("ok", Run(instruction));
        foreach (byte[] instruction in xsaves) Assert.Equal("#13(0)", Run(instruction, Area + 32));
        foreach (byte[] instruction in (byte[][])[_fxsave, _fxrstor64]) Assert.Equal("#13(0)", Run(instruction, Area + 8));
        Control(Cr0.TS, Cr4.OSXSAVE);
        foreach (byte[] instruction in (byte[][])[.. xsaves, _fxsave, _fxrstor]) Assert.Equal("#7", Run(instruction));
        Control(Cr0.EM, Cr4.OSXSAVE);
        foreach (byte[] instruction in xsaves) Assert.Equal("ok", Run(instruction));
        foreach (byte[] instruction in (byte[][])[_fxsave, _fxrstor]) Assert.Equal("#7", Run(instruction));
        Control(0, 0);
        foreach (byte[] instruction in xsaves) Assert.Equal("#6", Run(instruction));
        foreach (byte[] instruction in (byte[][])[_fxsave, _fxrstor]) Assert.Equal("ok", Run(instruction));
    }

    [Theory]
    [InlineData("clflush", 0)]
    [InlineData("fxsave", 2)]
    [InlineData("fxrstor", 0)]
    [InlineData("xsave", 2)]
    [InlineData("xrstor", 0)]
    [InlineData("maskmovq", 2)] // whatever the mask: it is zero here
    [InlineData("maskmovdqu", 2)]
    public void PagesThatAreNotThereFault(string name, int errorCode)
    {
        byte[] instruction = name switch
        {
            "clflush" => _clflush,
            "fxsave" => _fxsave,
            "fxrstor" => _fxrstor,
            "xsave" => _xsave,
            "xrstor" => _xrstor,
            "maskmovq" => _maskmovq,
            _ => _maskmovdqu,
        };
        Assert.Equal("ok", Run(instruction));
        Assert.Equal($"#14({errorCode})", Run(instruction, NotMapped));
        Assert.Equal(NotMapped, _machine.Cpu->Cr2);
    }

    [Fact]
    public void WithoutOsfxsrTheSseStateStays()
    {
        Control(0, 0);
        RandomFrame.Fill(_frame, _random);
        FrameTransfer.Load(_machine.Cpu, _frame);
        _memory.AsSpan().Fill(0xCC);
        Assert.Equal("ok", Run(_fxsave));
        Assert.Equal(-1, _memory.AsSpan(160).IndexOfAnyExcept((byte)0xCC));
        Assert.Equal("ok", Run(_fxrstor));
        FrameTransfer.Save(_machine.Cpu, _host);
        for (int i = 0; i < 16; i++) Assert.True(_frame.Xmm(i).SequenceEqual(_host.Xmm(i)));
        Assert.Equal(0x1F80u, _host.Mxcsr);
    }

    public void Dispose()
    {
        _machine.Dispose();
        _frame.Dispose();
        _host.Dispose();
        NativeMemory.AlignedFree(_buffer);
    }

    private static void SkipWithoutHost(string name)
    {
        Assert.SkipUnless(NativeInstruction.IsAvailable, NativeInstruction.Missing);
        if (!name.StartsWith('x')) return;
        Assert.SkipUnless((X86Base.CpuId(1, 0).Ecx & 1 << 27) != 0, "the host does not use XSAVE");
        Assert.SkipUnless((X86Base.CpuId(0xD, 1).Eax & 1) != 0, "the host CPU has no XSAVEOPT");
    }

    private void Control(ulong cr0, ulong cr4)
    {
        _machine.Cpu->Cr0 = (_machine.Cpu->Cr0 & ~(Cr0.TS | Cr0.EM)) | cr0;
        _machine.Cpu->Cr4 = (_machine.Cpu->Cr4 & ~(Cr4.OSFXSR | Cr4.OSXSAVE)) | cr4;
        ModeChange.Apply(_machine.Cpu);
    }

    /// <summary>EDX:EAX for XSAVE and XRSTOR: no more than the guest has.</summary>
    private void Request()
    {
        _frame.General[Gpr.Rax] = (ulong)_random.Next(4);
        _frame.General[Gpr.Rdx] = 0;
    }

    /// <summary>Runs an instruction in the guest on <see cref="_memory"/>.</summary>
    private RunResult Run(byte[] instruction, ulong address = Area)
    {
        for (int i = 0; i < Size; i += 8) _machine.Write(Area + (ulong)i, MemoryMarshal.Read<ulong>(_memory.AsSpan(i)));
        _machine.Cpu->Gpr[Gpr.Rdi] = address;
        _machine.Cpu->Rip = _rip += 32;
        RunResult outcome = _machine.Execute(instruction);
        for (int i = 0; i < Size; i += 8) MemoryMarshal.Write(_memory.AsSpan(i), _machine.Read(Area + (ulong)i, 8));
        return outcome;
    }

    private void Compare(string name, byte[] instruction, int offset)
    {
        using NativeInstruction native = new();
        native.Set(instruction);
        Span<byte> buffer = new(_buffer, Size);
        _memory.CopyTo(buffer);
        _frame.Bytes.CopyTo(_host.Bytes);
        _host.General[Gpr.Rdi] = (ulong)_buffer + (ulong)offset;
        native.Run(_host);

        FrameTransfer.Load(_machine.Cpu, _frame);
        _machine.Cpu->Fop = 0;
        _machine.Cpu->Fip = 0;
        _machine.Cpu->Fdp = 0;
        _machine.Cpu->FpuCs = 0;
        _machine.Cpu->FpuDs = 0;
        Assert.Equal("ok", Run(instruction, Area + (ulong)offset));
        FrameTransfer.Save(_machine.Cpu, _frame);
        _frame.General[Gpr.Rdi] = _host.General[Gpr.Rdi];
        string? difference = _host.Difference(_frame, Flags.Arithmetic);
        if (difference == null)
        {
            // MXCSR_MASK is the model's own.
            if (name.Contains("save", StringComparison.Ordinal)) buffer.Slice(28, 4).CopyTo(_memory.AsSpan(28));
            int at = buffer.CommonPrefixLength(_memory);
            if (at != Size) difference = $"byte {at} of memory: {buffer[at]:X2} and {_memory[at]:X2}";
        }

        Assert.True(difference == null, $"seed {Seed}: {name} on the host and in the guest differ: {difference}");
    }
}
