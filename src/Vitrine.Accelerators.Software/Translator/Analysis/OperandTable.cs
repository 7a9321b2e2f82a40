using Iced.Intel;
using static Iced.Intel.OpCodeOperandKind;
using static Vitrine.Accelerators.Software.Translator.Analysis.InstructionTraits;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>
/// Where instructions have their operands, and which of them the translator can replace. An instruction with any other is interpreted.
/// </summary>
internal static class OperandTable
{
    private const InstructionTraits Nothing = InstructionTraits.None;

    // Traits: of an instruction with such an operand. Written: added where the instruction writes the operand.
    private static readonly Row[] s_rows =
    [
        //  traits                                       written     immediate   operands
        new(HasModRm | RmIsGeneral | RmIsByte,           WritesRm,   0, r8_or_mem),
        new(HasModRm | RmIsGeneral,                      WritesRm,   0, r16_or_mem, r32_or_mem, r64_or_mem, r16_rm, r32_rm, r64_rm),
        new(HasModRm,                                    WritesRm,   0, mem),
        new(HasModRm | IsVector,                         WritesRm,   0, xmm_or_mem, ymm_or_mem, xmm_rm, ymm_rm),
        new(HasModRm | IsX87 | IsMmx,                    WritesRm,   0, mm_rm, mm_or_mem),
        new(HasModRm | RegIsGeneral | RegIsByte,         WritesReg,  0, r8_reg),
        new(HasModRm | RegIsGeneral,                     WritesReg,  0, r16_reg, r32_reg, r64_reg),
        new(HasModRm | IsVector,                         Nothing,    0, xmm_reg, ymm_reg),
        new(HasModRm | IsX87 | IsMmx,                    Nothing,    0, mm_reg),
        new(HasOpcodeRegister | RegIsByte,               WritesReg,  0, r8_opcode),
        new(HasOpcodeRegister,                           WritesReg,  0, r16_opcode, r32_opcode, r64_opcode),
        new(VvvvIsGeneral,                               WritesVvvv, 0, r32_vvvv, r64_vvvv),
        new(IsVector,                                    Nothing,    0, xmm_vvvv, ymm_vvvv),
        new(IsVector | ImmediateIsRegister,              Nothing,    1, xmm_is4, ymm_is4),
        new(IsX87,                                       Nothing,    0, st0, sti_opcode),
        new(Nothing,                                     Nothing,    1, imm8, imm8sex16, imm8sex32, imm8sex64),
        new(Nothing,                                     Nothing,    2, imm16),
        new(Nothing,                                     Nothing,    4, imm32, imm32sex64),
        new(Nothing,                                     Nothing,    8, imm64),
        new(Nothing,                                     Nothing,    0, imm8_const_1, al, cl, ax, eax, rax, mem_offs),
        new(Nothing,                                     Nothing,    0, br16_1, br32_1, br64_1, br16_2, br32_4, br64_4),
    ];

    /// <summary>Looks an operand up.</summary>
    /// <param name="operand">The operand.</param>
    /// <param name="isWritten">The instruction writes it.</param>
    /// <param name="traits">What it says of the instruction.</param>
    /// <param name="immediateBytes">Bytes of an immediate.</param>
    /// <returns>False for one that isn't replaced.</returns>
    public static bool TryFind(OpCodeOperandKind operand, bool isWritten, out InstructionTraits traits, out int immediateBytes)
    {
        foreach (Row row in s_rows)
        {
            if (!row.Operands.Contains(operand)) continue;
            traits = row.Traits | (isWritten ? row.Written : Nothing);
            immediateBytes = row.ImmediateBytes;
            return true;
        }

        (traits, immediateBytes) = (Nothing, 0);
        return false;
    }

    private sealed record Row(
        InstructionTraits Traits, InstructionTraits Written, int ImmediateBytes, params OpCodeOperandKind[] Operands);
}
