using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// The parts of a guest instruction's encoding (SDM vol. 2, 2.1 to 2.3), so that it can be written again with other registers and another
/// memory operand and everything else as it was.
/// </summary>
internal unsafe struct GuestEncoding
{
    // SAFETY: reads within the instruction's bytes, whose length the decoder has found.
    private const byte OperandSizePrefix = 0x66;

    private byte* _bytes;
    private int _opcode;
    private int _opcodeLength;
    private int _modRm;
    private int _tail;
    private int _length;
    private bool _operandSize;
    private bool _lock;
    private byte _repeat;
    private byte _rex;
    private byte _vex;
    private bool _ignoresWide;

    /// <summary>ModRM.reg with its extension: a register number, or the opcode's extension.</summary>
    public int Reg { get; private set; }

    /// <summary>ModRM.rm with its extension, when it names a register.</summary>
    public int Rm { get; private set; }

    /// <summary>VEX.vvvv.</summary>
    public int Vvvv { get; private set; }

    /// <summary>The register in the opcode's low three bits, with its extension.</summary>
    public readonly int OpcodeRegister => (_bytes[_opcode + _opcodeLength - 1] & 7) | ((_rex & 1) << 3);

    /// <summary>ModRM names memory.</summary>
    public bool IsMemory { get; private set; }

    /// <summary>There is a REX prefix: byte registers 4 to 7 are SPL to DIL, not AH to BH.</summary>
    public readonly bool HasRex => _rex != 0;

    /// <summary>REX.W.</summary>
    public readonly bool IsWide => (_rex & 8) != 0;

    /// <summary>VEX-encoded.</summary>
    public readonly bool IsVex => _vex != 0;

    /// <summary>The last byte of the opcode.</summary>
    public readonly byte Opcode => _bytes[_opcode + _opcodeLength - 1];

    /// <summary>Takes an instruction apart.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="length">How many.</param>
    /// <param name="is64">64-bit code: 40 to 4F are prefixes there.</param>
    /// <param name="hasModRm">The opcode is followed by ModRM.</param>
    /// <param name="immediateBytes">Bytes behind the displacement.</param>
    public void Parse(byte* bytes, int length, bool is64, bool hasModRm, int immediateBytes)
    {
        this = default;
        _bytes = bytes;
        _length = length;
        _tail = length - immediateBytes;
        int at = 0;
        for (; ; at++)
        {
            byte value = bytes[at];
            byte rex = 0;
            if (value == OperandSizePrefix) _operandSize = true;
            else if (value is 0xF2 or 0xF3) _repeat = value;
            else if (value == 0xF0) _lock = true;
            else if (is64 && (value & 0xF0) == 0x40) rex = value;
            else if (value is not (0x2E or 0x36 or 0x3E or 0x26 or 0x64 or 0x65 or 0x67)) break;

            // Only what stands right before the opcode is a REX prefix.
            _rex = rex;
        }

        if ((bytes[at] == 0xC5 || bytes[at] == 0xC4) && (is64 || (bytes[at + 1] & 0xC0) == 0xC0)) at = ParseVex(at, is64);
        else at = ParseEscapes(at);
        _modRm = hasModRm ? at : -1;
        if (!hasModRm) return;
        byte modRm = bytes[at];
        Reg = ((modRm >> 3) & 7) | ((_rex & 4) << 1);
        IsMemory = modRm < 0xC0;
        if (!IsMemory) Rm = (modRm & 7) | ((_rex & 1) << 3);
    }

    /// <summary>Leaves out F2 and F3.</summary>
    public void DropRepeat() => _repeat = 0;

    /// <summary>VEX.W counts for nothing.</summary>
    public void IgnoreWide() => _ignoresWide = true;

    /// <summary>Writes the instruction with register operands.</summary>
    /// <param name="emitter">Where to.</param>
    /// <param name="reg">What ModRM.reg is to be.</param>
    /// <param name="rm">What ModRM.rm is to be.</param>
    /// <param name="vvvv">What VEX.vvvv is to be.</param>
    public readonly void Emit(ref CodeEmitter emitter, int reg, int rm, int vvvv)
    {
        EmitOpcode(ref emitter, ((reg >> 3) << 2) | (rm >> 3), vvvv, KeepsRex(reg) || KeepsRex(rm));
        emitter.Byte(0xC0 | ((reg & 7) << 3) | (rm & 7));
        emitter.Bytes(_bytes + _tail, _length - _tail);
    }

    /// <summary>Writes the instruction with a memory operand.</summary>
    public readonly void Emit(ref CodeEmitter emitter, int reg, in HostOperand memory, int vvvv)
    {
        EmitOpcode(ref emitter, CodeEmitter.RexBits(reg, memory), vvvv, KeepsRex(reg));
        emitter.ModRm(reg, memory);
        emitter.Bytes(_bytes + _tail, _length - _tail);
    }

    /// <summary>Writes the instruction with another register in its opcode.</summary>
    public readonly void EmitOpcodeRegister(ref CodeEmitter emitter, int register)
    {
        EmitPrefixes(ref emitter);
        int rex = (_rex & 8) | (register >> 3);
        if (rex != 0 || (_rex != 0 && register is >= 4 and < 8)) emitter.Byte(0x40 | rex);
        emitter.Bytes(_bytes + _opcode, _opcodeLength - 1);
        emitter.Byte((_bytes[_opcode + _opcodeLength - 1] & 0xF8) | (register & 7));
        emitter.Bytes(_bytes + _tail, _length - _tail);
    }

    /// <summary>Writes the instruction without operands in its encoding: with the prefixes that count, and no others.</summary>
    public readonly void EmitPlain(ref CodeEmitter emitter)
    {
        EmitOpcode(ref emitter, extensions: 0, vvvv: 0, keepRex: false);
        int rest = _opcode + _opcodeLength;
        emitter.Bytes(_bytes + rest, _length - rest);
    }

    private int ParseVex(int at, bool is64)
    {
        _vex = _bytes[at];
        bool three = _vex == 0xC4;
        byte first = _bytes[at + 1];
        byte last = three ? _bytes[at + 2] : first;
        _rex = (byte)((first & 0x80) == 0 ? 4 : 0);
        if (three)
        {
            if ((first & 0x40) == 0) _rex |= 2;
            if ((first & 0x20) == 0) _rex |= 1;
            if ((last & 0x80) != 0) _rex |= 8;
        }

        Vvvv = (~last >> 3) & (is64 ? 15 : 7);

        // There is no register above 7 outside 64-bit code: B and the top bit of vvvv count for nothing (SDM vol. 2, 2.3.5).
        if (!is64) _rex &= 8;
        _opcode = at;
        _opcodeLength = three ? 4 : 3;
        return at + _opcodeLength;
    }

    private int ParseEscapes(int at)
    {
        _opcode = at;
        if (_bytes[at] == 0x0F)
        {
            at++;
            if (_bytes[at] is 0x38 or 0x3A) at++;
        }

        _opcodeLength = at + 1 - _opcode;
        return at + 1;
    }

    private readonly void EmitPrefixes(ref CodeEmitter emitter)
    {
        if (_operandSize) emitter.Byte(OperandSizePrefix);
        if (_lock) emitter.Byte(0xF0);
        if (_repeat != 0) emitter.Byte(_repeat);
    }

    // A byte register 4 to 7 is SPL to DIL only behind a REX prefix.
    private readonly bool KeepsRex(int register) => _rex != 0 && _vex == 0 && register is >= 4 and < 8;

    private readonly void EmitOpcode(ref CodeEmitter emitter, int extensions, int vvvv, bool keepRex)
    {
        if (_vex == 0)
        {
            EmitPrefixes(ref emitter);
            int rex = (_rex & 8) | extensions;
            if (rex != 0 || keepRex) emitter.Byte(0x40 | rex);
            emitter.Bytes(_bytes + _opcode, _opcodeLength);
            return;
        }

        bool three = _vex == 0xC4;
        byte first = _bytes[_opcode + 1];
        int map = three ? first & 0x1F : 1;
        int last = ((three ? _bytes[_opcode + 2] : first & 0x7F) & 0x87) | ((~vvvv & 15) << 3);
        if (_ignoresWide && three) last &= 0x7F;
        if ((extensions & 3) == 0 && map == 1 && (last & 0x80) == 0)
        {
            emitter.Byte(0xC5);
            emitter.Byte(((extensions & 4) == 0 ? 0x80 : 0) | last);
        }
        else
        {
            emitter.Byte(0xC4);
            emitter.Byte(((~extensions & 7) << 5) | map);
            emitter.Byte(last);
        }

        emitter.Byte(Opcode);
    }
}
