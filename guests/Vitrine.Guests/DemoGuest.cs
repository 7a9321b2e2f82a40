using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>
/// The guest of the demo when no kernel can be had: it needs no file, and the command has it assembled as a part of itself. Greets on the serial port, echoes what is typed,
/// and powers off on "q". It sleeps in HLT and is woken by the serial port's interrupt.
/// </summary>
public static class DemoGuest
{
    private const string Greeting =
        "This is a guest of 64-bit code that comes with Vitrine: no kernel, no files.\r\n" +
        "What you type comes back through the 16550's receive interrupt, IRQ 4. Type q to power off.\r\n";

    /// <summary>Assembles it.</summary>
    public static GuestProgram Create()
    {
        const byte ReceivedDataInterrupt = 1;
        const byte DtrRtsOut2 = 0x0B;
        const byte DataReady = 1;
        const byte SerialIrq = 4;
        GuestAssembler guest = new(FlatMode.Long);
        Assembler code = guest.Code;
        Mark handler = guest.NewLabel();
        Mark powerOff = guest.NewLabel();
        guest.SetGate(GuestAssembler.Irq0Vector + SerialIrq, handler);
        guest.LoadInterruptTable();
        guest.RemapInterruptControllers(mask1: 0xFF ^ (1 << SerialIrq));
        guest.Print(Greeting);
        guest.Out(Ports.SerialModemControl, DtrRtsOut2);
        guest.Out(Ports.SerialInterruptEnable, ReceivedDataInterrupt);
        code.sti();
        Mark sleep = guest.Here();
        code.hlt();
        code.jmp(sleep);

        guest.Place(handler);
        code.push(rax);
        code.push(rdx);
        Mark next = guest.Here();
        Mark done = guest.NewLabel();
        code.mov(dx, Ports.SerialLineStatus);
        code.@in(al, dx);
        code.test(al, DataReady);
        code.je(done);
        code.mov(dx, Ports.Serial);
        code.@in(al, dx);
        code.cmp(al, (byte)'q');
        code.je(powerOff);
        guest.Out(Ports.Serial);
        code.cmp(al, (byte)'\r');
        code.jne(next);
        guest.Out(Ports.Serial, (byte)'\n');
        code.jmp(next);
        guest.Place(done);
        guest.EndOfInterrupt();
        code.pop(rdx);
        code.pop(rax);
        code.iretq();

        guest.Place(powerOff);
        guest.Print("\r\nPowering off through ACPI.\r\n");
        PowerGuests.EmitPowerOff(guest);
        return new GuestProgram("demo", FlatMode.Long, guest.Assemble(), GuestEnd.PowerOff) { Serial = Greeting };
    }
}
