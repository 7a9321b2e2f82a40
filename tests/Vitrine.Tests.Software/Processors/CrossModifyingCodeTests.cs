using Iced.Intel;
using Vitrine.Accelerators.Software;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>
/// One vCPU changes a function, three others execute it (SDM vol. 3, 9.1.3 "Handling Self- and Cross-Modifying Code"). In each round the immediate of
/// MOV EAX, imm32 becomes the number of the round, and everybody must see that number and no other. <c>VITRINE_SMP_ROUNDS</c> sets how many rounds: each takes a slice
/// of the host's scheduler where there are fewer processors than vCPUs.
/// </summary>
public abstract class CrossModifyingCodeTests(SoftwareEngine engine)
{
    private const int Vcpus = 4;
    private const byte Vector = 0x41;
    private const ulong Executor = M.Code + 0x1000;
    private const ulong Handler = M.Code + 0x2000;
    private const ulong FunctionPage = M.Data + 0x4000;
    private const ulong Function = FunctionPage + 0x103;
    private const ulong Immediate = Function + 1;
    private const ulong SecondPage = FunctionPage + 0x2000;

    // The words that the vCPUs talk by: on a page of their own, or on that of the function.
    private const ulong OwnPage = M.Data;
    private const ulong SamePage = FunctionPage + 0x800;

    private static int Rounds { get; } = (int)RunSetting.Read("VITRINE_SMP_ROUNDS", 100);

    /// <summary>The manual's own way: a flag, then a serializing instruction.</summary>
    [Theory]
    [InlineData(OwnPage)]
    [InlineData(SamePage)]
    public void AFlagAnnouncesNewCode(ulong words) => Run(words, Announce, a =>
    {
        AwaitRound(a, words);
        Serialize(a);
        Call(a);
    });

    /// <summary>The executor sees the new code as data, which is no flag at all, and serializes.</summary>
    [Theory]
    [InlineData(OwnPage)]
    [InlineData(SamePage)]
    public void TheCodeItselfIsTheFlag(ulong words) => Run(words, Announce, a =>
    {
        Spin(a, Immediate);
        Serialize(a);
        Call(a);
    });

    /// <summary>What is changed stands in the block that sees the flag and serializes, and runs on into it.</summary>
    [Fact]
    public void NewCodeInTheBlockThatWaitsForIt()
    {
        const ulong Changed = Executor + 0x104;
        using M m = new(engine, Vcpus);
        Action<Assembler> wait = static a =>
        {
            // No branch is taken from the last look at requests on to the new code, and most of the time is spent before the flag is read.
            Label again = a.CreateLabel();
            a.inc(r12d);
            a.fninit();
            a.fld1();
            a.Label(ref again);
            Dawdle(a, 8);
            a.cmp(__dword_ptr[OwnPage], r12d);
            a.jne(again);
            Serialize(a);
        };
        ulong entry = Changed - 1 - (ulong)M.Assemble(Executor, wait).Length;
        m.Place(M.Code, a => WriterLoop(a, OwnPage, Announce, Changed));
        m.Place(entry, wait);
        m.Place(Changed - 1, a =>
        {
            a.mov(eax, 0);
            Check(a, OwnPage);
            a.cmp(r12d, Rounds);
            a.jne(entry);
            a.hlt();
        });
        m.Run(M.Code, entry, entry, entry);
        AssertSeen(m, OwnPage);
    }

    /// <summary>A writer that changes the function several times between two looks at requests: it can't close the page, so nobody may keep what is decoded of it.</summary>
    [Theory]
    [InlineData(OwnPage)]
    [InlineData(SamePage)]
    public void AWriterThatDoesNotLookAtRequests(ulong words)
    {
        const int ChangesInBlock = 4;
        int changes = ChangesInBlock * Rounds;
        using M m = new(engine, Vcpus);
        Place(m, words);
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            a.fninit();
            a.fld1();
            a.xor(r12d, r12d);
            a.Label(ref next);
            for (int i = 0; i < ChangesInBlock; i++)
            {
                a.inc(r12d);
                a.mov(__dword_ptr[Immediate], r12d);
                Announce(a, words);
                Dawdle(a, 6);
            }

            a.cmp(r12d, changes);
            a.jne(next);
            a.hlt();
        });
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.Label(ref next);
            a.mov(r13d, __dword_ptr[words]);
            Serialize(a);
            Call(a);
            a.cmp(eax, r13d);
            a.jae(good);
            a.ud2();
            a.Label(ref good);
            a.cmp(r13d, changes);
            a.jne(next);
            a.hlt();
        });
        m.Run(M.Code, Executor, Executor, Executor);
        Assert.Equal((ulong)changes, m.Read(words, 4));
    }

    /// <summary>
    /// No serializing instruction: the executor calls what a pointer leads to. The manual demands one only where the old code may have been fetched; our CPU keeps the
    /// order of stores for fetches too, as programs that generate code count on.
    /// </summary>
    [Theory]
    [InlineData(OwnPage)]
    [InlineData(SamePage)]
    public void APointerAnnouncesNewCode(ulong words) => Run(words, Announce, a =>
    {
        AwaitRound(a, words);
        a.mov(rdx, __qword_ptr[words + 0x180]);
        a.call(rdx);
    });

    /// <summary>An interprocessor interrupt announces it; the executor is somewhere in the function, and the handler ends with IRETQ.</summary>
    [Theory]
    [InlineData(OwnPage)]
    [InlineData(SamePage)]
    public void AnInterruptAnnouncesNewCode(ulong words)
    {
        using M m = new(engine, Vcpus);
        Place(m, words);
        m.SetGate(Vector, Handler);
        m.Place(M.Code, a => WriterLoop(a, words, static (a, words) =>
        {
            Announce(a, words);
            M.SendToOthers(a, Vector);
        }, Immediate));

        // R12 is the round that the handler has seen: from then on no call may return less.
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.xor(r12d, r12d);
            a.sti();
            a.Label(ref next);
            a.mov(r13d, r12d);
            Call(a);
            a.cmp(eax, r13d);
            a.jae(good);
            a.ud2();
            a.Label(ref good);
            a.cmp(r12d, Rounds);
            a.jne(next);
            a.cli();
            a.hlt();
        });
        m.Place(Handler, a =>
        {
            a.push(rax);
            a.push(rcx);
            a.push(rdx);
            a.mov(r12d, __dword_ptr[words]);
            M.EndInterrupt(a);
            a.@lock.inc(__dword_ptr[words + 0x40]);
            a.pop(rdx);
            a.pop(rcx);
            a.pop(rax);
            a.iretq();
        });
        m.Run(M.Code, Executor, Executor, Executor);
        AssertSeen(m, words);
    }

    /// <summary>An instruction in two pages, of which only the second one is written to: with its opcode alone in the first, or with half of the immediate.</summary>
    [Theory]
    [InlineData(false, OwnPage)]
    [InlineData(false, SecondPage + 0x800)]
    [InlineData(true, OwnPage)]
    [InlineData(true, SecondPage + 0x800)]
    public void TheSecondPageOfAnInstructionIsWritten(bool isWide, ulong words)
    {
        // MOV EAX, imm32, or MOV RAX, imm64 with the number in the upper half; RET.
        byte[] code = isWide ? [0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0xC3] : [0xB8, 0, 0, 0, 0, 0xC3];
        ulong function = SecondPage - (isWide ? 6UL : 1UL);
        Run(
            words,
            Announce,
            a =>
            {
                AwaitRound(a, words);
                Serialize(a);
                a.mov(edx, (uint)function);
                a.call(rdx);
                if (isWide) a.shr(rax, 32);
            },
            SecondPage,
            m => m.Place(function, a => a.db(code)));
    }

    private void Run(
        ulong words, Action<Assembler, ulong> announce, Action<Assembler> execute, ulong immediate = Immediate, Action<M>? place = null)
    {
        using M m = new(engine, Vcpus);
        Place(m, words);
        place?.Invoke(m);
        m.Place(M.Code, a => WriterLoop(a, words, announce, immediate));
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            a.mov(r15d, Rounds);
            a.xor(r12d, r12d);
            a.Label(ref next);
            a.inc(r12d);
            execute(a);
            Check(a, words);
            a.dec(r15d);
            a.jne(next);
            a.hlt();
        });
        m.Run(M.Code, Executor, Executor, Executor);
        AssertSeen(m, words);
    }

    private static void Place(M m, ulong words)
    {
        m.Place(Function, a =>
        {
            a.mov(eax, 0);
            a.ret();
        });
        m.Store(words + 0x180, Function);
    }

    private static void AssertSeen(M m, ulong words)
    {
        Assert.Equal((ulong)Rounds, m.Read(words, 4));
        Assert.Equal((ulong)(Rounds * (Vcpus - 1)), m.Read(words + 0x40, 4));
    }

    // Change, announce, wait for all. The writer executes the code too, which must not disturb what the others see.
    private static void WriterLoop(Assembler a, ulong words, Action<Assembler, ulong> announce, ulong immediate)
    {
        Label next = a.CreateLabel();
        Label wait = a.CreateLabel();
        Label done = a.CreateLabel();
        a.xor(r12d, r12d);
        a.xor(r14d, r14d);
        a.Label(ref next);
        a.inc(r12d);
        a.mov(__dword_ptr[immediate], r12d);
        if (immediate == Immediate)
        {
            Call(a);
            Label good = a.CreateLabel();
            a.cmp(eax, r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
        }

        announce(a, words);
        a.add(r14d, Vcpus - 1);
        a.Label(ref wait);
        a.cmp(__dword_ptr[words + 0x40], r14d);
        a.je(done);
        a.pause();
        a.jmp(wait);
        a.Label(ref done);
        a.cmp(r12d, Rounds);
        a.jne(next);
        a.hlt();
    }

    private static void Announce(Assembler a, ulong words) => a.mov(__dword_ptr[words], r12d);

    private static void AwaitRound(Assembler a, ulong words) => Spin(a, words);

    private static void Spin(Assembler a, ulong word)
    {
        Label wait = a.CreateLabel();
        Label there = a.CreateLabel();
        a.Label(ref wait);
        a.cmp(__dword_ptr[word], r12d);
        a.je(there);
        a.pause();
        a.jmp(wait);
        a.Label(ref there);
    }

    // Time in which no branch is taken. ST(0) is a number.
    private static void Dawdle(Assembler a, int times)
    {
        for (int i = 0; i < times; i++) a.fsin();
    }

    private static void Serialize(Assembler a)
    {
        a.xor(eax, eax);
        a.cpuid();
    }

    private static void Call(Assembler a)
    {
        a.mov(edx, (uint)Function);
        a.call(rdx);
    }

    private static void Check(Assembler a, ulong words)
    {
        Label good = a.CreateLabel();
        a.cmp(eax, r12d);
        a.je(good);
        a.ud2();
        a.Label(ref good);
        a.@lock.inc(__dword_ptr[words + 0x40]);
    }

    public sealed class ByInterpreter() : CrossModifyingCodeTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : CrossModifyingCodeTests(SoftwareEngine.Translator);
}
