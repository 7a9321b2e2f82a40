using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that touch addresses where nothing answers. Each leaves with 0 when every read gave all ones.</summary>
public static class BusGuests
{
    private const uint Hole = 0xD000_0000;

    /// <summary>Writes an unclaimed port and reads it with 8, 16 and 32 bits.</summary>
    public static GuestProgram UnclaimedPort(FlatMode mode)
    {
        GuestAssembler guest = new(mode);
        Assembler code = guest.Code;
        code.mov(dx, Ports.Unclaimed);
        code.mov(eax, 0x1234_5678);
        code.@out(dx, eax);
        code.xor(eax, eax);
        code.@in(al, dx);
        code.xor(eax, 0xFF);
        code.mov(ebx, eax);
        code.xor(eax, eax);
        code.@in(ax, dx);
        code.xor(eax, 0xFFFF);
        code.or(ebx, eax);
        code.xor(eax, eax);
        code.@in(eax, dx);
        code.not(eax);
        code.or(ebx, eax);
        code.setne(al);
        guest.DebugExit();
        return new GuestProgram("unclaimed-port", mode, guest.Assemble(), GuestEnd.DebugExit) { ExitValue = 0 };
    }

    /// <summary>Writes an address in the hole below 4 GiB and reads it with 8, 16 and 32 bits, in 64-bit mode also with 64.</summary>
    public static GuestProgram UnclaimedMemory(FlatMode mode)
    {
        GuestAssembler guest = new(mode);
        Assembler code = guest.Code;
        if (mode == FlatMode.Long)
        {
            code.mov(esi, Hole);
            Probe(code, __byte_ptr[rsi], __word_ptr[rsi], __dword_ptr[rsi]);
            code.mov(rax, __qword_ptr[rsi]);
            code.not(rax);
            code.or(rbx, rax);
        }
        else
        {
            code.mov(esi, Hole);
            Probe(code, __byte_ptr[esi], __word_ptr[esi], __dword_ptr[esi]);
        }

        code.setne(al);
        guest.DebugExit();
        return new GuestProgram("unclaimed-memory", mode, guest.Assemble(), GuestEnd.DebugExit) { ExitValue = 0 };
    }

    private static void Probe(Assembler code, AssemblerMemoryOperand bytePtr, AssemblerMemoryOperand wordPtr, AssemblerMemoryOperand dwordPtr)
    {
        code.mov(eax, 0x1234_5678);
        code.mov(dwordPtr, eax);
        code.movzx(eax, bytePtr);
        code.xor(eax, 0xFF);
        code.mov(ebx, eax);
        code.movzx(eax, wordPtr);
        code.xor(eax, 0xFFFF);
        code.or(ebx, eax);
        code.mov(eax, dwordPtr);
        code.not(eax);
        code.or(ebx, eax);
    }
}
