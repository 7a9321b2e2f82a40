using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that take interrupts of the 8254 through the 8259s.</summary>
public static class InterruptGuests
{
    private const byte Ticks = 10;

    // 1,193,182 Hz / 1193 is 1 kHz.
    private const ushort Divisor = 1193;

    /// <summary>Counts ten ticks of IRQ 0 in a loop that polls the count, then leaves with the count.</summary>
    public static GuestProgram CountTicks(FlatMode mode) => Build("count-ticks", mode, halt: false);

    /// <summary>Counts ten ticks of IRQ 0, each of which wakes the processor from HLT, then leaves with the number of wake-ups.</summary>
    public static GuestProgram HaltUntilTick(FlatMode mode) => Build("halt-until-tick", mode, halt: true);

    private static GuestProgram Build(string name, FlatMode mode, bool halt)
    {
        const byte Channel0LowHighRateGenerator = 0x34;
        GuestAssembler guest = new(mode);
        Assembler code = guest.Code;
        Mark handler = guest.NewLabel();
        code.cli();
        guest.SetGate(GuestAssembler.Irq0Vector, handler);
        guest.LoadInterruptTable();
        guest.RemapInterruptControllers(mask1: 0xFE);
        guest.Out(Ports.PitCommand, Channel0LowHighRateGenerator);
        guest.Out(Ports.Pit0, Divisor & 0xFF);
        guest.Out(Ports.Pit0, Divisor >> 8);
        code.xor(ebx, ebx);
        code.xor(ecx, ecx);
        Mark wait = guest.NewLabel();
        if (halt)
        {
            // STI takes effect after the next instruction, so no tick can get lost between the test and HLT.
            guest.Place(wait);
            code.cli();
            code.cmp(ecx, Ticks);
            Mark done = guest.NewLabel();
            code.jae(done);
            code.sti();
            code.hlt();
            code.inc(ecx);
            code.jmp(wait);
            guest.Place(done);
            code.mov(eax, ecx);
        }
        else
        {
            code.sti();
            guest.Place(wait);
            code.cmp(ebx, Ticks);
            code.jb(wait);
            code.cli();
            code.mov(eax, ebx);
        }

        guest.DebugExit();

        guest.Place(handler);
        guest.PushAccumulator();

        // A tick that comes between the loop's last look and its CLI, on a processor that was kept waiting, is one too many.
        Mark enough = guest.NewLabel();
        code.cmp(ebx, Ticks);
        code.jae(enough);
        code.inc(ebx);
        guest.Place(enough);
        guest.EndOfInterrupt();
        guest.PopAccumulator();
        guest.InterruptReturn();
        return new GuestProgram(name, mode, guest.Assemble(), GuestEnd.DebugExit)
        {
            ExitValue = Ticks,
            EmulatingKvmLacks = mode == FlatMode.Protected ? "IRETD in protected mode" : null,
        };
    }
}
