using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>
/// Writes host instructions: a method for each mnemonic, destination first. It allocates nothing and picks the shortest displacement and
/// immediate; branches have distances of 32 bits, so that they can be patched.
/// </summary>
/// <remarks>
/// <code>
///  66   REX (0100WRXB)   opcode   ModRM (mod reg rm)   SIB (scale index base)   displacement   immediate
/// </code>
/// </remarks>
internal unsafe struct CodeEmitter
{
    // SAFETY: the owner begins only where more bytes are left than the longest code that it writes.
    private const int WordPrefix = 0x66;
    private const int Escape = 0x0F;
    private const int RexW = 8;

    // What is usual in 64-bit code that works on addresses.
    private const OperandSize Qword = OperandSize.Qword;

    // Opcodes 00 to 3F and 80 to 83, by the number in bits 5:3 of the former and in ModRM.reg of the latter (SDM vol. 2, table A-6).
    private const int AddNumber = 0;
    private const int OrNumber = 1;
    private const int AndNumber = 4;
    private const int SubNumber = 5;
    private const int XorNumber = 6;
    private const int CmpNumber = 7;

    private byte* _next;

    /// <summary>Creates an emitter.</summary>
    /// <param name="position">Where the first byte goes.</param>
    public CodeEmitter(byte* position) => _next = position;

    /// <summary>Where the next byte goes.</summary>
    public readonly byte* Position => _next;

    /// <summary>Goes on at the next multiple of a power of two. What is left out must not be executed: it is filled with INT3.</summary>
    public void Align(int bytes)
    {
        while (((nuint)_next & (nuint)(bytes - 1)) != 0) Byte(0xCC);
    }

    // --- data, and parts of instructions that are encoded elsewhere -------------------------------------------------

    /// <summary>One byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Byte(int value) => *_next++ = (byte)value;

    /// <summary>Two bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Word(int value)
    {
        *(ushort*)_next = (ushort)value;
        _next += sizeof(ushort);
    }

    /// <summary>Four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dword(int value)
    {
        *(int*)_next = value;
        _next += sizeof(int);
    }

    /// <summary>Copies bytes.</summary>
    public void Bytes(byte* source, int count)
    {
        for (int i = 0; i < count; i++) *_next++ = source[i];
    }

    /// <summary>R, X and B of a REX or VEX prefix for ModRM.reg and a memory operand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RexBits(int reg, in HostOperand memory) =>
        ((reg >> 3) << 2) | (memory.Index > HostRegister.Rdi ? 2 : 0) | (memory.Base > HostRegister.Rdi ? 1 : 0);

    /// <summary>ModRM, SIB and displacement of a memory operand.</summary>
    /// <param name="reg">ModRM.reg: a register's number, or the opcode's extension.</param>
    /// <param name="memory">The operand.</param>
    public void ModRm(int reg, in HostOperand memory) => _next = ModRm(_next, reg, memory);

    // --- moves ------------------------------------------------------------------------------------------------------

    /// <summary>MOV between registers.</summary>
    public void Mov(HostRegister destination, HostRegister source, OperandSize size = Qword) =>
        Registers(0x8B, size, destination, source);

    /// <summary>MOV from memory.</summary>
    public void Mov(HostRegister destination, in HostOperand source, OperandSize size = Qword) =>
        Memory(0x8B, size, destination, source);

    /// <summary>MOV to memory.</summary>
    public void Mov(in HostOperand destination, HostRegister source, OperandSize size = Qword) =>
        Memory(0x89, size, source, destination);

    /// <summary>MOV of a constant to memory.</summary>
    /// <param name="destination">32 or 64 bits.</param>
    /// <param name="value">The constant; sign-extended to 64 bits.</param>
    /// <param name="size">The operand's size.</param>
    public void Mov(in HostOperand destination, int value, OperandSize size = Qword)
    {
        Extended(0xC7, size, 0, destination);
        Dword(value);
    }

    /// <summary>MOV of a constant to a 32-bit register.</summary>
    public void Mov(HostRegister destination, uint value)
    {
        OpcodeRegister(0xB8, destination);
        Dword((int)value);
    }

    /// <summary>MOV of a constant to a 64-bit register, always as 64 bits.</summary>
    public void Movabs(HostRegister destination, ulong value)
    {
        Byte(0x40 | RexW | ((int)destination >> 3));
        Byte(0xB8 | ((int)destination & 7));
        *(ulong*)_next = value;
        _next += sizeof(ulong);
    }

    /// <summary>MOVZX of a byte or word in memory to a 32-bit register.</summary>
    public void Movzx(HostRegister destination, in HostOperand source, OperandSize from) =>
        EscapedMemory(from == OperandSize.Byte ? 0xB6 : 0xB7, OperandSize.Dword, (int)destination, source);

    /// <summary>LEA.</summary>
    public void Lea(HostRegister destination, in HostOperand address, OperandSize size = Qword) =>
        Memory(0x8D, size, destination, address);

    /// <summary>CMOVcc between registers.</summary>
    public void Cmov(Condition condition, HostRegister destination, HostRegister source, OperandSize size = Qword) =>
        EscapedRegisters(0x40 | (int)condition, size, (int)destination, source);

    /// <summary>XCHG of registers of 64 bits.</summary>
    public void Xchg(HostRegister one, HostRegister other) => Registers(0x87, OperandSize.Qword, one, other);

    /// <summary>XCHG of the low and the high byte of AX, CX, DX or BX.</summary>
    public void XchgBytes(HostRegister register)
    {
        Byte(0x86);
        Byte(0xC0 | ((int)register << 3) | 4 | (int)register);
    }

    /// <summary>PUSH of a 64-bit register.</summary>
    public void Push(HostRegister register) => OpcodeRegister(0x50, register);

    /// <summary>PUSH of 64 bits in memory.</summary>
    public void Push(in HostOperand source) => Extended(0xFF, OperandSize.Dword, 6, source);

    /// <summary>POP to a 64-bit register.</summary>
    public void Pop(HostRegister register) => OpcodeRegister(0x58, register);

    /// <summary>POP to 64 bits in memory. An address with RSP is formed after RSP was incremented.</summary>
    public void Pop(in HostOperand destination) => Extended(0x8F, OperandSize.Dword, 0, destination);

    // --- arithmetic -------------------------------------------------------------------------------------------------

    /// <summary>ADD of a register.</summary>
    public void Add(HostRegister destination, HostRegister source, OperandSize size = Qword) =>
        Binary(AddNumber, destination, source, size);

    /// <summary>ADD of memory to a register.</summary>
    public void Add(HostRegister destination, in HostOperand source, OperandSize size = Qword) =>
        Binary(AddNumber, destination, source, size);

    /// <summary>ADD of a constant.</summary>
    public void Add(HostRegister destination, int value, OperandSize size = Qword) => Binary(AddNumber, destination, value, size);

    /// <summary>OR of a register.</summary>
    public void Or(HostRegister destination, HostRegister source, OperandSize size = Qword) =>
        Binary(OrNumber, destination, source, size);

    /// <summary>OR of memory to a register.</summary>
    public void Or(HostRegister destination, in HostOperand source, OperandSize size = Qword) =>
        Binary(OrNumber, destination, source, size);

    /// <summary>OR of a register to memory.</summary>
    public void Or(in HostOperand destination, HostRegister source, OperandSize size = Qword) =>
        Memory((OrNumber << 3) | 1, size, source, destination);

    /// <summary>OR of a constant to a register.</summary>
    public void Or(HostRegister destination, int value, OperandSize size = Qword) => Binary(OrNumber, destination, value, size);

    /// <summary>OR of a constant to memory.</summary>
    public void Or(in HostOperand destination, int value, OperandSize size = Qword) => Binary(OrNumber, destination, value, size);

    /// <summary>AND of memory to a register.</summary>
    public void And(HostRegister destination, in HostOperand source, OperandSize size = Qword) =>
        Binary(AndNumber, destination, source, size);

    /// <summary>AND of a constant to a register.</summary>
    public void And(HostRegister destination, int value, OperandSize size = Qword) => Binary(AndNumber, destination, value, size);

    /// <summary>AND of a constant to memory.</summary>
    public void And(in HostOperand destination, int value, OperandSize size = Qword) => Binary(AndNumber, destination, value, size);

    /// <summary>SUB of a register.</summary>
    public void Sub(HostRegister destination, HostRegister source, OperandSize size = Qword) =>
        Binary(SubNumber, destination, source, size);

    /// <summary>SUB of memory from a register.</summary>
    public void Sub(HostRegister destination, in HostOperand source, OperandSize size = Qword) =>
        Binary(SubNumber, destination, source, size);

    /// <summary>XOR of a register.</summary>
    public void Xor(HostRegister destination, HostRegister source, OperandSize size = Qword) =>
        Binary(XorNumber, destination, source, size);

    /// <summary>XOR of memory to a register.</summary>
    public void Xor(HostRegister destination, in HostOperand source, OperandSize size = Qword) =>
        Binary(XorNumber, destination, source, size);

    /// <summary>CMP with a register.</summary>
    public void Cmp(HostRegister left, HostRegister right, OperandSize size = Qword) => Binary(CmpNumber, left, right, size);

    /// <summary>CMP of a register with memory.</summary>
    public void Cmp(HostRegister left, in HostOperand right, OperandSize size = Qword) => Binary(CmpNumber, left, right, size);

    /// <summary>CMP of a register with a constant.</summary>
    public void Cmp(HostRegister left, int right, OperandSize size = Qword) => Binary(CmpNumber, left, right, size);

    /// <summary>CMP of memory with a constant.</summary>
    public void Cmp(in HostOperand left, int right, OperandSize size = Qword) => Binary(CmpNumber, left, right, size);

    /// <summary>TEST of two registers of 64 bits.</summary>
    public void Test(HostRegister left, HostRegister right) => Registers(0x85, OperandSize.Qword, left, right);

    /// <summary>TEST of a register with a constant.</summary>
    /// <param name="left">The register.</param>
    /// <param name="right">The constant.</param>
    /// <param name="size">8 or 32 bits.</param>
    public void Test(HostRegister left, int right, OperandSize size)
    {
        Extended(0xF7, size, 0, left);
        if (size == OperandSize.Byte) Byte(right);
        else Dword(right);
    }

    /// <summary>TEST of a byte in memory with a constant.</summary>
    public void Test(in HostOperand left, byte right)
    {
        Extended(0xF7, OperandSize.Byte, 0, left);
        Byte(right);
    }

    /// <summary>INC of a register.</summary>
    public void Inc(HostRegister register, OperandSize size) => Extended(0xFF, size, 0, register);

    /// <summary>INC of memory.</summary>
    public void Inc(in HostOperand memory, OperandSize size) => Extended(0xFF, size, 0, memory);

    /// <summary>DEC of a register.</summary>
    public void Dec(HostRegister register, OperandSize size) => Extended(0xFF, size, 1, register);

    /// <summary>DEC of memory.</summary>
    public void Dec(in HostOperand memory, OperandSize size) => Extended(0xFF, size, 1, memory);

    /// <summary>NEG of a 64-bit register.</summary>
    public void Neg(HostRegister register) => Extended(0xF7, OperandSize.Qword, 3, register);

    /// <summary>DIV of RDX:RAX or EDX:EAX by a register.</summary>
    public void Div(HostRegister divisor, OperandSize size) => Extended(0xF7, size, 6, divisor);

    /// <summary>IDIV of RDX:RAX or EDX:EAX by a register.</summary>
    public void Idiv(HostRegister divisor, OperandSize size) => Extended(0xF7, size, 7, divisor);

    /// <summary>SHL.</summary>
    public void Shl(HostRegister register, int count, OperandSize size = Qword) => Shift(4, register, count, size);

    /// <summary>SHR.</summary>
    public void Shr(HostRegister register, int count, OperandSize size = Qword) => Shift(5, register, count, size);

    /// <summary>SAR.</summary>
    public void Sar(HostRegister register, int count, OperandSize size = Qword) => Shift(7, register, count, size);

    // --- flags ------------------------------------------------------------------------------------------------------

    /// <summary>LAHF.</summary>
    public void Lahf() => Byte(0x9F);

    /// <summary>SAHF.</summary>
    public void Sahf() => Byte(0x9E);

    /// <summary>SETcc of AL, CL, DL or BL.</summary>
    public void Set(Condition condition, HostRegister register)
    {
        Byte(Escape);
        Byte(0x90 | (int)condition);
        Byte(0xC0 | (int)register);
    }

    /// <summary>PUSHFQ.</summary>
    public void Pushfq() => Byte(0x9C);

    /// <summary>POPFQ.</summary>
    public void Popfq() => Byte(0x9D);

    // --- branches ---------------------------------------------------------------------------------------------------

    /// <summary>Jcc.</summary>
    public void Jcc(Condition condition, ref CodeLabel target)
    {
        Byte(Escape);
        Byte(0x80 | (int)condition);
        Distance(ref target);
    }

    /// <summary>Jcc to a known place.</summary>
    public void Jcc(Condition condition, byte* target)
    {
        Byte(Escape);
        Byte(0x80 | (int)condition);
        Distance(target);
    }

    /// <summary>JMP.</summary>
    public void Jmp(ref CodeLabel target)
    {
        Byte(0xE9);
        Distance(ref target);
    }

    /// <summary>JMP to a known place.</summary>
    public void Jmp(byte* target)
    {
        Byte(0xE9);
        Distance(target);
    }

    /// <summary>JMP to the address in a register.</summary>
    public void Jmp(HostRegister target) => Extended(0xFF, OperandSize.Dword, 4, target);

    /// <summary>JMP to the address in memory.</summary>
    public void Jmp(in HostOperand target) => Extended(0xFF, OperandSize.Dword, 4, target);

    /// <summary>CALL of a known place.</summary>
    public void Call(byte* target)
    {
        Byte(0xE8);
        Distance(target);
    }

    /// <summary>RET.</summary>
    public void Ret() => Byte(0xC3);

    /// <summary>SYSCALL.</summary>
    public void Syscall()
    {
        Byte(Escape);
        Byte(0x05);
    }

    /// <summary>NOP whose memory operand has four bytes of data for a displacement, which come last.</summary>
    public void NopWithData(int data)
    {
        // NOP m32 [RAX + data]
        Byte(Escape);
        Byte(0x1F);
        Byte(0x80);
        Dword(data);
    }

    /// <summary>Binds a label here, and makes the branches to it that were emitted before lead here.</summary>
    public readonly void Bind(ref CodeLabel label)
    {
        byte* field = label.LastBranch;
        while (field != null)
        {
            int toPrevious = *(int*)field;
            *(int*)field = (int)(_next - (field + sizeof(int)));
            field = toPrevious == 0 ? null : field + toPrevious;
        }

        label = new CodeLabel(_next);
    }

    // --- strings ----------------------------------------------------------------------------------------------------

    /// <summary>MOVS, or REP MOVS.</summary>
    public void Movs(OperandSize size, bool repeats) => String(0xA5, size, repeats);

    /// <summary>STOS, or REP STOS.</summary>
    public void Stos(OperandSize size, bool repeats) => String(0xAB, size, repeats);

    // --- vector and x87 state ---------------------------------------------------------------------------------------

    /// <summary>MOVUPS of an XMM register, 0 to 15, from memory.</summary>
    public void Movups(int xmm, in HostOperand source) => EscapedMemory(0x10, OperandSize.Dword, xmm, source);

    /// <summary>MOVUPS to memory.</summary>
    public void Movups(in HostOperand destination, int xmm) => EscapedMemory(0x11, OperandSize.Dword, xmm, destination);

    /// <summary>VMOVDQU of a YMM register, 0 to 15, from memory.</summary>
    public void Vmovdqu(int ymm, in HostOperand source) => VexMemory(0x6F, ymm, source);

    /// <summary>VMOVDQU to memory.</summary>
    public void Vmovdqu(in HostOperand destination, int ymm) => VexMemory(0x7F, ymm, destination);

    /// <summary>VZEROUPPER.</summary>
    public void Vzeroupper()
    {
        Byte(0xC5);
        Byte(0xF8);
        Byte(0x77);
    }

    /// <summary>XGETBV.</summary>
    public void Xgetbv()
    {
        Byte(Escape);
        Byte(0x01);
        Byte(0xD0);
    }

    /// <summary>LDMXCSR.</summary>
    public void Ldmxcsr(in HostOperand source) => EscapedMemory(0xAE, OperandSize.Dword, 2, source);

    /// <summary>STMXCSR.</summary>
    public void Stmxcsr(in HostOperand destination) => EscapedMemory(0xAE, OperandSize.Dword, 3, destination);

    /// <summary>XSAVE64.</summary>
    public void Xsave64(in HostOperand destination) => EscapedMemory(0xAE, OperandSize.Qword, 4, destination);

    /// <summary>XRSTOR64.</summary>
    public void Xrstor64(in HostOperand source) => EscapedMemory(0xAE, OperandSize.Qword, 5, source);

    /// <summary>FLDCW.</summary>
    public void Fldcw(in HostOperand source) => Extended(0xD9, OperandSize.Dword, 5, source);

    /// <summary>FNINIT.</summary>
    public void Fninit()
    {
        Byte(0xDB);
        Byte(0xE3);
    }

    // --- encodings --------------------------------------------------------------------------------------------------

    private void Binary(int number, HostRegister destination, HostRegister source, OperandSize size) =>
        Registers((number << 3) | 3, size, destination, source);

    private void Binary(int number, HostRegister destination, in HostOperand source, OperandSize size) =>
        Memory((number << 3) | 3, size, destination, source);

    private void Binary(int number, HostRegister destination, int value, OperandSize size)
    {
        if (size == OperandSize.Byte && destination == HostRegister.Rax)
        {
            Byte((number << 3) | 4);
            Byte(value);
            return;
        }

        Extended(ImmediateOpcode(value, size), size, number, destination);
        Immediate(value, size);
    }

    private void Binary(int number, in HostOperand destination, int value, OperandSize size)
    {
        Extended(ImmediateOpcode(value, size), size, number, destination);
        Immediate(value, size);
    }

    // 80 for bytes, which Extended makes of 81.
    private static int ImmediateOpcode(int value, OperandSize size) => value == (sbyte)value && size != OperandSize.Byte ? 0x83 : 0x81;

    private void Immediate(int value, OperandSize size)
    {
        if (value == (sbyte)value || size == OperandSize.Byte) Byte(value);
        else Dword(value);
    }

    private void Shift(int number, HostRegister register, int count, OperandSize size)
    {
        Extended(0xC1, size, number, register);
        Byte(count);
    }

    private void String(int opcode, OperandSize size, bool repeats)
    {
        if (repeats) Byte(0xF3);
        Prefixes(size, 0);
        Byte(size == OperandSize.Byte ? opcode - 1 : opcode);
    }

    // These write through a pointer of their own, which stays in a register: through the field each byte would wait for the one before it.

    /// <summary>A one-byte opcode with two registers; the opcode is that of the larger sizes, one above that of bytes.</summary>
    private void Registers(int opcode, OperandSize size, HostRegister reg, HostRegister rm)
    {
        int rex = (((int)reg >> 3) << 2) | ((int)rm >> 3);
        byte* next = Opcode(_next, opcode, size, rex, IsNewByte(size, reg) || IsNewByte(size, rm));
        *next = (byte)(0xC0 | (((int)reg & 7) << 3) | ((int)rm & 7));
        _next = next + 1;
    }

    /// <summary>The same with a register and memory.</summary>
    private void Memory(int opcode, OperandSize size, HostRegister reg, in HostOperand memory) =>
        _next = ModRm(Opcode(_next, opcode, size, RexBits((int)reg, memory), IsNewByte(size, reg)), (int)reg, memory);

    /// <summary>The same with a register, and three bits of the opcode in ModRM.reg.</summary>
    private void Extended(int opcode, OperandSize size, int extension, HostRegister rm)
    {
        byte* next = Opcode(_next, opcode, size, (int)rm >> 3, IsNewByte(size, rm));
        *next = (byte)(0xC0 | (extension << 3) | ((int)rm & 7));
        _next = next + 1;
    }

    /// <summary>The same with memory.</summary>
    private void Extended(int opcode, OperandSize size, int extension, in HostOperand memory) =>
        _next = ModRm(Opcode(_next, opcode, size, RexBits(extension, memory), needsRex: false), extension, memory);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Opcode(byte* next, int opcode, OperandSize size, int rex, bool needsRex)
    {
        if (size == OperandSize.Word) *next++ = WordPrefix;
        if (size == OperandSize.Qword) rex |= RexW;
        if (rex != 0 || needsRex) *next++ = (byte)(0x40 | rex);
        *next++ = (byte)(size == OperandSize.Byte ? opcode - 1 : opcode);
        return next;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* ModRm(byte* next, int reg, in HostOperand memory)
    {
        const int NoBase = 5;
        const int HasSib = 4;
        int field = (reg & 7) << 3;
        int index = memory.Index == HostRegister.None ? HasSib : (int)memory.Index & 7;
        if (memory.Base == HostRegister.None)
        {
            // SIB with base 5 and mod 0: plain ModRM would be relative to RIP.
            *next++ = (byte)(field | HasSib);
            *next++ = (byte)((memory.Scale << 6) | (index << 3) | NoBase);
            *(int*)next = memory.Displacement;
            return next + sizeof(int);
        }

        int low = (int)memory.Base & 7;
        bool sib = memory.Index != HostRegister.None || low == HasSib;
        int mod = memory.Displacement == 0 && low != NoBase ? 0 : memory.Displacement == (sbyte)memory.Displacement ? 0x40 : 0x80;
        *next++ = (byte)(mod | field | (sib ? HasSib : low));
        if (sib) *next++ = (byte)((memory.Scale << 6) | (index << 3) | low);
        if (mod == 0) return next;
        if (mod == 0x40)
        {
            *next = (byte)memory.Displacement;
            return next + 1;
        }

        *(int*)next = memory.Displacement;
        return next + sizeof(int);
    }

    /// <summary>SPL, BPL, SIL or DIL: without a REX prefix its number means AH, CH, DH or BH.</summary>
    private static bool IsNewByte(OperandSize size, HostRegister register) =>
        size == OperandSize.Byte && register is >= HostRegister.Rsp and <= HostRegister.Rdi;

    private void EscapedRegisters(int opcode, OperandSize size, int reg, HostRegister rm)
    {
        Prefixes(size, ((reg >> 3) << 2) | ((int)rm >> 3));
        Byte(Escape);
        Byte(opcode);
        Byte(0xC0 | ((reg & 7) << 3) | ((int)rm & 7));
    }

    private void EscapedMemory(int opcode, OperandSize size, int reg, in HostOperand memory)
    {
        Prefixes(size, RexBits(reg, memory));
        Byte(Escape);
        Byte(opcode);
        ModRm(reg, memory);
    }

    /// <summary>An opcode of VEX.256.F3.0F (SDM vol. 2, 2.3.5); the prefix has two bytes where no base or index is above RDI.</summary>
    private void VexMemory(int opcode, int reg, in HostOperand memory)
    {
        const int Map0F = 1;
        const int NoVvvv256F3 = 0x7E;
        int rex = RexBits(reg, memory);
        if ((rex & 3) == 0)
        {
            Byte(0xC5);
            Byte(((rex & 4) == 0 ? 0x80 : 0) | NoVvvv256F3);
        }
        else
        {
            Byte(0xC4);
            Byte(((~rex & 7) << 5) | Map0F);
            Byte(NoVvvv256F3);
        }

        Byte(opcode);
        ModRm(reg, memory);
    }

    private void OpcodeRegister(int opcode, HostRegister register)
    {
        Prefixes(OperandSize.Dword, (int)register >> 3);
        Byte(opcode | ((int)register & 7));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefixes(OperandSize size, int rex, bool needsRex = false)
    {
        if (size == OperandSize.Word) Byte(WordPrefix);
        if (size == OperandSize.Qword) rex |= RexW;
        if (rex != 0 || needsRex) Byte(0x40 | rex);
    }

    private void Distance(byte* target) => Dword((int)(target - (_next + sizeof(int))));

    private void Distance(ref CodeLabel label)
    {
        if (label.Target != null)
        {
            Distance(label.Target);
            return;
        }

        byte* previous = label.LastBranch;
        label.LastBranch = _next;
        Dword(previous == null ? 0 : (int)(previous - _next));
    }
}
