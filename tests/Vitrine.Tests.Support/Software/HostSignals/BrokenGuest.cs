using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.HostSignals;

/// <summary>
/// A guest that runs a routine once, so that it is translated, says that it has, waits, and runs it again. In between a test breaks the routine's host code.
/// </summary>
internal static class BrokenGuest
{
    public const ulong Data = 0x20_0000;
    public const ulong Ready = Data;
    public const ulong Go = Data + 8;

    /// <summary>Three times as long as one copy of it: what the routine's host code begins with.</summary>
    public static byte[] FirstInstruction(uint value) => [0xB8, .. BitConverter.GetBytes(value)];

    /// <summary>The guest that talks through memory.</summary>
    /// <param name="a">Where to.</param>
    /// <param name="routine">What is run twice; it must not return.</param>
    public static void Assemble(Assembler a, Action<Assembler> routine)
    {
        Label start = a.CreateLabel();
        Label wait = a.CreateLabel();
        Label end = a.CreateLabel();
        a.mov(esp, (int)Data + 0x8000);
        a.mov(esi, (int)Data);
        a.call(start);
        a.mov(__byte_ptr[(int)Ready], 1);
        a.Label(ref wait);
        a.cmp(__byte_ptr[(int)Go], 0);
        a.je(wait);
        a.call(start);
        a.Label(ref end);
        a.mov(al, 0);
        a.mov(dx, 0xF4);
        a.@out(dx, al);
        a.Label(ref start);
        routine(a);
        a.ret();
    }

    /// <summary>A routine whose host code begins with <see cref="FirstInstruction"/> and is long enough for any <see cref="RaisingCode"/>.</summary>
    public static void Moves(Assembler a, uint value)
    {
        for (int i = 0; i < 3; i++) a.mov(eax, value);
    }
}
