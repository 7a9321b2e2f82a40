using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Writes host instructions, byte by byte, for what translated code needs of its own. Guest instructions are written by
/// <see cref="GuestEncoding"/>, which keeps their opcodes.
/// </summary>
internal unsafe struct CodeEmitter
{
    // SAFETY: the owner begins only where more bytes are left than the longest block needs (BlockTranslator.MaxHostBytes).
    private byte* _next;

    /// <summary>Where the next byte goes.</summary>
    public byte* Position
    {
        readonly get => _next;
        set => _next = value;
    }

    /// <summary>Goes on at the next multiple of a power of two. What is left out must not be executed.</summary>
    public void Align(int bytes)
    {
        while (((nuint)_next & (nuint)(bytes - 1)) != 0) Byte(0xCC);
    }

    /// <summary>One byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Byte(int value) => *_next++ = (byte)value;

    /// <summary>Two bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Word(int value)
    {
        *(ushort*)_next = (ushort)value;
        _next += 2;
    }

    /// <summary>Four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dword(int value)
    {
        *(int*)_next = value;
        _next += 4;
    }

    /// <summary>Copies bytes.</summary>
    public void Bytes(byte* source, int count)
    {
        for (int i = 0; i < count; i++) *_next++ = source[i];
    }

    /// <summary>An instruction with a register and a memory operand and a one-byte opcode.</summary>
    /// <param name="opcode">The opcode.</param>
    /// <param name="wide">Operands of 64 bits (REX.W).</param>
    /// <param name="register">ModRM.reg: a register, or the opcode's extension.</param>
    /// <param name="memory">The memory operand.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Memory(int opcode, bool wide, int register, in HostOperand memory)
    {
        Rex(wide, register, memory);
        Byte(opcode);
        ModRm(register, memory);
    }

    /// <summary>The same for an opcode behind 0F.</summary>
    public void Memory0F(int opcode, bool wide, int register, in HostOperand memory)
    {
        Rex(wide, register, memory);
        Byte(0x0F);
        Byte(opcode);
        ModRm(register, memory);
    }

    /// <summary>An instruction with two register operands and a one-byte opcode.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Registers(int opcode, bool wide, int register, int rm)
    {
        int rex = (wide ? 8 : 0) | ((register >> 3) << 2) | (rm >> 3);
        if (rex != 0) Byte(0x40 | rex);
        Byte(opcode);
        Byte(0xC0 | ((register & 7) << 3) | (rm & 7));
    }

    /// <summary>An instruction with two register operands and an opcode behind 0F.</summary>
    public void Registers0F(int opcode, bool wide, int register, int rm)
    {
        int rex = (wide ? 8 : 0) | ((register >> 3) << 2) | (rm >> 3);
        if (rex != 0) Byte(0x40 | rex);
        Byte(0x0F);
        Byte(opcode);
        Byte(0xC0 | ((register & 7) << 3) | (rm & 7));
    }

    /// <summary>MOV between registers.</summary>
    public void Move(int destination, int source, bool wide = true) => Registers(0x8B, wide, destination, source);

    /// <summary>MOV from memory.</summary>
    public void Load(int register, in HostOperand memory, bool wide = true) => Memory(0x8B, wide, register, memory);

    /// <summary>MOV to memory.</summary>
    public void Store(in HostOperand memory, int register, bool wide = true) => Memory(0x89, wide, register, memory);

    /// <summary>MOV of a constant to a 64-bit register.</summary>
    public void Constant(int register, ulong value)
    {
        Byte(0x48 | (register >> 3));
        Byte(0xB8 | (register & 7));
        Dword((int)value);
        Dword((int)(value >> 32));
    }

    /// <summary>LEA.</summary>
    public void Lea(int register, in HostOperand memory, bool wide = true) => Memory(0x8D, wide, register, memory);

    /// <summary>SHR of a 64-bit register.</summary>
    public void ShiftRight(int register, int count)
    {
        Registers(0xC1, true, 5, register);
        Byte(count);
    }

    /// <summary>AND, OR, CMP, ... of a register with a 32-bit immediate, by the opcode's extension.</summary>
    public void Immediate(int extension, bool wide, int register, int value)
    {
        if (value == (sbyte)value)
        {
            Registers(0x83, wide, extension, register);
            Byte(value);
        }
        else
        {
            Registers(0x81, wide, extension, register);
            Dword(value);
        }
    }

    /// <summary>CALL to a place in the code.</summary>
    public void Call(byte* target)
    {
        Byte(0xE8);
        Relative(target);
    }

    /// <summary>JMP to a place in the code.</summary>
    public void Jump(byte* target)
    {
        Byte(0xE9);
        Relative(target);
    }

    /// <summary>Jcc to a place in the code.</summary>
    public void JumpIf(int condition, byte* target)
    {
        Byte(0x0F);
        Byte(0x80 | condition);
        Relative(target);
    }

    /// <summary>Jcc to a place not known yet.</summary>
    /// <returns>The place of the distance, for <see cref="Land"/>.</returns>
    public byte* JumpIf(int condition)
    {
        Byte(0x0F);
        Byte(0x80 | condition);
        Dword(0);
        return _next - 4;
    }

    /// <summary>JMP to a place not known yet.</summary>
    /// <returns>The place of the distance, for <see cref="Land"/>.</returns>
    public byte* Jump()
    {
        Byte(0xE9);
        Dword(0);
        return _next - 4;
    }

    /// <summary>Makes an earlier jump lead here.</summary>
    public readonly void Land(byte* distance) => *(int*)distance = (int)(_next - (distance + 4));

    /// <summary>Where a 32-bit distance at this place leads to a target.</summary>
    public void Relative(byte* target) => Dword((int)(target - (_next + 4)));

    /// <summary>A REX prefix for a register and a memory operand, if one is needed.</summary>
    public void Rex(bool wide, int register, in HostOperand memory)
    {
        int rex = RexBits(wide, register, memory);
        if (rex != 0) Byte(0x40 | rex);
    }

    /// <summary>W, R, X and B for a register and a memory operand.</summary>
    public static int RexBits(bool wide, int register, in HostOperand memory) =>
        (wide ? 8 : 0) | ((register >> 3) << 2) |
        (memory.Index > 7 ? 2 : 0) | (memory.Base > 7 ? 1 : 0);

    /// <summary>ModRM, SIB and displacement.</summary>
    public void ModRm(int register, in HostOperand memory)
    {
        int reg = (register & 7) << 3;
        if (memory.Base < 0)
        {
            // Without a base: SIB with base 5 and mod 0; plain ModRM would be relative to RIP.
            Byte(reg | 4);
            Byte((memory.Scale << 6) | ((memory.Index < 0 ? 4 : memory.Index & 7) << 3) | 5);
            Dword(memory.Displacement);
            return;
        }

        int low = memory.Base & 7;
        bool sib = memory.Index >= 0 || low == 4;
        int mod = memory.Displacement == 0 && low != 5 ? 0 : memory.Displacement == (sbyte)memory.Displacement ? 0x40 : 0x80;
        Byte(mod | reg | (sib ? 4 : low));
        if (sib) Byte((memory.Scale << 6) | ((memory.Index < 0 ? 4 : memory.Index & 7) << 3) | low);
        if (mod == 0x40) Byte(memory.Displacement);
        else if (mod == 0x80) Dword(memory.Displacement);
    }
}
