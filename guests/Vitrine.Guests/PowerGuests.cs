using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that end the machine in one of its ways.</summary>
public static class PowerGuests
{
    /// <summary>Powers off through ACPI: SLP_TYP of S5 and SLP_EN to the PM1a control register.</summary>
    public static GuestProgram PowerOff(FlatMode mode)
    {
        GuestAssembler guest = new(mode);
        EmitPowerOff(guest);
        return new GuestProgram("power-off", mode, guest.Assemble(), GuestEnd.PowerOff);
    }

    /// <summary>Resets through the reset control register 0xCF9.</summary>
    public static GuestProgram ResetByResetRegister(FlatMode mode)
    {
        GuestAssembler guest = new(mode);
        guest.Out(Ports.ResetControl, 6);
        guest.Stop();
        return new GuestProgram("reset-cf9", mode, guest.Assemble(), GuestEnd.Reset);
    }

    /// <summary>Resets by pulsing output 0 of the keyboard controller.</summary>
    public static GuestProgram ResetByKeyboardController(FlatMode mode)
    {
        GuestAssembler guest = new(mode);
        guest.Out(Ports.KeyboardCommand, 0xFE);
        guest.Stop();
        return new GuestProgram("reset-i8042", mode, guest.Assemble(), GuestEnd.Reset);
    }

    /// <summary>
    /// Loads an IDT of one byte, then lets the accumulator overflow in a division: the divide error, the general-protection
    /// fault and the double fault that follow have no gate.
    /// </summary>
    public static GuestProgram TripleFault(FlatMode mode)
    {
        GuestAssembler guest = new(mode);
        Assembler code = guest.Code;
        guest.LoadIdtr(0, 0);
        code.xor(ecx, ecx);
        code.div(ecx);
        guest.DebugExit(1);
        return new GuestProgram("triple-fault", mode, guest.Assemble(), GuestEnd.TripleFault)
        {
            EmulatingKvmLacks = mode == FlatMode.Real ? "the limit of the real-mode interrupt table" : null,
        };
    }

    internal static void EmitPowerOff(GuestAssembler guest)
    {
        const ushort SleepTypeS5 = 5 << 10;
        const ushort SleepEnable = 1 << 13;
        guest.Code.mov(dx, Ports.Pm1aControl);
        guest.Code.mov(ax, SleepTypeS5 | SleepEnable);
        guest.Code.@out(dx, ax);
        guest.Stop();
    }
}
