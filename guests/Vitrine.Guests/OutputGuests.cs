using System.Text;
using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that move bytes through ports.</summary>
public static class OutputGuests
{
    /// <summary>Greets on the serial port and leaves through the debug-exit port with a given value.</summary>
    public static GuestProgram Hello(FlatMode mode, byte exitValue = 42)
    {
        string text = $"Hello from {mode} mode\n";
        GuestAssembler guest = new(mode);
        guest.Print(text);
        guest.DebugExit(exitValue);
        return new GuestProgram("hello", mode, guest.Assemble(), GuestEnd.DebugExit) { Serial = text, ExitValue = exitValue };
    }

    /// <summary>
    /// Sends text with REP OUTSB, then reads four bytes of an unclaimed port with REP INSB and leaves with the last one.
    /// </summary>
    public static GuestProgram StringIo(FlatMode mode)
    {
        const string Text = "REP OUTSB\n";
        const ushort Buffer = 0x7000;
        GuestAssembler guest = new(mode);
        Assembler code = guest.Code;
        code.cld();
        guest.LoadSource(guest.Data(Encoding.ASCII.GetBytes(Text)));
        code.mov(ecx, Text.Length);
        code.mov(dx, Ports.Serial);
        code.rep.outsb();
        code.mov(edi, Buffer);
        code.mov(ecx, 4);
        code.mov(dx, Ports.Unclaimed);
        code.rep.insb();
        // Zero unless EDI went on by four bytes and all of them are ones.
        code.mov(ebx, edi);
        code.sub(ebx, Buffer + 4);
        code.mov(eax, __dword_ptr[Buffer]);
        code.not(eax);
        code.or(eax, ebx);
        code.setne(al);
        guest.DebugExit();
        return new GuestProgram("string-io", mode, guest.Assemble(), GuestEnd.DebugExit) { Serial = Text, ExitValue = 0 };
    }
}
