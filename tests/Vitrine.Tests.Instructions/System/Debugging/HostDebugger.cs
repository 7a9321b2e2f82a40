using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.X86.Registers;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Debugging;

/// <summary>
/// The host CPU runs a program as a child that is traced, with hardware breakpoints, to its first signal. The tracer is the thread that starts the child.
/// </summary>
internal static partial class HostDebugger
{
    private const ulong Base = 0x40_0000;
    private const ulong Operand = Base + DebugProgram.Operand;
    private const int HeaderSize = 64 + 56;
    private const int ImageSize = 0x1_0000;
    private const int ProgramOffset = 0x1000;

    /// <summary>Where the program begins.</summary>
    public const ulong Start = Base + ProgramOffset;

    private const int PeekUser = 3;
    private const int PokeUser = 6;
    private const int Continue = 7;
    private const int KillSignal = 9;

    // In struct user.
    private const nint Rip = 16 * 8;
    private const nint DebugRegisters = 848;

    /// <summary>Signal, RIP and the breakpoints in DR6 where the program stopped first; signal 0 when it ended without. Null where the host refuses.</summary>
    public static (int Signal, ulong Rip, ulong Dr6)? Run(DebugInstruction[] program, int ending, ulong armed)
    {
        string path = Path.Combine(Path.GetTempPath(), $"vitrine-debug-{Guid.NewGuid():n}");
        File.WriteAllBytes(path, Image(program));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            // Not by Process, which waits for its children too. Another thread's child may for a moment have the file open for writing.
            const int TextBusy = 26;
            nint[] arguments = [Marshal.StringToCoTaskMemUTF8(path), 0];
            int error;
            int child;
            do
            {
                error = Spawn(out child, path, 0, 0, arguments, [0]);
            }
            while (error == TextBusy);
            Marshal.FreeCoTaskMem(arguments[0]);
            if (error != 0) throw new InvalidOperationException($"The program was not started: {error}.");
            (int Signal, ulong Rip, ulong Dr6)? stopped = Trace(child, Start + (ulong)program.Take(ending).Sum(static instruction => instruction.Bytes.Length), armed);
            if (stopped is not { Signal: 0 })
            {
                Signal(child, KillSignal);
                Wait(child);
            }

            return stopped;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (int Signal, ulong Rip, ulong Dr6)? Trace(int child, ulong breakpoint, ulong armed)
    {
        const int Breakpoint = 5;
        if (Wait(child) != Breakpoint) return null;
        ulong dr7 = 0;
        (ulong Address, ulong Bits)[] breakpoints = [(Operand, Dr7.L0 | (3UL << 16) | (1UL << 18)), (breakpoint, Dr7.L0 << 2)];
        for (int i = 0; i < breakpoints.Length; i++)
        {
            if ((armed & (Dr6.B0 << i)) == 0) continue;
            dr7 |= breakpoints[i].Bits;
            if (Request(PokeUser, child, DebugRegisters + (8 * i), (nint)breakpoints[i].Address) != 0) return null;
        }

        if (Request(PokeUser, child, DebugRegisters + (8 * 7), (nint)dr7) != 0 || Request(Continue, child, 0, 0) != 0) return null;
        int signal = Wait(child);
        return signal == 0 ? (0, 0, 0) : (signal, Peek(child, Rip), Peek(child, DebugRegisters + (8 * 6)) & Dr6.BMask);
    }

    /// <summary>The signal that stopped the child, 0 when it has ended.</summary>
    private static int Wait(int child)
    {
        const int Interrupted = 4;
        int got;
        int status;
        do
        {
            got = WaitFor(child, out status, 0);
        }
        while (got < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        return got == child && (status & 0xFF) == 0x7F ? (status >> 8) & 0xFF : 0;
    }

    // The library's function returns the word, which the system call stores.
    private static ulong Peek(int child, nint offset) => (ulong)Request(PeekUser, child, offset, 0);

    private static byte[] Image(DebugInstruction[] program)
    {
        const int PtraceCall = 101;
        const int ExitGroup = 231;
        Assembler a = new(64);
        a.mov(eax, ss);
        a.mov(ebp, eax);
        a.mov(__word_ptr[(long)Operand], ax);
        a.mov(__word_ptr[(long)Operand + 4], ax);
        a.mov(ebx, (int)DebugMachine.Nowhere);
        a.mov(eax, PtraceCall);
        a.xor(edi, edi);
        a.syscall();
        a.int3();
        a.jmp(Start);
        byte[] image = new byte[ImageSize];
        Header(image);
        using MemoryStream code = new();
        a.Assemble(new StreamCodeWriter(code), Base + HeaderSize);
        code.ToArray().CopyTo(image, HeaderSize);
        Assembler end = new(64);
        end.xor(edi, edi);
        end.mov(eax, ExitGroup);
        end.syscall();
        using MemoryStream behind = new();
        end.Assemble(new StreamCodeWriter(behind), Start);
        byte[] body = [.. program.SelectMany(static instruction => Relocate(instruction.Bytes)), .. behind.ToArray()];
        body.CopyTo(image, ProgramOffset);
        return image;
    }

    // Programs for the host don't have the lowest pages: the operand is elsewhere.
    private static byte[] Relocate(byte[] instruction)
    {
        byte[] bytes = [.. instruction];
        Span<byte> old = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(old, (uint)DebugProgram.Operand);
        int place = bytes.AsSpan().IndexOf(old);
        if (place >= 0) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(place), (uint)Operand);
        return bytes;
    }

    private static void Header(Span<byte> image)
    {
        ReadOnlySpan<byte> identity = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(image);
        ReadOnlySpan<(int Offset, ulong Value, int Size)> fields =
        [
            (16, 2, 2), (18, 62, 2), (20, 1, 4), (24, Base + HeaderSize, 8), (32, 64, 8), (52, 64, 2), (54, 56, 2), (56, 1, 2),
            (64, 1, 4), (68, 7, 4), (80, Base, 8), (88, Base, 8), (96, ImageSize, 8), (104, ImageSize, 8), (112, 0x1000, 8),
        ];
        foreach ((int offset, ulong value, int size) in fields)
        {
            for (int i = 0; i < size; i++) image[offset + i] = (byte)(value >> (8 * i));
        }
    }

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial nint Request(nint request, int child, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int child, string path, nint actions, nint attributes, nint[] arguments, nint[] environment);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int child, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitFor(int child, out int status, int options);
}
