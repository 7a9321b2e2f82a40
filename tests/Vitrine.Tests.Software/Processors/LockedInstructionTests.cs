using Iced.Intel;
using Vitrine.Accelerators.Software;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>
/// Four vCPUs change the same memory. With LOCK, and XCHG without it, no change is lost (SDM vol. 3, 9.1.2 "Bus Locking"), wherever the operand lies.
/// </summary>
public abstract class LockedInstructionTests(SoftwareEngine engine)
{
    private const int Vcpus = 4;

    // In the middle of a line; over the end of a line, and of a page; on the page of the code.
    private const ulong Line = M.Data + 0x40;
    private const ulong LineEnd = M.Data + 0x7D;
    private const ulong PageEnd = M.Data + 0xFFD;
    private const ulong CodePage = M.Code + 0xF40;

    public static TheoryData<ulong, int> Places => new()
    {
        { Line, 20_000 },
        { CodePage, 5_000 },
        { LineEnd, 1_000 },
        { PageEnd, 1_000 },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void IncrementsOfEveryWidth(ulong place, int times)
    {
        // 8 bytes apart: each has room for a carry that must not come.
        ulong start = place - 8;
        using M m = Loop(times, a =>
        {
            a.@lock.inc(__qword_ptr[start + 8]);
            a.@lock.add(__dword_ptr[start + 0x48], 1);
            a.mov(edx, 1);
            a.@lock.xadd(__word_ptr[start + 0x88], dx);
            a.@lock.sub(__qword_ptr[start + 0xC8], -1);
            a.stc();
            a.@lock.adc(__qword_ptr[start + 0x108], 0);
        });
        ulong all = (ulong)(Vcpus * times);
        Assert.Equal((all, all & uint.MaxValue), (m.Read(place), m.Read(place + 0x40, 4)));
        Assert.Equal((all & 0xFFFF, all, all), (m.Read(place + 0x80, 2), m.Read(place + 0xC0), m.Read(place + 0x100)));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void CompareAndExchange(ulong place, int times)
    {
        using M m = Loop(times, a =>
        {
            Label again = a.CreateLabel();
            a.mov(rax, __qword_ptr[place]);
            a.Label(ref again);
            a.lea(rdx, __[rax + 1]);
            a.@lock.cmpxchg(__qword_ptr[place], rdx);
            a.jne(again);
        });
        Assert.Equal((ulong)(Vcpus * times), m.Read(place));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void CompareAndExchangeOfEightBytes(ulong place, int times)
    {
        using M m = Loop(times, a =>
        {
            Label again = a.CreateLabel();
            a.mov(eax, __dword_ptr[place]);
            a.mov(edx, __dword_ptr[place + 4]);
            a.Label(ref again);
            a.lea(ebx, __[rax + 1]);
            a.lea(ecx, __[rdx + 3]);
            a.@lock.cmpxchg8b(__qword_ptr[place]);
            a.jne(again);
        });
        ulong all = (ulong)(Vcpus * times);
        Assert.Equal((all, 3 * all), (m.Read(place, 4), m.Read(place + 4, 4)));
    }

    [Theory]
    [InlineData(Line, 20_000)]
    [InlineData(CodePage, 5_000)]
    public void CompareAndExchangeOfSixteenBytes(ulong place, int times)
    {
        using M m = Loop(times, a =>
        {
            Label again = a.CreateLabel();
            a.mov(rax, __qword_ptr[place]);
            a.mov(rdx, __qword_ptr[place + 8]);
            a.Label(ref again);
            a.lea(rbx, __[rax + 1]);
            a.lea(rcx, __[rdx + 3]);
            a.@lock.cmpxchg16b(__xmmword_ptr[place]);
            a.jne(again);
        });
        ulong all = (ulong)(Vcpus * times);
        Assert.Equal((all, 3 * all), (m.Read(place), m.Read(place + 8)));
    }

    /// <summary>A spin lock taken by XCHG, which needs no prefix, and given back by MOV; inside, an increment without LOCK.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public void ExchangeTakesALock(ulong place, int times)
    {
        using M m = Loop(times, a =>
        {
            Label again = a.CreateLabel();
            Label taken = a.CreateLabel();
            a.nop();
            a.Label(ref again);
            a.mov(edx, 1);
            a.xchg(__dword_ptr[place], edx);
            a.test(edx, edx);
            a.je(taken);
            a.pause();
            a.jmp(again);
            a.Label(ref taken);
            a.inc(__qword_ptr[M.Data + 0x800]);
            a.mov(__dword_ptr[place], 0);
        });
        Assert.Equal((ulong)(Vcpus * times), m.Read(M.Data + 0x800));
    }

    /// <summary>The same with BTS and BTR on a bit that a register selects, beside bits that BTC turns over.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public void BitTakesALock(ulong place, int times)
    {
        using M m = Loop(times, a =>
        {
            Label again = a.CreateLabel();
            Label taken = a.CreateLabel();
            a.mov(esi, 37);
            a.Label(ref again);
            a.@lock.bts(__dword_ptr[place - 4], esi);
            a.jnc(taken);
            a.pause();
            a.jmp(again);
            a.Label(ref taken);
            a.inc(__qword_ptr[M.Data + 0x800]);
            a.@lock.btr(__dword_ptr[place], 5);
            a.@lock.btc(__dword_ptr[place], edi);
        });
        Assert.Equal((ulong)(Vcpus * times), m.Read(M.Data + 0x800));
        Assert.Equal(0ul, m.Read(place, 4));
    }

    /// <summary>Neighbours in one word: what one vCPU writes without LOCK never touches another's byte.</summary>
    [Theory]
    [InlineData(Line)]
    [InlineData(CodePage)]
    public void BytesBesideOneAnotherAreIndependent(ulong place)
    {
        const int Times = 10_000;
        using M m = Loop(Times, a =>
        {
            a.inc(__byte_ptr[rdi + (long)place]);
            a.mov(edx, 1);
            a.xadd(__word_ptr[rdi * 2 + (long)(place + 0x10)], dx);
            a.add(__dword_ptr[rdi * 4 + (long)(place + 0x20)], 1);
            a.mov(eax, __dword_ptr[rdi * 4 + (long)(place + 0x20)]);
            a.mov(__dword_ptr[rdi * 4 + (long)(place + 0x60)], eax);
        });
        for (ulong id = 0; id < Vcpus; id++)
        {
            Assert.Equal((Times & 0xFFul, Times & 0xFFFFul), (m.Read(place + id, 1), m.Read(place + 0x10 + (id * 2), 2)));
            Assert.Equal(((ulong)Times, (ulong)Times), (m.Read(place + 0x20 + (id * 4), 4), m.Read(place + 0x60 + (id * 4), 4)));
        }
    }

    // R15 counts. The body may change RAX, RBX, RCX, RDX and RSI.
    private M Loop(int times, Action<Assembler> body)
    {
        M m = new(engine, Vcpus);
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            a.mov(r15d, times);
            a.Label(ref next);
            body(a);
            a.dec(r15d);
            a.jnz(next);
            a.hlt();
        });
        m.Run(M.Code);
        return m;
    }

    public sealed class ByInterpreter() : LockedInstructionTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : LockedInstructionTests(SoftwareEngine.Translator);
}
