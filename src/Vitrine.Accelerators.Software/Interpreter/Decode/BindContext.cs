using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>What a binder may know besides the instruction.</summary>
/// <param name="Mode">The mode of the block.</param>
/// <param name="FlagsDead">A later instruction of the block overwrites the flags that this one sets before anything can see them.</param>
internal readonly record struct BindContext(ExecutionMode Mode, bool FlagsDead = false)
{
    /// <summary>64-bit code.</summary>
    public bool Is64 => (Mode & ExecutionMode.Code64) != 0;
}
