using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>Writes the program that a stub is: an ELF file of one page, at a fixed address, without a library, a stack or data of its own.</summary>
internal static unsafe class StubImage
{
    // SAFETY: writes to the page that the caller gives, of StubLayout.CodeBytes; the code is some 400 bytes.
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int CodeStart = 0xC0;

    private const int SysMmap = 9;
    private const int SysPwrite64 = 18;
    private const int SysRtSigreturn = 15;
    private const int SysPrctl = 157;
    private const int SysGetppid = 110;
    private const int SysExitGroup = 231;
    private const int SysFutex = 202;
    private const int FutexWait = 0;
    private const int FutexWake = 1;
    private const int PrSetPdeathsig = 1;
    private const int Sigkill = 9;
    private const int ProtReadWrite = 3;
    private const int MapSharedFixed = 0x11;
    private const int OrdinaryFlags = 0x202;

    // R12 holds the address of the shared pages all the time; what else a turn uses is gone at its end.
    private const HostRegister Shared = HostRegister.R12;

    /// <summary>Writes it.</summary>
    /// <param name="page">A page of zeros.</param>
    /// <param name="start">Where the stub will see the page.</param>
    /// <param name="parent">The process that starts it: the stub ends with it.</param>
    /// <returns>Where the stub's parts lie in the page.</returns>
    public static StubCode Write(byte* page, ulong start, int parent)
    {
        WriteHeaders(page, start);
        CodeEmitter code = new(page + CodeStart);

        // It ends when its parent's thread ends; and at once if that has happened already.
        Call(ref code, SysPrctl, PrSetPdeathsig, Sigkill);
        code.Mov(HostRegister.Rax, SysGetppid);
        code.Syscall();
        code.Cmp(HostRegister.Rax, parent, OperandSize.Dword);
        CodeLabel orphan = default;
        code.Jcc(Condition.NotEqual, ref orphan);
        code.Movabs(Shared, start + StubLayout.CodeBytes);
        code.Mov(HostRegister.Rdi, Shared);
        code.Mov(HostRegister.Rsi, StubLayout.SharedBytes);
        code.Mov(HostRegister.Rdx, ProtReadWrite);
        code.Mov(HostRegister.R10, MapSharedFixed);
        code.Mov(HostRegister.R8, StubLayout.SharedDescriptor);
        code.Xor(HostRegister.R9, HostRegister.R9, OperandSize.Dword);
        code.Mov(HostRegister.Rax, SysMmap);
        code.Syscall();
        code.Cmp(HostRegister.Rax, Shared);
        CodeLabel stand = default;
        code.Jcc(Condition.Equal, ref stand);
        code.Bind(ref orphan);
        code.Mov(HostRegister.Rdi, 1);
        code.Mov(HostRegister.Rax, SysExitGroup);
        code.Syscall();

        // The handler: (int signal, siginfo_t*, ucontext_t*).
        int handler = (int)(code.Position - page);
        code.Movabs(Shared, start + StubLayout.CodeBytes);
        code.Mov(At(StubLayout.Signal), HostRegister.Rdi, OperandSize.Dword);
        code.Mov(At(StubLayout.Context), HostRegister.Rdx);

        // NT, AC and ID are the guest's still, and no signal frame takes them back.
        code.Byte(0x68); // PUSH
        code.Dword(OrdinaryFlags);
        code.Popfq();
        ReadBase(ref code, isGs: false);
        code.Mov(At(StubLayout.FsBase), HostRegister.Rax);
        ReadBase(ref code, isGs: true);
        code.Mov(At(StubLayout.GsBase), HostRegister.Rax);

        TakeSelectors(ref code);

        // The turn goes to the monitor, by a system call that is permitted at this place only: whoever comes by here stands behind it, whatever registers he has.
        code.Bind(ref stand);
        code.Movabs(Shared, start + StubLayout.CodeBytes);
        code.Mov(HostRegister.Rdi, StubLayout.SharedDescriptor);
        code.Lea(HostRegister.Rsi, At(StubLayout.Nothing));
        code.Mov(HostRegister.Rdx, StubLayout.TurnBytes);
        code.Mov(HostRegister.R10, StubLayout.Turn);
        code.Mov(HostRegister.Rax, SysPwrite64);
        int handOver = (int)(code.Position - page);
        code.Syscall();
        code.Movabs(Shared, start + StubLayout.CodeBytes);

        // XCHG is a barrier, so that a monitor that falls asleep now is seen.
        code.Xor(HostRegister.Rax, HostRegister.Rax, OperandSize.Dword);
        Exchange(ref code, StubLayout.StubSleeps);
        code.Cmp(At(StubLayout.MonitorSleeps), 0, OperandSize.Dword);
        CodeLabel wait = default;
        code.Jcc(Condition.Equal, ref wait);
        Futex(ref code, FutexWake, 1);
        code.Bind(ref wait);
        code.Mov(HostRegister.Rcx, At(StubLayout.Spins), OperandSize.Dword);
        CodeLabel spin = new(code.Position);
        CodeLabel turn = default;
        code.Cmp(At(StubLayout.Turn), 0, OperandSize.Dword);
        code.Jcc(Condition.NotEqual, ref turn);
        code.Byte(0xF3); // PAUSE
        code.Byte(0x90);
        code.Dec(HostRegister.Rcx, OperandSize.Dword);
        code.Jcc(Condition.Greater, ref spin);
        CodeLabel sleep = new(code.Position);
        code.Mov(HostRegister.Rax, 1);
        Exchange(ref code, StubLayout.StubSleeps);
        code.Cmp(At(StubLayout.Turn), 0, OperandSize.Dword);
        code.Jcc(Condition.NotEqual, ref turn);
        Futex(ref code, FutexWait, 0);
        code.Jmp(ref sleep);

        code.Bind(ref turn);
        code.Mov(At(StubLayout.StubSleeps), 0, OperandSize.Dword);
        code.Lea(HostRegister.R14, At(StubLayout.FirstCall));
        CodeLabel calls = new(code.Position);
        CodeLabel done = default;
        code.Cmp(At(StubLayout.Calls), 0, OperandSize.Dword);
        code.Jcc(Condition.Equal, ref done);
        LoadArguments(ref code);
        int callSite = (int)(code.Position - page);
        code.Syscall();

        // The key to further system calls is in the fourth and fifth argument: gone before the guest runs.
        code.Mov(new HostOperand(HostRegister.R14, 4 * sizeof(ulong)), 0);
        code.Mov(new HostOperand(HostRegister.R14, 5 * sizeof(ulong)), 0);
        code.Xor(HostRegister.R10, HostRegister.R10, OperandSize.Dword);
        code.Xor(HostRegister.R8, HostRegister.R8, OperandSize.Dword);
        code.Cmp(HostRegister.Rax, -4095);
        CodeLabel failed = default;
        code.Jcc(Condition.AboveOrEqual, ref failed);
        code.Add(HostRegister.R14, StubLayout.CallBytes);
        code.Dec(At(StubLayout.Calls), OperandSize.Dword);
        code.Jmp(ref calls);

        // What the failed one returned stays in its place.
        code.Bind(ref failed);
        code.Mov(new HostOperand(HostRegister.R14, 0), HostRegister.Rax);
        code.Jmp(ref stand);

        code.Bind(ref done);
        code.Cmp(At(StubLayout.Action), (int)StubAction.Run, OperandSize.Dword);
        code.Jcc(Condition.Below, ref stand);
        CodeLabel run = default;
        code.Jcc(Condition.Equal, ref run);
        code.Byte(0x0F); // UD2
        code.Byte(0x0B);
        code.Bind(ref run);
        code.Mov(At(StubLayout.HasRun), 1, OperandSize.Dword);
        code.Mov(HostRegister.Rax, At(StubLayout.FsBase));
        WriteBase(ref code, isGs: false);
        code.Mov(HostRegister.Rax, At(StubLayout.GsBase));
        WriteBase(ref code, isGs: true);
        code.Mov(HostRegister.Rsp, At(StubLayout.Context));
        int restorer = (int)(code.Position - page);
        code.Mov(HostRegister.Rax, SysRtSigreturn);
        code.Syscall();
        return new StubCode { Handler = handler, CallSite = callSite, HandOver = handOver, Restorer = restorer, End = (int)(code.Position - page) };
    }

    /// <summary>Notes the data selectors, and makes them null again where they are not. In no signal frame either.</summary>
    private static void TakeSelectors(ref CodeEmitter code)
    {
        ReadOnlySpan<int> numbers = [3, 0, 4, 5];
        code.Xor(HostRegister.Rcx, HostRegister.Rcx, OperandSize.Dword);
        for (int i = 0; i < numbers.Length; i++)
        {
            // MOV EAX, Sreg
            code.Byte(0x8C);
            code.Byte(0xC0 | (numbers[i] << 3));
            code.Mov(At(StubLayout.Selectors + (2 * i)), HostRegister.Rax, OperandSize.Word);
            code.Or(HostRegister.Rcx, HostRegister.Rax, OperandSize.Dword);
        }

        code.Cmp(HostRegister.Rcx, 0, OperandSize.Dword);
        CodeLabel none = default;
        code.Jcc(Condition.Equal, ref none);
        code.Xor(HostRegister.Rax, HostRegister.Rax, OperandSize.Dword);
        foreach (int number in numbers)
        {
            // MOV Sreg, EAX
            code.Byte(0x8E);
            code.Byte(0xC0 | (number << 3));
        }

        code.Bind(ref none);
    }

    private static HostOperand At(int offset) => new(Shared, offset);

    private static void Call(ref CodeEmitter code, int number, int first, int second)
    {
        code.Mov(HostRegister.Rdi, (uint)first);
        code.Mov(HostRegister.Rsi, (uint)second);
        code.Mov(HostRegister.Rax, (uint)number);
        code.Syscall();
    }

    private static void Futex(ref CodeEmitter code, int operation, int value)
    {
        code.Lea(HostRegister.Rdi, At(StubLayout.Turn));
        code.Mov(HostRegister.Rsi, (uint)operation);
        code.Mov(HostRegister.Rdx, (uint)value);
        code.Xor(HostRegister.R10, HostRegister.R10, OperandSize.Dword);
        code.Mov(HostRegister.Rax, SysFutex);
        code.Syscall();
    }

    /// <summary>XCHG of EAX and a word of the control page, at an offset of at most 127.</summary>
    private static void Exchange(ref CodeEmitter code, int offset)
    {
        code.Byte(0x41);
        code.Byte(0x87);
        code.ModRm((int)HostRegister.Rax, At(offset));
    }

    private static void LoadArguments(ref CodeEmitter code)
    {
        ReadOnlySpan<HostRegister> registers =
            [HostRegister.Rax, HostRegister.Rdi, HostRegister.Rsi, HostRegister.Rdx, HostRegister.R10, HostRegister.R8, HostRegister.R9];
        for (int i = 0; i < registers.Length; i++) code.Mov(registers[i], new HostOperand(HostRegister.R14, i * sizeof(ulong)));
    }

    /// <summary>RDFSBASE or RDGSBASE to RAX.</summary>
    private static void ReadBase(ref CodeEmitter code, bool isGs) => Base(ref code, isGs ? 1 : 0);

    /// <summary>WRFSBASE or WRGSBASE from RAX.</summary>
    private static void WriteBase(ref CodeEmitter code, bool isGs) => Base(ref code, isGs ? 3 : 2);

    private static void Base(ref CodeEmitter code, int number)
    {
        code.Byte(0xF3);
        code.Byte(0x48);
        code.Byte(0x0F);
        code.Byte(0xAE);
        code.Byte(0xC0 | (number << 3));
    }

    /// <summary>ELF header and one program header (System V ABI, chapter 4 and 5): this page, readable and executable.</summary>
    private static void WriteHeaders(byte* page, ulong start)
    {
        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(new Span<byte>(page, identification.Length));
        Put(page, 16, (ushort)2);                 // e_type: ET_EXEC
        Put(page, 18, (ushort)62);                // e_machine: EM_X86_64
        Put(page, 20, 1u);                        // e_version
        Put(page, 24, start + CodeStart);         // e_entry
        Put(page, 32, (ulong)HeaderBytes);        // e_phoff
        Put(page, 52, (ushort)HeaderBytes);       // e_ehsize
        Put(page, 54, (ushort)ProgramHeaderBytes);
        Put(page, 56, (ushort)2);                 // e_phnum
        byte* load = page + HeaderBytes;
        Put(load, 0, 1u);                         // PT_LOAD
        Put(load, 4, 5u);                         // PF_R, PF_X
        Put(load, 16, start);
        Put(load, 24, start);
        Put(load, 32, (ulong)StubLayout.CodeBytes);
        Put(load, 40, (ulong)StubLayout.CodeBytes);
        Put(load, 48, 0x1000UL);
        byte* stack = load + ProgramHeaderBytes;
        Put(stack, 0, 0x6474_E551u);              // PT_GNU_STACK: not executable
        Put(stack, 4, 6u);
    }

    private static void Put<T>(byte* page, int offset, T value)
        where T : unmanaged => MemoryMarshal.Write(new Span<byte>(page + offset, sizeof(T)), in value);
}
