using System.Globalization;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Tests.Software.HostCode;

/// <summary>
/// Decoded instructions as text, with everything that counts: registers by Iced's names, memory as its size in bytes and its address,
/// constants as signed numbers. The same for what an emitter is called with.
/// </summary>
internal static class InstructionText
{
    // In the order of the encodings, as Iced's mnemonics have them.
    private static readonly string[] s_conditions =
        ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];

    /// <summary>An instruction.</summary>
    public static string Of(in Instruction instruction)
    {
        string text = (instruction.HasRepPrefix ? "rep " : "") + Lower(instruction.Mnemonic);
        for (int i = 0; i < instruction.OpCount; i++) text += (i == 0 ? " " : ", ") + Operand(in instruction, i);
        return text;
    }

    /// <summary>A general register.</summary>
    public static string Name(HostRegister register, OperandSize size)
    {
        int number = (int)register;
        return Lower(size switch
        {
            OperandSize.Byte => number < 4 ? Register.AL + number : number < 8 ? Register.SPL + (number - 4) : Register.R8L + (number - 8),
            OperandSize.Word => Register.AX + number,
            OperandSize.Dword => Register.EAX + number,
            _ => Register.RAX + number,
        });
    }

    /// <summary>A memory operand.</summary>
    /// <param name="memory">Its address.</param>
    /// <param name="bytes">Its size; 0 where the instruction has none.</param>
    public static string Name(HostOperand memory, int bytes) => Memory(
        memory.Base == HostRegister.None ? "" : Name(memory.Base, OperandSize.Qword),
        memory.Index == HostRegister.None ? "" : Name(memory.Index, OperandSize.Qword),
        1 << memory.Scale,
        memory.Displacement,
        bytes);

    /// <summary>A condition, as mnemonics end with it.</summary>
    public static string Name(Condition condition) => s_conditions[(int)condition];

    /// <summary>A size, as the mnemonics of strings end with it.</summary>
    public static char Suffix(OperandSize size) => "bwdq"[(int)size];

    private static string Operand(in Instruction instruction, int operand) => instruction.GetOpKind(operand) switch
    {
        OpKind.Register => Lower(instruction.GetOpRegister(operand)),
        OpKind.Memory => Memory(
            instruction.MemoryBase == Register.None ? "" : Lower(instruction.MemoryBase),
            instruction.MemoryIndex == Register.None ? "" : Lower(instruction.MemoryIndex),
            instruction.MemoryIndexScale,
            (long)instruction.MemoryDisplacement64,
            instruction.MemorySize.GetSize()),
        OpKind.MemoryESRDI => "rdi",
        OpKind.MemorySegRSI => "rsi",
        OpKind.Immediate8 => Number((sbyte)instruction.Immediate8),
        OpKind.Immediate16 => Number((short)instruction.Immediate16),
        OpKind.Immediate32 => Number((int)instruction.Immediate32),
        _ => Number((long)instruction.GetImmediate(operand)),
    };

    private static string Memory(string @base, string index, int scale, long displacement, int bytes) => string.Create(
        CultureInfo.InvariantCulture, $"{bytes}[{@base}{(index.Length == 0 ? "" : $"+{index}*{scale}")}{displacement:+0;-0}]");

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Lower<T>(T name)
        where T : struct, Enum => name.ToString().ToLowerInvariant();
}
