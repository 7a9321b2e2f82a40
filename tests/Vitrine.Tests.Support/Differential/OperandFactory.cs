using Iced.Intel;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Random operands for an instruction code. A memory operand gets an address worth trying, and the registers it is formed
/// from are set to fit.
/// </summary>
internal sealed class OperandFactory(CaseRandom random)
{
    private static readonly Register[] _scaled16 = [Register.BX, Register.BP, Register.SI, Register.DI];

    /// <summary>The registers that addresses are formed from, where other instructions come before this one; else they are set as each operand needs them.</summary>
    public PointerSet? Pointers { get; init; }

    /// <summary>The instruction; false when the code has an operand that this factory doesn't make.</summary>
    public bool TryCreate(Code code, int bitness, ref MachineImage image, out Instruction instruction)
    {
        OpCodeInfo info = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        bool memory = random.Below(2) == 0;
        for (int i = 0; i < info.OpCount; i++)
        {
            if (!TryOperand(ref instruction, i, info, bitness, memory, ref image)) return false;
        }

        if (info.CanUseLockPrefix && random.OneIn(3)) instruction.HasLockPrefix = true;
        if (info.CanUseRepPrefix && random.OneIn(2)) instruction.HasRepPrefix = true;
        else if (info.CanUseRepnePrefix && random.OneIn(2)) instruction.HasRepnePrefix = true;
        return true;
    }

    /// <summary>An address to access: mostly within the data pages, sometimes across their edges or nowhere.</summary>
    public ulong Target(bool is64)
    {
        switch (random.Below(40))
        {
            case 0: return OracleLayout.Data - (ulong)random.Below(20);
            case 1: return OracleLayout.ReadOnly - (ulong)random.Below(20);
            case 2: return OracleLayout.Hole - (ulong)random.Below(20);
            case 3: return OracleLayout.ReadOnly + (ulong)random.Below(0xF00);
            case 4: return OracleLayout.Data + 0x1000 - (ulong)random.Below(20);
            case 5: return OracleLayout.Hole + (ulong)random.Below(0x1000);
            case 6 when is64: return 0x0000_8000_0000_0000 - (ulong)random.Below(20);
            case 7 when is64: return 0xFFFF_0000_0000_0000 + (random.Next() >> 17);
            default: return Inside();
        }
    }

    /// <summary>An address in the data pages and away from their ends; often aligned.</summary>
    private ulong Inside()
    {
        ulong address = OracleLayout.Data + 0x200 + (ulong)random.Below(OracleLayout.DataSize - 0x600);
        return random.OneIn(4) ? address : address & ~(random.OneIn(2) ? 0xFUL : 7UL);
    }

    private static Register General(int size, int number) => size switch
    {
        2 => Register.AX + number,
        4 => Register.EAX + number,
        _ => Register.RAX + number,
    };

    private static bool IsHigh8(Register register) => register is Register.AH or Register.CH or Register.DH or Register.BH;

    private bool TryOperand(ref Instruction instruction, int index, OpCodeInfo info, int bitness, bool memory, ref MachineImage image)
    {
        OpCodeOperandKind kind = info.GetOpKind(index);
        int count = bitness == 64 ? 16 : 8;
        switch (kind)
        {
            case OpCodeOperandKind.mem:
            case OpCodeOperandKind.r8_or_mem when memory:
            case OpCodeOperandKind.r16_or_mem when memory:
            case OpCodeOperandKind.r32_or_mem when memory:
            case OpCodeOperandKind.r64_or_mem when memory:
            case OpCodeOperandKind.mm_or_mem when memory:
            case OpCodeOperandKind.xmm_or_mem when memory:
            case OpCodeOperandKind.ymm_or_mem when memory:
                instruction.SetOpKind(index, OpKind.Memory);
                Memory(ref instruction, bitness, ref image);
                return true;
            case OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib64x:
                instruction.SetOpKind(index, OpKind.Memory);
                return VectorMemory(ref instruction, bitness, kind == OpCodeOperandKind.mem_vsib64x, Register.XMM0, ref image);
            case OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y:
                instruction.SetOpKind(index, OpKind.Memory);
                return VectorMemory(ref instruction, bitness, kind == OpCodeOperandKind.mem_vsib64y, Register.YMM0, ref image);
            case OpCodeOperandKind.mem_offs:
                instruction.SetOpKind(index, OpKind.Memory);
                Offset(ref instruction, bitness);
                return true;
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode:
                return Register8(ref instruction, index, bitness);
            case OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode
                or OpCodeOperandKind.r16_reg_mem:
                return Set(ref instruction, index, Register.AX + random.Below(count));
            case OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_opcode
                or OpCodeOperandKind.r32_reg_mem or OpCodeOperandKind.r32_vvvv:
                return Set(ref instruction, index, Register.EAX + random.Below(count));
            case OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_rm or OpCodeOperandKind.r64_opcode
                or OpCodeOperandKind.r64_reg_mem or OpCodeOperandKind.r64_vvvv:
                return Set(ref instruction, index, Register.RAX + random.Below(16));
            case OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm:
                return Set(ref instruction, index, Register.MM0 + random.Below(8));
            case OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_vvvv
                or OpCodeOperandKind.xmm_is4:
                return Set(ref instruction, index, Register.XMM0 + random.Below(count));
            case OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm or OpCodeOperandKind.ymm_vvvv
                or OpCodeOperandKind.ymm_is4:
                return Set(ref instruction, index, Register.YMM0 + random.Below(count));
            case OpCodeOperandKind.seg_reg: return Set(ref instruction, index, Register.ES + random.Below(6));
            case OpCodeOperandKind.cr_reg: return Set(ref instruction, index, random.Pick<Register>([Register.CR0, Register.CR2, Register.CR3, Register.CR4]));
            case OpCodeOperandKind.dr_reg: return Set(ref instruction, index, Register.DR0 + random.Below(8));
            case OpCodeOperandKind.es: return Set(ref instruction, index, Register.ES);
            case OpCodeOperandKind.cs: return Set(ref instruction, index, Register.CS);
            case OpCodeOperandKind.ss: return Set(ref instruction, index, Register.SS);
            case OpCodeOperandKind.ds: return Set(ref instruction, index, Register.DS);
            case OpCodeOperandKind.fs: return Set(ref instruction, index, Register.FS);
            case OpCodeOperandKind.gs: return Set(ref instruction, index, Register.GS);
            case OpCodeOperandKind.al: return Set(ref instruction, index, Register.AL);
            case OpCodeOperandKind.cl: return Set(ref instruction, index, Register.CL);
            case OpCodeOperandKind.ax: return Set(ref instruction, index, Register.AX);
            case OpCodeOperandKind.dx: return Set(ref instruction, index, Register.DX);
            case OpCodeOperandKind.eax: return Set(ref instruction, index, Register.EAX);
            case OpCodeOperandKind.rax: return Set(ref instruction, index, Register.RAX);
            case OpCodeOperandKind.st0: return Set(ref instruction, index, Register.ST0);
            case OpCodeOperandKind.sti_opcode: return Set(ref instruction, index, Register.ST0 + random.Below(8));
            case OpCodeOperandKind.seg_rSI: return String(ref instruction, index, bitness, OpKind.MemorySegRSI, OpKind.MemorySegESI, OpKind.MemorySegSI);
            case OpCodeOperandKind.seg_rDI: return String(ref instruction, index, bitness, OpKind.MemorySegRDI, OpKind.MemorySegEDI, OpKind.MemorySegDI);
            case OpCodeOperandKind.es_rDI: return String(ref instruction, index, bitness, OpKind.MemoryESRDI, OpKind.MemoryESEDI, OpKind.MemoryESDI);
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(index, OpKind.Memory);
                instruction.MemoryBase = bitness == 64 ? Register.RBX : Register.EBX;
                instruction.MemoryIndex = Register.AL;
                image.SetGeneral(Gpr.Rbx, Target(bitness == 64));
                return true;
            default: return Immediate(ref instruction, index, kind, ref image);
        }
    }

    private bool Register8(ref Instruction instruction, int index, int bitness)
    {
        // AH to BH can't be had where another operand asks for a REX prefix; the encoder refuses and the case is drawn again.
        Register register = bitness == 64 ? Register.AL + random.Below(20) : Register.AL + random.Below(8);
        return Set(ref instruction, index, IsHigh8(register) && random.OneIn(2) ? Register.AL : register);
    }

    private static bool Set(ref Instruction instruction, int index, Register register)
    {
        instruction.SetOpKind(index, OpKind.Register);
        instruction.SetOpRegister(index, register);
        return true;
    }

    private bool String(ref Instruction instruction, int index, int bitness, OpKind kind64, OpKind kind32, OpKind kind16)
    {
        // Both operands of MOVS and CMPS have the same address size: the second follows the first.
        bool first = index == 0 || instruction.Op0Kind == OpKind.Register;
        bool small = first ? random.OneIn(6) : instruction.Op0Kind is OpKind.MemoryESEDI or OpKind.MemorySegESI && bitness == 64
            || instruction.Op0Kind is OpKind.MemoryESDI or OpKind.MemorySegSI;
        instruction.SetOpKind(index, bitness == 64 ? (small ? kind32 : kind64) : small ? kind16 : kind32);
        return true;
    }

    private bool Immediate(ref Instruction instruction, int index, OpCodeOperandKind kind, ref MachineImage image)
    {
        ulong value = random.Integer();
        switch (kind)
        {
            case OpCodeOperandKind.imm8 when index > 0 && random.OneIn(2):
                instruction.SetOpKind(index, index == 1 && instruction.Code == Code.Enterw_imm16_imm8 ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                if (instruction.GetOpKind(index) == OpKind.Immediate8_2nd) instruction.Immediate8_2nd = (byte)random.Below(40);
                else instruction.Immediate8 = (byte)random.Below(70);
                return true;
            case OpCodeOperandKind.imm8:
                bool second = index == 1 && instruction.Op0Kind == OpKind.Immediate16;
                instruction.SetOpKind(index, second ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                if (second) instruction.Immediate8_2nd = (byte)value;
                else instruction.Immediate8 = (byte)value;
                return true;
            case OpCodeOperandKind.imm8_const_1:
                instruction.SetOpKind(index, OpKind.Immediate8);
                instruction.Immediate8 = 1;
                return true;
            case OpCodeOperandKind.imm8sex16:
                instruction.SetOpKind(index, OpKind.Immediate8to16);
                instruction.Immediate8to16 = (sbyte)value;
                return true;
            case OpCodeOperandKind.imm8sex32:
                instruction.SetOpKind(index, OpKind.Immediate8to32);
                instruction.Immediate8to32 = (sbyte)value;
                return true;
            case OpCodeOperandKind.imm8sex64:
                instruction.SetOpKind(index, OpKind.Immediate8to64);
                instruction.Immediate8to64 = (sbyte)value;
                return true;
            case OpCodeOperandKind.imm16:
                instruction.SetOpKind(index, OpKind.Immediate16);
                instruction.Immediate16 = (ushort)value;
                return true;
            case OpCodeOperandKind.imm32:
                instruction.SetOpKind(index, OpKind.Immediate32);
                instruction.Immediate32 = (uint)value;
                return true;
            case OpCodeOperandKind.imm32sex64:
                instruction.SetOpKind(index, OpKind.Immediate32to64);
                instruction.Immediate32to64 = (int)value;
                return true;
            case OpCodeOperandKind.imm64:
                instruction.SetOpKind(index, OpKind.Immediate64);
                instruction.Immediate64 = value;
                return true;
            case OpCodeOperandKind.br16_1 or OpCodeOperandKind.br16_2:
                instruction.SetOpKind(index, OpKind.NearBranch16);
                instruction.NearBranch16 = (ushort)BranchTarget(image.Rip, kind == OpCodeOperandKind.br16_1);
                return true;
            case OpCodeOperandKind.br32_1 or OpCodeOperandKind.br32_4:
                instruction.SetOpKind(index, OpKind.NearBranch32);
                instruction.NearBranch32 = (uint)BranchTarget(image.Rip, kind == OpCodeOperandKind.br32_1);
                return true;
            case OpCodeOperandKind.br64_1 or OpCodeOperandKind.br64_4:
                instruction.SetOpKind(index, OpKind.NearBranch64);
                instruction.NearBranch64 = BranchTarget(image.Rip, kind == OpCodeOperandKind.br64_1);
                return true;
            default: return false;
        }
    }

    private ulong BranchTarget(ulong rip, bool near) =>
        near ? rip + (ulong)(long)(random.Below(220) - 100) : rip + (ulong)(int)(random.Next() & 0x0FFF_FFFF);

    private void Offset(ref Instruction instruction, int bitness)
    {
        int size = bitness == 64 ? (random.OneIn(4) ? 4 : 8) : random.OneIn(6) ? 2 : 4;
        ulong target = Target(size == 8);
        instruction.MemoryDisplSize = size;
        instruction.MemoryDisplacement64 = size == 2 ? (ushort)target : size == 4 ? (uint)target : target;
    }

    private void Memory(ref Instruction instruction, int bitness, ref MachineImage image)
    {
        if (Pointers is not null)
        {
            Pointers.Form(ref instruction, random.OneIn(4) ? Target(bitness == 64) : Inside(), bitness == 64);
            return;
        }

        int size = bitness == 64 ? (random.OneIn(6) ? 4 : 8) : random.OneIn(8) ? 2 : 4;
        ulong target = Target(size == 8);
        if (size == 2)
        {
            Memory16(ref instruction);
            return;
        }

        ulong segment = 0;
        if (random.OneIn(10))
        {
            Register prefix = random.Pick<Register>([Register.FS, Register.GS, Register.CS, Register.DS, Register.ES, Register.SS]);
            instruction.SegmentPrefix = prefix;
            if (bitness == 64 && prefix == Register.FS) segment = OracleLayout.FsBase;
            if (bitness == 64 && prefix == Register.GS) segment = OracleLayout.GsBase;
        }

        ulong offset = target - segment;
        int shape = random.Below(10);
        if (shape == 0 && bitness == 64)
        {
            // RIP can only be reached from within 2 GiB: the address is then what it is for the segment.
            instruction.MemoryBase = size == 8 ? Register.RIP : Register.EIP;
            instruction.MemoryDisplSize = size;
            instruction.MemoryDisplacement64 = (uint)target & 0x7FFF_FFFF;
            return;
        }

        if (shape == 1)
        {
            instruction.MemoryDisplSize = size;
            instruction.MemoryDisplacement64 = bitness == 64 ? (ulong)(int)offset : (uint)offset;
            if (size == 4) instruction.MemoryDisplacement64 = (uint)offset;
            if (bitness == 64 && size == 8) instruction.MemoryDisplSize = 8;
            return;
        }

        int count = bitness == 64 ? 16 : 8;
        int displacementSize = random.Below(3);
        long displacement = displacementSize == 0 ? 0 : displacementSize == 1 ? (sbyte)random.Next() : (int)random.Next();
        int scale = 1 << random.Below(4);
        int baseNumber = shape == 2 ? -1 : random.Below(count);
        int indexNumber = shape < 6 ? random.Below(count) : -1;
        if (indexNumber == Gpr.Rsp) indexNumber = -1;
        if (baseNumber < 0 && indexNumber < 0) baseNumber = Gpr.Rbx;
        if (baseNumber < 0) displacementSize = 2;
        ulong rest = offset - (ulong)displacement;
        if (indexNumber >= 0 && (baseNumber < 0 || baseNumber == indexNumber))
        {
            // index * factor = offset - displacement: what doesn't divide goes to the displacement.
            ulong factor = (ulong)scale + (baseNumber < 0 ? 0u : 1u);
            displacementSize = 2;
            displacement = (int)displacement >> 4;
            rest = offset - (ulong)displacement;
            if (size == 4) rest = (uint)rest;
            displacement += (long)(rest % factor);
            image.SetGeneral(indexNumber, rest / factor);
        }
        else if (indexNumber >= 0)
        {
            ulong index = random.OneIn(2) ? random.Integer() : (ulong)random.Below(64);
            image.SetGeneral(indexNumber, index);
            image.SetGeneral(baseNumber, rest - (index * (ulong)scale));
        }
        else
        {
            // The upper half of a register doesn't take part in a 32-bit address.
            image.SetGeneral(baseNumber, size == 4 ? (uint)rest | (random.Next() << 32) : rest);
        }

        if (baseNumber >= 0) instruction.MemoryBase = General(size, baseNumber);
        if (indexNumber >= 0)
        {
            instruction.MemoryIndex = General(size, indexNumber);
            instruction.MemoryIndexScale = scale;
        }

        instruction.MemoryDisplSize = displacementSize == 0 ? 0 : displacementSize == 1 ? 1 : size;
        instruction.MemoryDisplacement64 = size == 4 ? (uint)displacement : (ulong)displacement;
    }

    /// <summary>A base, and a vector of indexes that keep most elements near each other.</summary>
    private bool VectorMemory(ref Instruction instruction, int bitness, bool wideIndex, Register first, ref MachineImage image)
    {
        int count = bitness == 64 ? 16 : 8;
        bool small = bitness != 64 || random.OneIn(6);
        int index = random.Below(count);
        int scale = 1 << random.Below(4);
        ulong target = Target(!small);
        ulong displacement = random.OneIn(2) ? 0 : (ulong)(sbyte)random.Next();
        instruction.MemoryIndex = first + index;
        instruction.MemoryIndexScale = scale;
        int number = random.Below(count);
        instruction.MemoryBase = General(small ? 4 : 8, number);
        instruction.MemoryDisplSize = displacement == 0 ? 0 : 1;
        instruction.MemoryDisplacement64 = small ? (uint)displacement : displacement;
        image.SetGeneral(number, small ? (uint)(target - displacement) : target - displacement);
        Span<ulong> words = stackalloc ulong[4];
        foreach (ref ulong word in words)
        {
            long one = Index(), other = Index();
            word = wideIndex ? (ulong)one : (uint)one | ((ulong)(uint)other << 32);
        }

        image.SetXmm(index, new UInt128(words[1], words[0]));
        if (image.YmmHigh(index) != 0) image.SetYmmHigh(index, new UInt128(words[3], words[2]));
        return true;

        long Index() => random.OneIn(16) ? (long)random.Integer() : (random.Below(0x400) - 0x100) / scale;
    }

    private void Memory16(ref Instruction instruction)
    {
        // 64 KiB are not reachable by user code here: such an operand faults, at the address that is compared.
        instruction.MemoryBase = random.Pick<Register>(_scaled16);
        instruction.MemoryDisplSize = 2;
        instruction.MemoryDisplacement64 = (ushort)random.Next();
    }
}
