using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Differential;

/// <summary>
/// A static ELF program that executes cases on the host CPU. It is nearly all one signal handler: a case ends with a signal
/// (a fault of its own, INT3 behind it, or the single-step trap), the handler copies registers, FPU state and data pages out of
/// the signal frame, puts those of the next case in, and sigreturn executes it. Whatever the instruction does to the registers,
/// the handler has a stack of its own and knows its addresses by heart.
/// </summary>
internal static class NativeProgram
{
    private const ulong Base = 0x7A5A_0ABC_0000;
    private const int HeaderSize = 64 + 56;
    private const ulong SignalStack = OracleLayout.Shared + 0x100_0000;
    private const int SignalStackSize = 0x1_0000;

    // Offsets in ucontext_t.
    private const int Registers = 40;
    private const int FpuPointer = Registers + (23 * 8);
    private const int XstateBv = 512;
    private const int YmmHigh = 576;

    private const int Read = 0;
    private const int Write = 1;
    private const int Open = 2;
    private const int Mmap = 9;
    private const int SigAction = 13;
    private const int SigReturn = 15;
    private const int SetTimer = 38;
    private const int SigAltStack = 131;
    private const int ModifyLdt = 154;
    private const int WriteLdt = 0x11;
    private const int ArchPrctl = 158;
    private const int ExitGroup = 231;
    private const int SetGs = 0x1001;
    private const int SetFs = 0x1002;

    private const int ReadWrite = 3;
    private const int ReadExecute = 5;
    private const int SharedFixed = 0x11;

    // A page that isn't there yet would change the error code of the first fault.
    private const int Populate = 0x8000;
    private const int PrivateFixedAnonymous = 0x32;

    // A case that is still there at a second alarm never ends. The timer counts the time that the program itself has run.
    private const int VirtualTimer = 1;
    private const int VirtualAlarm = 26;
    private const int AlarmMicroseconds = 100_000;

    /// <summary>The file's bytes. Its argument is the path of the shared file; it answers each byte on standard input with one on standard output.</summary>
    /// <param name="avx">The host's Linux keeps YMM registers, which are then in the signal frame.</param>
    public static byte[] Build(bool avx)
    {
        Assembler a = new(64);
        Label handler = a.CreateLabel();
        Label restorer = a.CreateLabel();
        Start(a, handler, restorer);
        Handler(a, handler, restorer, avx);
        using MemoryStream code = new();
        a.Assemble(new StreamCodeWriter(code), Base + HeaderSize);
        return [.. Header((int)code.Length), .. code.ToArray()];
    }

    private static void Start(Assembler a, Label handler, Label restorer)
    {
        a.mov(rdi, __qword_ptr[rsp + 16]);
        a.mov(esi, 2);
        System(a, Open);
        a.mov(r12, rax);
        Map(a, OracleLayout.Shared, OracleLayout.SharedSize, ReadWrite, SharedFixed, 0);
        Map(a, OracleLayout.ReadOnly, 0x1000, 1, SharedFixed | Populate, OracleLayout.SharedReadOnly);
        Map(a, OracleLayout.Data, OracleLayout.DataSize, ReadWrite, PrivateFixedAnonymous, 0);

        // Code is written through the shared file; where it runs it can't be written.
        MapCode(a, OracleLayout.Code, OracleLayout.CodePages);
        for (int i = 0; i < OracleLayout.EdgePages; i++) MapCode(a, OracleLayout.Edge + ((ulong)i * 0x2000), 1);
        MapCode(a, OracleLayout.Pairs, OracleLayout.PairCount * 2);
        Map(a, SignalStack, SignalStackSize, ReadWrite, PrivateFixedAnonymous, 0);
        LocalTable(a);
        Segments(a);

        a.push(SignalStackSize);
        a.push(0);
        a.mov(rax, SignalStack);
        a.push(rax);
        a.mov(rdi, rsp);
        a.xor(esi, esi);
        System(a, SigAltStack);

        // SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER.
        const int Flags = 4 | 0x0400_0000 | 0x0800_0000 | 0x4000_0000;
        a.push(1 << (VirtualAlarm - 1));
        a.lea(rax, __[restorer]);
        a.push(rax);
        a.push(Flags);
        a.lea(rax, __[handler]);
        a.push(rax);
        foreach (int signal in (ReadOnlySpan<int>)[4, 5, 7, 8, 11, VirtualAlarm])
        {
            a.mov(edi, signal);
            a.mov(rsi, rsp);
            a.xor(edx, edx);
            a.mov(r10d, 8);
            System(a, SigAction);
        }

        a.push(AlarmMicroseconds);
        a.push(0);
        a.push(AlarmMicroseconds);
        a.push(0);
        a.mov(edi, VirtualTimer);
        a.mov(rsi, rsp);
        a.xor(edx, edx);
        System(a, SetTimer);
        a.ud2();
    }

    private static void Handler(Assembler a, Label handler, Label restorer, bool avx)
    {
        Label wait = a.CreateLabel();
        Label next = a.CreateLabel();
        Label load = a.CreateLabel();
        Label exit = a.CreateLabel();
        Label ended = a.CreateLabel();
        Label hangs = a.CreateLabel();
        const ulong Shared = OracleLayout.Shared;

        // The case may have left AC set, and the kernel only clears DF and TF.
        a.Label(ref handler);
        a.pushfq();
        a.and(__dword_ptr[rsp], ~0x4_0000);
        a.popfq();
        a.mov(r14, rdx);
        a.mov(r15, Shared);
        a.cmp(edi, VirtualAlarm);
        a.jne(ended);
        a.cmp(__dword_ptr[r15 + OracleLayout.SharedAlarms], 0);
        a.jne(hangs);
        a.inc(__dword_ptr[r15 + OracleLayout.SharedAlarms]);
        a.ret();
        a.Label(ref hangs);
        a.mov(__qword_ptr[r14 + (Registers + (MachineImage.TrapWord * 8))], MachineImage.NeverEnds);

        a.Label(ref ended);
        a.mov(rcx, __qword_ptr[r15 + OracleLayout.SharedCurrent]);
        a.cmp(rcx, __qword_ptr[r15 + OracleLayout.SharedCount]);
        a.jae(wait);

        a.imul(rdi, rcx, OracleLayout.OutcomeStride);
        a.lea(rdi, __[rdi + r15 + OracleLayout.SharedOutcomes]);
        a.lea(rsi, __[r14 + Registers]);
        a.mov(ecx, 23);
        a.rep.movsq();
        SaveSelectors(a);
        a.add(rdi, MachineImage.FxOffset - (23 * 8));
        a.mov(rsi, __qword_ptr[r14 + FpuPointer]);
        a.mov(ecx, 512 / 8);
        a.rep.movsq();
        if (avx)
        {
            a.mov(rsi, __qword_ptr[r14 + FpuPointer]);
            a.add(rsi, YmmHigh);
            a.mov(ecx, MachineImage.HighSize / 8);
            a.rep.movsq();
        }
        else
        {
            a.add(rdi, MachineImage.HighSize);
        }

        a.mov(esi, (int)OracleLayout.Data);
        a.mov(ecx, OracleLayout.DataSize / 8);
        a.rep.movsq();
        a.inc(__qword_ptr[r15 + OracleLayout.SharedCurrent]);

        a.Label(ref next);
        a.mov(rcx, __qword_ptr[r15 + OracleLayout.SharedCurrent]);
        a.cmp(rcx, __qword_ptr[r15 + OracleLayout.SharedCount]);
        a.jb(load);

        a.Label(ref wait);
        a.mov(edi, 1);
        a.lea(rsi, __[r15 + OracleLayout.SharedByte]);
        a.mov(edx, 1);
        System(a, Write);
        a.xor(edi, edi);
        a.lea(rsi, __[r15 + OracleLayout.SharedByte]);
        a.mov(edx, 1);
        System(a, Read);
        a.cmp(eax, 1);
        a.jne(exit);
        a.mov(__qword_ptr[r15 + OracleLayout.SharedCurrent], 0);
        a.jmp(next);

        a.Label(ref load);
        a.imul(r13, rcx, OracleLayout.CaseStride);
        a.lea(r13, __[r13 + r15 + OracleLayout.SharedCases]);

        a.mov(__dword_ptr[r15 + OracleLayout.SharedAlarms], 0);

        // A branch into the middle of an instruction can have loaded one.
        Segments(a);
        LoadSelectors(a);
        a.mov(rsi, r13);
        a.lea(rdi, __[r14 + Registers]);
        a.mov(ecx, MachineImage.SelectorsWord + 1);
        a.rep.movsq();
        a.lea(rsi, __[r13 + MachineImage.FxOffset]);
        a.mov(rdi, __qword_ptr[r14 + FpuPointer]);
        a.or(__qword_ptr[rdi + XstateBv], avx ? 7 : 3);
        a.mov(ecx, 416 / 8);
        a.rep.movsq();
        if (avx)
        {
            a.lea(rsi, __[r13 + MachineImage.HighOffset]);
            a.mov(rdi, __qword_ptr[r14 + FpuPointer]);
            a.add(rdi, YmmHigh);
            a.mov(ecx, MachineImage.HighSize / 8);
            a.rep.movsq();
        }

        a.lea(rsi, __[r13 + OracleCase.CodeOffset]);
        a.mov(rdi, __qword_ptr[r13 + OracleCase.CodeAddressOffset]);
        a.mov(rcx, Shared + OracleLayout.SharedCode - OracleLayout.Code);
        a.add(rdi, rcx);
        a.mov(rcx, __qword_ptr[r13 + OracleCase.LengthOffset]);
        a.rep.movsb();
        a.lea(rsi, __[r15 + OracleLayout.SharedPristine]);
        a.mov(edi, (int)OracleLayout.Data);
        a.mov(ecx, OracleLayout.DataSize / 8);
        a.rep.movsq();
        a.ret();

        a.Label(ref exit);
        a.xor(edi, edi);
        System(a, ExitGroup);

        // sigreturn takes the flags it does not restore (ID, NT) from here. The word that is pushed was the return address.
        a.Label(ref restorer);
        a.push(0x202);
        a.popfq();
        System(a, SigReturn);
    }

    private static void LocalTable(Assembler a)
    {
        for (int entry = 0; entry < LocalSegments.All.Length; entry++)
        {
            byte[] descriptor = LocalSegments.UserDescriptor(entry);
            for (int at = descriptor.Length - 8; at >= 0; at -= 8)
            {
                a.mov(rax, BinaryPrimitives.ReadUInt64LittleEndian(descriptor.AsSpan(at)));
                a.push(rax);
            }

            a.mov(edi, WriteLdt);
            a.mov(rsi, rsp);
            a.mov(edx, descriptor.Length);
            System(a, ModifyLdt);
        }

        a.mov(rcx, OracleLayout.Shared);
        a.mov(__dword_ptr[rcx + OracleLayout.SharedLocalTable], eax);
    }

    /// <summary>Selectors that the signal frame doesn't hold, to the word behind it at RDI.</summary>
    private static void SaveSelectors(Assembler a)
    {
        a.mov(__word_ptr[rdi], ds);
        a.mov(__word_ptr[rdi + 2], es);
        a.mov(__word_ptr[rdi + 4], fs);
        a.mov(__word_ptr[rdi + 6], gs);
    }

    /// <summary>Those of the case at R13. Null in FS or GS leaves the bases of 64-bit code.</summary>
    private static void LoadSelectors(Assembler a)
    {
        const int Selectors = MachineImage.DataSelectorsWord * 8;
        Label noFs = a.CreateLabel();
        Label noGs = a.CreateLabel();
        a.mov(ds, __word_ptr[r13 + Selectors]);
        a.mov(es, __word_ptr[r13 + Selectors + 2]);
        a.cmp(__word_ptr[r13 + Selectors + 4], 0);
        a.je(noFs);
        a.mov(fs, __word_ptr[r13 + Selectors + 4]);
        a.Label(ref noFs);
        a.cmp(__word_ptr[r13 + Selectors + 6], 0);
        a.je(noGs);
        a.mov(gs, __word_ptr[r13 + Selectors + 6]);
        a.Label(ref noGs);
    }

    /// <summary>
    /// Selectors and bases as cases expect them. Compatibility mode looks at DS and ES; Linux starts programs with null in them. Changes RAX, RCX,
    /// RDI, RSI and R11.
    /// </summary>
    private static void Segments(Assembler a)
    {
        a.mov(eax, OracleLayout.Stack);
        a.mov(ds, eax);
        a.mov(es, eax);
        a.xor(eax, eax);
        a.mov(fs, eax);
        a.mov(gs, eax);
        a.mov(edi, SetFs);
        a.mov(rsi, OracleLayout.FsBase);
        System(a, ArchPrctl);
        a.mov(edi, SetGs);
        a.mov(rsi, OracleLayout.GsBase);
        System(a, ArchPrctl);
    }

    private static void MapCode(Assembler a, ulong address, int pages) =>
        Map(a, address, pages * 0x1000, ReadExecute, SharedFixed | Populate, OracleLayout.SharedCode + (int)(address - OracleLayout.Code));

    private static void Map(Assembler a, ulong address, int size, int protection, int flags, int offset)
    {
        a.mov(rdi, address);
        a.mov(esi, size);
        a.mov(edx, protection);
        a.mov(r10d, flags);
        a.mov(r8, (flags & 0x20) != 0 ? -1 : 0);
        if ((flags & 0x20) == 0) a.mov(r8, r12);
        a.mov(r9d, offset);
        System(a, Mmap);
    }

    private static void System(Assembler a, int number)
    {
        a.mov(eax, number);
        a.syscall();
    }

    private static byte[] Header(int codeSize)
    {
        byte[] header = new byte[HeaderSize];
        ReadOnlySpan<byte> identity = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(header);
        Put16(16, 2);
        Put16(18, 62);
        Put16(20, 1);
        Put64(24, Base + HeaderSize);
        Put64(32, 64);
        Put16(52, 64);
        Put16(54, 56);
        Put16(56, 1);
        Put16(64, 1);
        Put16(68, 5);
        Put64(80, Base);
        Put64(88, Base);
        Put64(96, (ulong)(HeaderSize + codeSize));
        Put64(104, (ulong)(HeaderSize + codeSize));
        Put64(112, 0x1000);
        return header;

        void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(offset), value);
        void Put64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(offset), value);
    }
}
