using Iced.Intel;
using Vitrine.Accelerators.Software;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>The examples of SDM vol. 3, 9.2.3 "Examples Illustrating the Memory-Ordering Principles", many times.</summary>
public abstract class MemoryOrderTests(SoftwareEngine engine)
{
    private const ulong X = M.Data;
    private const ulong Y = M.Data + 0x40;
    private const ulong Barrier = M.Data + 0x80;
    private const ulong Bad = M.Data + 0xC0;
    private const ulong Seen = M.Data + 0x100;

    public enum Fence
    {
        Mfence,
        Locked,
        Exchange,
        Cpuid,
        InterruptReturn,
    }

    /// <summary>9.2.3.4 allows loads to pass older stores to other places; a fence, a locked instruction (9.2.3.9) and a serializing one (9.3) forbid it.</summary>
    [Theory]
    [InlineData(Fence.Mfence)]
    [InlineData(Fence.Locked)]
    [InlineData(Fence.Exchange)]
    [InlineData(Fence.Cpuid)]
    [InlineData(Fence.InterruptReturn)]
    public void AFenceStandsBetweenAStoreAndALoad(Fence fence)
    {
        const int Times = 5_000;
        using M m = new(engine, 2);
        m.Place(M.Code, a => Store(a, fence, Times, X, Y, 0));
        m.Place(M.Code + 0x1000, a => Store(a, fence, Times, Y, X, 8));
        m.Run(M.Code, M.Code + 0x1000);
        Assert.Equal(0ul, m.Read(Bad));
        Assert.Equal((ulong)Times, m.Read(X));
    }

    /// <summary>9.2.3.2: stores are seen in their order, and loads are made in theirs.</summary>
    [Fact]
    public void StoresAreSeenInTheirOrder()
    {
        const int Times = 100_000;
        using M m = new(engine, 3);
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            a.xor(ebx, ebx);
            a.Label(ref next);
            a.inc(ebx);
            a.mov(__dword_ptr[X], ebx);
            a.mov(__dword_ptr[Y], ebx);
            a.cmp(ebx, Times);
            a.jne(next);
            a.hlt();
        });
        m.Place(M.Code + 0x1000, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.Label(ref next);
            a.mov(edx, __dword_ptr[Y]);
            a.mov(eax, __dword_ptr[X]);
            a.cmp(eax, edx);
            a.jae(good);
            a.@lock.inc(__qword_ptr[Bad]);
            a.Label(ref good);
            a.cmp(edx, Times);
            a.jne(next);
            a.hlt();
        });
        m.Run(M.Code, M.Code + 0x1000, M.Code + 0x1000);
        Assert.Equal(0ul, m.Read(Bad));
    }

    // In round i both store i and look at the other's: one at least must see it.
    private static void Store(Assembler a, Fence fence, int times, ulong mine, ulong other, int slot)
    {
        Label next = a.CreateLabel();
        Label good = a.CreateLabel();
        a.xor(ebp, ebp);
        a.xor(r14d, r14d);
        a.Label(ref next);
        a.inc(ebp);
        Meet(a);
        a.mov(__dword_ptr[mine], ebp);
        Emit(a, fence);
        a.mov(r12d, __dword_ptr[other]);
        a.mov(__dword_ptr[Seen + (ulong)slot], r12d);
        Meet(a);
        a.mov(eax, __dword_ptr[Seen]);
        a.cmp(eax, ebp);
        a.je(good);
        a.mov(eax, __dword_ptr[Seen + 8]);
        a.cmp(eax, ebp);
        a.je(good);
        a.@lock.inc(__qword_ptr[Bad]);
        a.Label(ref good);
        a.cmp(ebp, times);
        a.jne(next);
        a.hlt();
    }

    private static void Emit(Assembler a, Fence fence)
    {
        switch (fence)
        {
            case Fence.Mfence:
                a.mfence();
                break;
            case Fence.Locked:
                a.@lock.or(__dword_ptr[rsp - 64], 0);
                break;
            case Fence.Exchange:
                a.xchg(__dword_ptr[rsp - 64], eax);
                break;
            case Fence.Cpuid:
                a.xor(eax, eax);
                a.cpuid();
                break;
            default:
                Label behind = a.CreateLabel();
                a.mov(rax, rsp);
                a.push(0x10);
                a.push(rax);
                a.pushfq();
                a.push(0x08);
                a.lea(rax, __qword_ptr[behind]);
                a.push(rax);
                a.iretq();
                a.Label(ref behind);
                break;
        }
    }

    // R14 counts what the barrier's counter must come to.
    private static void Meet(Assembler a)
    {
        Label wait = a.CreateLabel();
        Label met = a.CreateLabel();
        a.add(r14d, 2);
        a.@lock.inc(__dword_ptr[Barrier]);
        a.Label(ref wait);
        a.cmp(__dword_ptr[Barrier], r14d);
        a.jae(met);
        a.pause();
        a.jmp(wait);
        a.Label(ref met);
    }

    public sealed class ByInterpreter() : MemoryOrderTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : MemoryOrderTests(SoftwareEngine.Translator);
}
