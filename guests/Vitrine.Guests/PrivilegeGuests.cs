using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>Guests that leave ring 0 and come back.</summary>
public static class PrivilegeGuests
{
    private const uint Gdt = 0x2_0000;

    /// <summary>
    /// Enters 64-bit ring 3 by IRETQ, comes back by SYSCALL, returns by SYSRETQ, and comes back once more. Each time the
    /// kernel sends its caller's first argument as a character. Leaves with the number of calls plus twice the CS selector
    /// that the user code saw.
    /// </summary>
    public static GuestProgram SystemCalls()
    {
        // SYSCALL takes CS and SS from STAR[47:32] and +8, SYSRETQ CS from STAR[63:48]+16 and SS from +8, with RPL 3.
        const ushort KernelCode = 0x10;
        const ushort UserBase = 0x20;
        const ushort UserData = UserBase + 8 | 3;
        const ushort UserCode = UserBase + 16 | 3;
        const uint MsrEfer = 0xC000_0080;
        const uint MsrStar = 0xC000_0081;
        const uint MsrLstar = 0xC000_0082;
        const uint MsrFmask = 0xC000_0084;
        const uint UserStack = 0x7_0000;
        const byte Result = 2 + (UserCode << 1);

        GuestAssembler guest = new(FlatMode.Long);
        Assembler code = guest.Code;

        // null, unused, code64, data, (SYSRET base), user data, user code64.
        guest.LoadGdtr(Gdt, 0x37);
        SetDescriptor(code, KernelCode, 0x00AF_9B00_0000_FFFF);
        SetDescriptor(code, KernelCode + 8, 0x00CF_9300_0000_FFFF);
        SetDescriptor(code, UserBase + 8, 0x00CF_F300_0000_FFFF);
        SetDescriptor(code, UserBase + 16, 0x00AF_FB00_0000_FFFF);

        AllowUser(code);

        Mark kernelEntry = guest.NewLabel();
        Mark user = guest.NewLabel();
        code.mov(ecx, MsrEfer);
        code.rdmsr();
        code.or(eax, 1);
        code.wrmsr();
        code.mov(ecx, MsrStar);
        code.xor(eax, eax);
        code.mov(edx, UserBase << 16 | KernelCode);
        code.wrmsr();
        code.mov(ecx, MsrLstar);
        code.lea(rax, __[kernelEntry]);
        code.xor(edx, edx);
        code.wrmsr();
        code.mov(ecx, MsrFmask);
        code.mov(eax, 0x200);
        code.xor(edx, edx);
        code.wrmsr();

        code.xor(ebx, ebx);
        code.push(UserData);
        code.push((int)UserStack);
        code.push(2);
        code.push(UserCode);
        code.lea(rax, __[user]);
        code.push(rax);
        code.iretq();

        // RDI: what to send. EBX counts the calls.
        guest.Place(kernelEntry);
        code.inc(ebx);
        code.mov(eax, edi);
        guest.Out(Ports.Serial);
        Mark done = guest.NewLabel();
        code.cmp(ebx, 2);
        code.je(done);
        code.sysretq();
        guest.Place(done);
        code.lea(eax, __[rbx + rbp * 2]);
        guest.DebugExit();

        guest.Place(user);
        code.mov(ebp, cs);
        code.push((byte)'3');
        code.pop(rdi);
        code.syscall();
        code.mov(edi, '!');
        code.syscall();

        return new GuestProgram("system-calls", FlatMode.Long, guest.Assemble(), GuestEnd.DebugExit)
        {
            ExitValue = Result,
            Serial = "3!",
            EmulatingKvmLacks = "SYSCALL to ring 0",
        };
    }

    /// <summary>
    /// Enters 64-bit ring 3 by IRETQ and provokes a general-protection fault there with HLT, which comes back through
    /// the IDT and the ring-0 stack of the TSS. Leaves with the CS selector that the fault pushed.
    /// </summary>
    public static GuestProgram FaultInRing3()
    {
        const ushort UserData = 0x20 | 3;
        const ushort UserCode = 0x28 | 3;
        const ushort Tss = 0x30;
        const uint TssBase = 0x2_1000;
        const uint KernelStack = 0x6_0000;
        const uint UserStack = 0x7_0000;
        const byte GeneralProtection = 13;
        GuestAssembler guest = new(FlatMode.Long);
        Assembler code = guest.Code;
        guest.LoadGdtr(Gdt, 0x3F);
        SetDescriptor(code, 0x10, 0x00AF_9B00_0000_FFFF);
        SetDescriptor(code, 0x18, 0x00CF_9300_0000_FFFF);
        SetDescriptor(code, 0x20, 0x00CF_F300_0000_FFFF);
        SetDescriptor(code, 0x28, 0x00AF_FB00_0000_FFFF);
        SetDescriptor(code, Tss, 0x0000_8902_1000_0067);
        code.mov(__qword_ptr[TssBase + 4], (int)KernelStack);
        code.mov(ax, Tss);
        code.ltr(ax);
        AllowUser(code);
        Mark handler = guest.NewLabel();
        Mark user = guest.NewLabel();
        guest.SetGate(GeneralProtection, handler);
        guest.LoadInterruptTable();

        code.push(UserData);
        code.push((int)UserStack);
        code.push(2);
        code.push(UserCode);
        code.lea(rax, __[user]);
        code.push(rax);
        code.iretq();

        // Stack: error code, RIP, CS, RFLAGS, RSP, SS; RSP0 was aligned to 16 bytes.
        guest.Place(handler);
        code.pop(rax);
        guest.Out(Ports.Serial, (byte)'0');
        code.mov(eax, __dword_ptr[rsp + 8]);
        guest.DebugExit();

        guest.Place(user);
        code.hlt();
        code.jmp(user);
        return new GuestProgram("fault-in-ring-3", FlatMode.Long, guest.Assemble(), GuestEnd.DebugExit) { ExitValue = (byte)UserCode, Serial = "0" };
    }

    // The first 2 MiB for the user too: PML4, PDPT and page directory of FlatMode.Long.
    private static void AllowUser(Assembler code)
    {
        const int UserBit = 4;
        foreach (uint entry in new uint[] { 0x9_0000, 0x9_1000, 0x9_2000 }) code.or(__dword_ptr[entry], UserBit);
        code.mov(rax, cr3);
        code.mov(cr3, rax);
    }

    private static void SetDescriptor(Assembler code, uint selector, ulong descriptor)
    {
        code.mov(rax, descriptor);
        code.mov(__qword_ptr[Gdt + selector], rax);
    }
}
