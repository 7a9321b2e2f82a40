using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>
/// The harness's code for 32 or 64 bits: a monitor that tells the host it is ready (OUT), takes a step's registers from the mailbox,
/// executes the step's instruction at level 0 or 3, and leaves what came of it in the mailbox.
/// </summary>
internal sealed class StressHarness
{
    public const byte ReadyPort = 0x10;
    public const byte UserEndVector = 0x80;

    // Offsets in the mailbox. Words are 8 bytes in both widths.
    public const int Target = 0;
    public const int UserTarget = 8;
    public const int EntryPoint = 16;
    public const int FlagsWord = 24;
    public const int Rax = 32;
    public const int Rdx = 40;
    public const int Rcx = 48;
    public const int Rbx = 56;
    public const int Rdi = 64;
    public const int Xmm = 80;
    public const int Vector = 96;
    public const int Error = 104;
    public const int Cr2 = 112;
    public const int Rip = 120;
    public const int Descriptor = 128;
    public const int Source = 160;

    private const uint Pge = 1 << 7;
    private const uint Paging = 1u << 31;
    private readonly bool _is64;
    private readonly Dictionary<(StressOperation Operation, int Size), ulong> _routines = [];

    public StressHarness(int bits)
    {
        _is64 = bits == 64;
        (Code, ulong[] places) = Assemble(L.Code, bits, BuildCode);
        Ready = places[0];
        KernelEntry = places[1];
        UserEntry = places[2];
        PageFault = places[3];
        GeneralProtection = places[4];
        UserEnd = places[5];
        for (int i = 0; i < KernelRoutines.Length; i++) _routines.Add(KernelRoutines[i], places[6 + i]);
        (UserCode, places) = Assemble(L.UserCode, bits, BuildUserCode);
        for (int i = 0; i < UserRoutines.Length; i++) UserRoutine.Add(UserRoutines[i], places[i]);
    }

    public byte[] Code { get; }

    public byte[] UserCode { get; }

    public ulong Ready { get; }

    public ulong KernelEntry { get; }

    public ulong UserEntry { get; }

    public ulong PageFault { get; }

    public ulong GeneralProtection { get; }

    public ulong UserEnd { get; }

    /// <summary>Where a step begins that runs at level 3.</summary>
    public Dictionary<(StressOperation Operation, int Size), ulong> UserRoutine { get; } = [];

    /// <summary>Where a step's code is.</summary>
    public ulong Routine(in StressStep step)
    {
        int size = step.IsAccess && step.Operation != StressOperation.Fetch ? step.Size : 0;
        return step.User ? UserRoutine[(step.Operation, size)] : _routines[(step.Operation, size)];
    }

    private (StressOperation Operation, int Size)[] UserRoutines =>
    [
        .. new[] { 1, 2, 4, 8, 16 }.Select(size => (StressOperation.Read, size)),
        .. new[] { 1, 2, 4, 8, 16 }.Select(size => (StressOperation.Write, size)),
        .. Words.Select(size => (StressOperation.ExchangeAdd, size)),
        (StressOperation.CompareExchange, 8),
        .. Words.Select(size => (StressOperation.RepeatStore, size)),
        (StressOperation.Fetch, 0),
        (StressOperation.LoadPkru, 0),
    ];

    private (StressOperation Operation, int Size)[] KernelRoutines =>
    [
        .. UserRoutines,
        .. Words.Select(size => (StressOperation.RepeatMove, size)),
        (StressOperation.InvalidatePage, 0),
        (StressOperation.InvalidateContext, 0),
        (StressOperation.LoadCr0, 0),
        (StressOperation.LoadCr3, 0),
        (StressOperation.LoadCr4, 0),
        (StressOperation.LoadCr4AndFlush, 0),
        (StressOperation.LoadEferAndFlush, 0),
        (StressOperation.LoadPkrs, 0),
        .. _is64 ? [(StressOperation.LeaveLongMode, 0)] : Array.Empty<(StressOperation, int)>(),
    ];

    private int[] Words => _is64 ? [4, 8] : [4];

    private static (byte[] Code, ulong[] Places) Assemble(ulong at, int bits, Action<Assembler, List<Label>> build)
    {
        Assembler code = new(bits);
        List<Label> places = [];
        build(code, places);
        MemoryStream stream = new();
        AssemblerResult result = code.Assemble(new StreamCodeWriter(stream), at, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return (stream.ToArray(), [.. places.Select(place => result.GetLabelRIP(place))]);
    }

    private static AssemblerMemoryOperand Dword(int offset) => __dword_ptr[L.Mailbox + (ulong)offset];

    private static AssemblerMemoryOperand Qword(int offset) => __qword_ptr[L.Mailbox + (ulong)offset];

    private static AssemblerMemoryOperand Xmmword(int offset) => __xmmword_ptr[L.Mailbox + (ulong)offset];

    private static void Place(Assembler a, List<Label> places)
    {
        Label label = a.CreateLabel();
        a.Label(ref label);
        places.Add(label);
    }

    private void Load(Assembler a, AssemblerRegister32 low, AssemblerRegister64 wide, int offset)
    {
        if (_is64) a.mov(wide, Qword(offset));
        else a.mov(low, Dword(offset));
    }

    private void Save(Assembler a, AssemblerRegister32 low, AssemblerRegister64 wide, int offset)
    {
        if (_is64) a.mov(Qword(offset), wide);
        else a.mov(Dword(offset), low);
    }

    private void Push(Assembler a, int offset)
    {
        if (_is64) a.push(Qword(offset));
        else a.push(Dword(offset));
    }

    private void Pop(Assembler a, int offset)
    {
        if (_is64) a.pop(Qword(offset));
        else a.pop(Dword(offset));
    }

    private void BuildCode(Assembler a, List<Label> places)
    {
        Place(a, places);
        Label ready = places[0];
        a.mov(esp, (uint)L.StackTop);
        a.@out(ReadyPort, al);
        Push(a, FlagsWord);
        if (_is64) a.popfq();
        else a.popfd();
        a.movups(xmm0, Xmmword(Xmm));
        Load(a, eax, rax, Rax);
        Load(a, edx, rdx, Rdx);
        Load(a, ecx, rcx, Rcx);
        Load(a, ebx, rbx, Rbx);
        Load(a, edi, rdi, Rdi);
        a.mov(esi, (uint)L.Mailbox + Source);
        if (_is64) a.jmp(Qword(EntryPoint));
        else a.jmp(Dword(EntryPoint));

        Place(a, places);
        if (_is64) a.call(Qword(Target));
        else a.call(Dword(Target));
        Label done = a.CreateLabel();
        a.Label(ref done);
        Save(a, eax, rax, Rax);
        Save(a, edx, rdx, Rdx);
        Save(a, ecx, rcx, Rcx);
        a.movups(Xmmword(Xmm), xmm0);
        a.jmp(ready);

        Place(a, places);
        a.push(0x23);
        a.push(0);
        a.push(2);
        a.push(_is64 ? 0x33 : 0x1B);
        Push(a, UserTarget);
        if (_is64) a.iretq();
        else a.iretd();

        foreach (int vector in (ReadOnlySpan<int>)[14, 13])
        {
            Place(a, places);
            Pop(a, Error);
            Pop(a, Rip);
            Save(a, ecx, rcx, Rcx);
            if (_is64) a.mov(rax, cr2);
            else a.mov(eax, cr2);
            Save(a, eax, rax, Cr2);
            a.mov(Dword(Vector), vector);
            a.jmp(ready);
        }

        Place(a, places);
        a.jmp(done);
        foreach ((StressOperation operation, int size) in KernelRoutines)
        {
            Place(a, places);
            if (operation == StressOperation.LeaveLongMode) LeaveLongMode(a);
            else BuildRoutine(a, operation, size);
            a.ret();
        }
    }

    private void BuildUserCode(Assembler a, List<Label> places)
    {
        foreach ((StressOperation operation, int size) in UserRoutines)
        {
            Place(a, places);
            if (operation == StressOperation.Fetch)
            {
                Jump(a);
                continue;
            }

            BuildRoutine(a, operation, size);
            a.@int(UserEndVector);
        }
    }

    private void Jump(Assembler a)
    {
        if (_is64) a.jmp(rdi);
        else a.jmp(edi);
    }

    private AssemblerMemoryOperand At(AssemblerMemoryOperandFactory size) => _is64 ? size[rdi] : size[edi];

    private void BuildRoutine(Assembler a, StressOperation operation, int size)
    {
        switch (operation, size)
        {
            case (StressOperation.Read, 1): a.movzx(eax, At(__byte_ptr)); break;
            case (StressOperation.Read, 2): a.movzx(eax, At(__word_ptr)); break;
            case (StressOperation.Read, 4): a.mov(eax, At(__dword_ptr)); break;
            case (StressOperation.Read, 8): a.movq(xmm0, At(__qword_ptr)); break;
            case (StressOperation.Read, _): a.movups(xmm0, At(__xmmword_ptr)); break;
            case (StressOperation.Write, 1): a.mov(At(__byte_ptr), al); break;
            case (StressOperation.Write, 2): a.mov(At(__word_ptr), ax); break;
            case (StressOperation.Write, 4): a.mov(At(__dword_ptr), eax); break;
            case (StressOperation.Write, 8) when _is64: a.mov(At(__qword_ptr), rax); break;
            case (StressOperation.Write, 8): a.movq(At(__qword_ptr), xmm0); break;
            case (StressOperation.Write, _): a.movups(At(__xmmword_ptr), xmm0); break;
            case (StressOperation.ExchangeAdd, 4): a.@lock.xadd(At(__dword_ptr), eax); break;
            case (StressOperation.ExchangeAdd, _): a.@lock.xadd(At(__qword_ptr), rax); break;
            case (StressOperation.CompareExchange, _): a.@lock.cmpxchg8b(At(__qword_ptr)); break;
            case (StressOperation.RepeatStore, 4): a.rep.stosd(); break;
            case (StressOperation.RepeatStore, _): a.rep.stosq(); break;
            case (StressOperation.RepeatMove, 4): a.rep.movsd(); break;
            case (StressOperation.RepeatMove, _): a.rep.movsq(); break;
            case (StressOperation.Fetch, _) when _is64: a.call(rdi); break;
            case (StressOperation.Fetch, _): a.call(edi); break;
            case (StressOperation.InvalidatePage, _): a.invlpg(At(__byte_ptr)); break;
            case (StressOperation.InvalidateContext, _) when _is64: a.invpcid(rax, Xmmword(Descriptor)); break;
            case (StressOperation.InvalidateContext, _): a.invpcid(eax, Xmmword(Descriptor)); break;
            case (StressOperation.LoadCr0, _) when _is64: a.mov(cr0, rax); break;
            case (StressOperation.LoadCr0, _): a.mov(cr0, eax); break;
            case (StressOperation.LoadCr3, _) when _is64: a.mov(cr3, rax); break;
            case (StressOperation.LoadCr3, _): a.mov(cr3, eax); break;
            case (StressOperation.LoadCr4 or StressOperation.LoadCr4AndFlush, _):
                if (_is64) a.mov(cr4, rax);
                else a.mov(cr4, eax);
                if (operation == StressOperation.LoadCr4AndFlush) Flush(a);
                break;
            case (StressOperation.LoadPkru, _):
                a.xor(ecx, ecx);
                a.xor(edx, edx);
                a.wrpkru();
                break;
            case (StressOperation.LoadPkrs, _):
                a.mov(ecx, 0x6E1);
                a.xor(edx, edx);
                a.wrmsr();
                break;
            default:
                a.mov(ecx, 0xC000_0080);
                a.wrmsr();
                Flush(a);
                break;
        }
    }

    // CR4.PGE off and on again or the other way round: everything goes (SDM vol. 3, 4.10.4.1).
    private void Flush(Assembler a)
    {
        for (int i = 0; i < 2; i++)
        {
            if (_is64) a.mov(rax, cr4);
            else a.mov(eax, cr4);
            a.xor(eax, Pge);
            if (_is64) a.mov(cr4, rax);
            else a.mov(cr4, eax);
        }
    }

    // Far returns both ways, since 64-bit code has no direct far jump. The instructions between have the same bytes in 32-bit code.
    private static void LeaveLongMode(Assembler a)
    {
        const byte RexW = 0x48;
        const byte FarReturn = 0xCB;
        Label compatibility = a.CreateLabel();
        Label back = a.CreateLabel();

        // An interrupt from level 3 has left a null selector.
        a.mov(eax, 0x10);
        a.mov(ss, eax);
        a.lea(rax, __qword_ptr[back]);
        a.mov(rdx, 0x28UL << 32);
        a.or(rax, rdx);
        a.push(rax);
        a.push(0x08);
        a.lea(rax, __qword_ptr[compatibility]);
        a.push(rax);
        a.db(RexW, FarReturn);
        a.Label(ref compatibility);
        a.mov(rax, cr0);
        a.and(eax, (int)~Paging);
        a.mov(cr0, rax);
        a.or(eax, unchecked((int)Paging));
        a.mov(cr0, rax);
        a.db(FarReturn);
        a.Label(ref back);
    }
}
