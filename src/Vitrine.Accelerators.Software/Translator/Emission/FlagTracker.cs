using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Analysis;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Where the guest's arithmetic flags are at each point of a block, and their way to memory and back.</summary>
/// <remarks>
/// They are the host's within a block. The check of an access destroys them, so they are saved before it if they are still wanted, and at
/// the end of every block: between blocks they are in <see cref="CpuState.PackedFlags"/>.
/// </remarks>
internal sealed class FlagTracker(BlockContext block, FlagLiveness liveness)
{
    /// <summary>Where they are.</summary>
    public FlagsPlace Place { get; set; }

    /// <summary>Begins a block.</summary>
    public void Begin() => Place = FlagsPlace.Memory;

    /// <summary>Saves the flags, if they are not in memory. Changes no flag and only <see cref="RegisterMap.First"/>.</summary>
    public void Save()
    {
        if (Place != FlagsPlace.Host) return;
        block.Asm.Mov(RegisterMap.First, HostRegister.Rax);
        block.Asm.Lahf();
        block.Asm.Set(Condition.Overflow, HostRegister.Rax);
        block.Asm.Mov(State(CpuOffsets.PackedFlags), HostRegister.Rax, OperandSize.Word);
        block.Asm.Mov(HostRegister.Rax, RegisterMap.First);
        Place = FlagsPlace.Both;
    }

    /// <summary>Brings the flags back, if they are only in memory. Changes only <see cref="RegisterMap.First"/>.</summary>
    public void Restore()
    {
        const int OverflowsOne = 0x7F;
        if (Place != FlagsPlace.Memory) return;
        block.Asm.Mov(RegisterMap.First, HostRegister.Rax);
        block.Asm.Movzx(HostRegister.Rax, State(CpuOffsets.PackedFlags), OperandSize.Word);
        block.Asm.Add(HostRegister.Rax, OverflowsOne, OperandSize.Byte);
        block.Asm.Sahf();
        block.Asm.Mov(HostRegister.Rax, RegisterMap.First);
        Place = FlagsPlace.Both;
    }

    /// <summary>
    /// Before emitted code of an instruction that destroys the host's flags: saves them if somebody wants them afterwards.
    /// </summary>
    public void Lose(int i)
    {
        if (liveness.Before(i) != 0) Save();
        Place = FlagsPlace.Memory;
    }

    /// <summary>Before an instruction is copied: brings back the flags that it reads or leaves as they are.</summary>
    public void Prepare(int i)
    {
        RflagsBits modified = liveness.Modified(i);
        RflagsBits read = liveness.Read(i);
        if (modified == 0 && read == 0) return;
        RflagsBits kept = InstructionShapes.Of(block.Instructions[i].Code).MayKeepFlags ? liveness.After(i) : liveness.After(i) & ~modified;
        if ((read | (modified == 0 ? 0 : kept)) != 0) Restore();
    }

    /// <summary>After an instruction was copied.</summary>
    public void Note(int i)
    {
        if (liveness.Modified(i) != 0) Place = FlagsPlace.Host;
    }
}
