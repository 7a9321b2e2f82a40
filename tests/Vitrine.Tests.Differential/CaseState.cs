using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>Random registers and memory for cases to begin with.</summary>
internal sealed class CaseState
{
    // Contents of vector and x87 registers: there are so many of them that each case draws from a few hundred of the batch.
    private const int PoolSize = 256;

    private readonly CaseRandom _random;
    private readonly OperandFactory _operands;
    private readonly ulong[] _lanes = new ulong[PoolSize];
    private readonly (ulong Significand, ushort SignExponent)[] _extended = new (ulong Significand, ushort SignExponent)[PoolSize];

    public CaseState(CaseRandom random, OperandFactory operands)
    {
        _random = random;
        _operands = operands;
        foreach (ref ulong lanes in _lanes.AsSpan()) lanes = random.Lanes();
        foreach (ref (ulong Significand, ushort SignExponent) number in _extended.AsSpan()) number = random.Extended();
    }

    /// <summary>What the data pages hold before each case of a batch.</summary>
    public void FillMemory(Span<byte> bytes)
    {
        foreach (ref ulong word in MemoryMarshal.Cast<byte, ulong>(bytes)) word = _random.Lanes();

        // Extended-precision numbers are found by chance only.
        for (int i = 0; i + 16 <= bytes.Length; i += 16 + (16 * _random.Below(6)))
        {
            (ulong significand, ushort signExponent) = _random.Extended();
            MemoryMarshal.Write(bytes[i..], significand);
            MemoryMarshal.Write(bytes[(i + 8)..], signExponent);
        }
    }

    /// <summary>Sets all registers but RIP, for 64-bit code or flat 32-bit code.</summary>
    public void Registers(ref MachineImage image, bool is64)
    {
        image = default;
        for (int i = 0; i < 16; i++) image.SetGeneral(i, _random.Integer());
        if (_random.OneIn(2)) image.SetGeneral(Gpr.Rcx, (ulong)_random.Below(70));
        if (!_random.OneIn(8)) image.SetGeneral(Gpr.Rsp, _random.OneIn(4) ? _operands.Target(is64) : OracleLayout.Data + 0x800 + (ulong)(8 * _random.Below(256)));
        if (!_random.OneIn(8)) image.SetGeneral(Gpr.Rbp, _random.OneIn(4) ? _operands.Target(is64) : OracleLayout.Data + 0x800 + (ulong)_random.Below(0x800));
        if (!_random.OneIn(4)) image.SetGeneral(Gpr.Rsi, _operands.Target(is64));
        if (!_random.OneIn(4)) image.SetGeneral(Gpr.Rdi, _operands.Target(is64));
        if (!is64)
        {
            for (int i = 0; i < 16; i++) image.SetGeneral(i, i < 8 ? (uint)image.General(i) : 0);
        }

        const ulong Arithmetic = 0x8D5;
        image.Rflags = 2 | Rflags.IF | (_random.Next() & Arithmetic);
        if (_random.OneIn(3)) image.Rflags |= Rflags.DF;
        if (_random.OneIn(40)) image.Rflags |= Rflags.AC;
        image.CodeSelector = is64 ? OracleLayout.Code64 : OracleLayout.Code32;
        image.StackSelector = OracleLayout.Stack;
        image.SetDataSelector(Seg.Ds, OracleLayout.Stack);
        image.SetDataSelector(Seg.Es, OracleLayout.Stack);
        for (int i = 0; i < 16; i++) image.SetXmm(i, Lanes());
        for (int i = 0; i < 16 && HostProcessor.HasAvx; i++) image.SetYmmHigh(i, Lanes());
        if (_random.OneIn(4)) image.SetXmm(1, image.Xmm(2));
        FloatingPoint(ref image);
    }

    private UInt128 Lanes()
    {
        ulong chosen = _random.Next();
        return new UInt128(_lanes[chosen % PoolSize], _lanes[(chosen >> 32) % PoolSize]);
    }

    private void FloatingPoint(ref MachineImage image)
    {
        // All exceptions are masked in most cases; the rounding and precision are anything.
        image.Mxcsr = 0x1F80;
        if (_random.OneIn(2)) image.Mxcsr |= (uint)_random.Next() & 0xE07F;
        if (_random.OneIn(8)) image.Mxcsr &= (uint)_random.Next() | 0xFFFF_E07F;
        ushort control = 0x37F;
        if (_random.OneIn(2)) control = (ushort)((control & ~0xF00) | (int)(_random.Next() & 0xC00) | _random.Pick<int>([0, 0x200, 0x300]));
        if (_random.OneIn(8)) control &= (ushort)(_random.Next() | 0xFFC0);
        image.ControlWord = control;
        ushort status = (ushort)(_random.Next() & 0x7800);
        if (_random.OneIn(4)) status |= (ushort)(_random.Next() & 0x477F);

        // What is pending and unmasked is summarised; a state with another summary is none that hardware keeps.
        if ((status & 0x40) != 0) status |= 1;
        if ((status & ~control & 0x3F) != 0) status |= 0x8080;
        image.StatusWord = status;
        image.Tag = _random.Below(3) switch
        {
            0 => 0xFF,
            1 => (byte)_random.Next(),
            _ => (byte)(0xFF << _random.Below(8)),
        };
        for (int i = 0; i < 8; i++)
        {
            (ulong significand, ushort signExponent) = _extended[_random.Below(PoolSize)];
            image.SetSt(i, significand, signExponent);
        }
    }
}
