using Iced.Intel;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>General registers by their numbers, computed from the order that Iced names them in: its own table is asked several times for each instruction otherwise.</summary>
internal static class GeneralRegister
{
    /// <summary>The number of the general register that a register is, or is a part of; -1 for any other, and for none.</summary>
    public static int NumberOf(Register register) => register switch
    {
        >= Register.RAX and <= Register.R15 => register - Register.RAX,
        >= Register.EAX and <= Register.R15D => register - Register.EAX,
        >= Register.AX and <= Register.R15W => register - Register.AX,
        >= Register.SPL and <= Register.R15L => register - Register.SPL + (Register.SP - Register.AX),
        >= Register.AH and <= Register.BH => register - Register.AH,
        >= Register.AL and <= Register.BL => register - Register.AL,
        _ => -1,
    };

    /// <summary>AH, CH, DH or BH.</summary>
    public static bool IsHighByte(Register register) => register is >= Register.AH and <= Register.BH;
}
