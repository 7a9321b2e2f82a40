using Vitrine.Accelerators.Software.HostCode;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Guest registers that are held in memory: their ways to host registers and back.</summary>
internal sealed class HeldRegisters(BlockContext block, SecondRegister second)
{
    /// <summary>Loads a guest register into a host register.</summary>
    public void Load(HostRegister register, int guest, OperandSize size)
    {
        if (RegisterMap.IsHeld(guest)) block.Asm.Mov(register, Held(guest), size);
        else block.Asm.Mov(register, RegisterMap.Of(guest), size);
    }

    /// <summary>The host register of a guest register; one that is held in memory borrows a free one.</summary>
    /// <param name="guest">The guest's register.</param>
    /// <param name="free">The next free register: <see cref="RegisterMap.First"/>, then <see cref="RegisterMap.Second"/>.</param>
    /// <param name="onlyWritten">It need not be loaded.</param>
    public HostRegister Borrow(int guest, ref HostRegister free, bool onlyWritten)
    {
        if (!RegisterMap.IsHeld(guest)) return RegisterMap.Of(guest);
        HostRegister borrowed = free;
        if (borrowed == RegisterMap.Second) second.Forget();
        free = RegisterMap.Second;
        if (!onlyWritten) block.Asm.Mov(borrowed, Held(guest));
        return borrowed;
    }

    /// <summary>Stores what was written to a borrowed register; nothing for a guest register with a host register of its own.</summary>
    public void GiveBack(int guest, HostRegister borrowed)
    {
        if (RegisterMap.IsHeld(guest)) block.Asm.Mov(Held(guest), borrowed);
    }
}
