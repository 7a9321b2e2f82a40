using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>
/// What the manual leaves to the processor, asked of the host's: translated code gets the host's answer, so the interpreter gives the same.
/// A few functions of machine code, made once in the process, which touch registers and a buffer of the caller's only, and can't fault.
/// </summary>
internal static unsafe class HostAnswers
{
    // SAFETY: the code stays for as long as the process lives; images have X87ImageBytes.

    /// <summary>Bytes of the state that FNSAVE writes for 32-bit protected mode (SDM vol. 1, figure 8-9).</summary>
    public const int X87ImageBytes = 108;

    // The two-byte opcodes D9 F0 to D9 FF.
    private const int FirstFunction = 0xF0;
    private const int Functions = 16;
    private const int MemoryBytes = 4096;

    private static readonly byte*[] s_functions = new byte*[Functions];
    private static readonly delegate* unmanaged[SuppressGCTransition]<uint, uint, uint, ulong> s_shiftLeft;
    private static readonly delegate* unmanaged[SuppressGCTransition]<uint, uint, uint, ulong> s_shiftRight;

    static HostAnswers()
    {
        if (!ExecutableMemory.IsSupported) return;
        ExecutableMemory memory;
        try
        {
            memory = ExecutableMemory.Create(MemoryBytes);
        }
        catch (VitrineException)
        {
            // A host without memory for code has no translator to agree with either.
            return;
        }

        byte* position = memory.Writable;
        nint toExecutable = (nint)(memory.Executable - memory.Writable);
        for (int i = 0; i < Functions; i++)
        {
            // FRSTOR [RDI]; the function; FNSAVE [RDI], which doesn't wait for an exception that it has, and initializes.
            s_functions[i] = Write(ref position, toExecutable, [0xDD, 0x27, 0xD9, (byte)(FirstFunction + i), 0xDD, 0x37]);
        }

        s_shiftLeft = (delegate* unmanaged[SuppressGCTransition]<uint, uint, uint, ulong>)WriteShift(ref position, toExecutable, 0xA5);
        s_shiftRight = (delegate* unmanaged[SuppressGCTransition]<uint, uint, uint, ulong>)WriteShift(ref position, toExecutable, 0xAD);

        // FNINIT; FLD1; FCHS; FXAM, which sets C1; FCOMI ST(0), ST(0); FNSTSW AX; FNINIT
        byte* compare = Write(ref position, toExecutable, [0xDB, 0xE3, 0xD9, 0xE8, 0xD9, 0xE0, 0xD9, 0xE5, 0xDB, 0xF0, 0xDF, 0xE0, 0xDB, 0xE3]);
        CompareToFlagsKeepsC1 = (((delegate* unmanaged<ulong>)compare)() & 0x200) != 0;

        // XOR ECX, ECX; MOV RAX, -1; BSF EAX, ECX
        byte* scan = Write(ref position, toExecutable, [0x31, 0xC9, 0x48, 0xC7, 0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0xBC, 0xC1]);
        ScanOfZeroClearsUpperHalf = ((delegate* unmanaged<ulong>)scan)() >> 32 == 0;
        AreKnown = true;
    }

    /// <summary>The host's processor can be asked. Where it can't there is no translator either, and models answer.</summary>
    public static bool AreKnown { get; }

    /// <summary>
    /// FCOMI and its kin leave C1 as it was, as AMD's processors do; Intel's manual has them clear it (SDM vol. 2, FCOMI).
    /// </summary>
    public static bool CompareToFlagsKeepsC1 { get; }

    /// <summary>
    /// BSF and BSR of 32 bits with a zero source, which leaves the destination undefined, clear the upper half of the 64-bit register; else
    /// they leave it (SDM vol. 2, BSF).
    /// </summary>
    public static bool ScanOfZeroClearsUpperHalf { get; }

    /// <summary>Executes an x87 function without operands, D9 F0 to D9 FF.</summary>
    /// <param name="opcode">Its second byte.</param>
    /// <param name="image">
    /// The state before and after, as FNSAVE writes it. No exception may be pending before; one that is after raises nothing.
    /// </param>
    public static void Execute(byte opcode, byte* image) =>
        ((delegate* unmanaged[SuppressGCTransition]<byte*, void>)s_functions[opcode - FirstFunction])(image);

    /// <summary>SHLD and SHRD of 16 bits, for counts of more than that (SDM vol. 2, SHLD: undefined).</summary>
    /// <param name="left">SHLD.</param>
    /// <param name="a">The destination.</param>
    /// <param name="b">The register that bits come from.</param>
    /// <param name="count">The count.</param>
    /// <param name="flags">RFLAGS afterwards, of which the arithmetic flags count.</param>
    /// <returns>The result.</returns>
    public static ushort DoubleShift(bool left, ulong a, ulong b, int count, out ulong flags)
    {
        ulong answer = left ? s_shiftLeft((ushort)a, (ushort)b, (uint)count) : s_shiftRight((ushort)a, (ushort)b, (uint)count);
        flags = answer >> 16;
        return (ushort)answer;
    }

    // MOV EAX, EDI; MOV ECX, EDX; SHxD AX, SI, CL; PUSHFQ; POP RDX; SHL RDX, 16; MOVZX EAX, AX; OR RAX, RDX
    private static byte* WriteShift(ref byte* position, nint toExecutable, byte opcode) => Write(
        ref position, toExecutable,
        [0x89, 0xF8, 0x89, 0xD1, 0x66, 0x0F, opcode, 0xF0, 0x9C, 0x5A, 0x48, 0xC1, 0xE2, 0x10, 0x0F, 0xB7, 0xC0, 0x48, 0x09, 0xD0]);

    private static byte* Write(ref byte* position, nint toExecutable, ReadOnlySpan<byte> code)
    {
        const byte Return = 0xC3;
        byte* start = position + toExecutable;
        foreach (byte value in code) *position++ = value;
        *position++ = Return;
        return start;
    }
}
