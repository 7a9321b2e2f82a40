using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Forms guest addresses in host registers.</summary>
internal sealed class AddressEmitter(BlockContext block, SecondRegister second)
{
    /// <summary>The offset of an address in a register.</summary>
    /// <param name="address">The address.</param>
    /// <param name="register">One of the two free registers; the other one is changed where the index is held in memory.</param>
    public void Offset(in OperandAddress address, HostRegister register)
    {
        HostRegister other = register == RegisterMap.First ? RegisterMap.Second : RegisterMap.First;
        if (register == RegisterMap.Second || RegisterMap.IsHeld(address.Index)) second.Forget();
        if (address.IsRelative)
        {
            block.Asm.Mov(register, State(CpuOffsets.PageRip));
            block.Asm.Lea(register, new HostOperand(register, (int)address.Displacement));
            return;
        }

        HostRegister @base = address.Base < 0 ? HostRegister.None : RegisterMap.Of(address.Base);
        HostRegister index = address.Index < 0 ? HostRegister.None : RegisterMap.Of(address.Index);
        if (RegisterMap.IsHeld(address.Base)) block.Asm.Mov(@base = register, Held(address.Base));
        if (RegisterMap.IsHeld(address.Index)) block.Asm.Mov(index = other, Held(address.Index));
        if (@base == register && index == HostRegister.None && address.Displacement == 0 && !address.Is32) return;
        HostOperand formed = new(@base, index, address.Scale, (int)address.Displacement);
        block.Asm.Lea(register, formed, address.Is32 ? OperandSize.Dword : OperandSize.Qword);
    }

    /// <summary>The linear address of a place near an operand in a register.</summary>
    /// <param name="address">The operand's address.</param>
    /// <param name="more">How far the place is from it.</param>
    /// <param name="register">One of the two free registers.</param>
    public void Linear(in OperandAddress address, long more, HostRegister register)
    {
        Offset(address with { Displacement = address.Displacement + more }, register);
        if (address.Segment >= 0) block.Asm.Add(register, SegmentBase(address.Segment));
    }
}
