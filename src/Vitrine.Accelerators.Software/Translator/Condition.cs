namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Condition codes as opcodes have them in their low four bits (SDM vol. 1, appendix B).</summary>
internal static class Condition
{
    public const int Below = 2;
    public const int AboveOrEqual = 3;
    public const int Equal = 4;
    public const int NotEqual = 5;
    public const int BelowOrEqual = 6;
    public const int Above = 7;
    public const int LessOrEqual = 0xE;
    public const int Greater = 0xF;
}
