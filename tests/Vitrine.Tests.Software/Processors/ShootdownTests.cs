using Iced.Intel;
using Vitrine.Accelerators.Software;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>Page tables that several vCPUs use and change (SDM vol. 3, 4.10.5 "Propagation of Paging-Structure Changes to Multiple Processors", 4.8).</summary>
public abstract class ShootdownTests(SoftwareEngine engine)
{
    private const int Vcpus = 4;
    private const byte Vector = 0x42;
    private const ulong Executor = M.Code + 0x1000;
    private const ulong Handler = M.Code + 0x2000;
    private const ulong Window = 0x3F_0000;
    private const ulong Even = 0x3D_0000;
    private const ulong Odd = 0x3E_0000;
    private const ulong Invalidated = M.Data;
    private const ulong Go = M.Data + 0x40;
    private const ulong Done = M.Data + 0x80;

    /// <summary>
    /// One vCPU maps another page, interrupts the others, which execute INVLPG and acknowledge; from then on all read and write the new page.
    /// </summary>
    [Fact]
    public void OthersUseTheNewPageBehindTheirAcknowledgement()
    {
        const int Rounds = 300;
        ulong entry = M.Entry(Window);
        using M m = new(engine, Vcpus);
        m.SetGate(Vector, Handler);
        m.Store(entry, Even | M.Present | M.Writable);
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            Label even = a.CreateLabel();
            a.xor(r12d, r12d);
            a.xor(r14d, r14d);
            a.Label(ref next);
            a.inc(r12d);
            a.mov(ebx, (uint)Even);
            a.mov(ebp, (uint)Odd);
            a.test(r12d, 1);
            a.je(even);
            a.xchg(ebx, ebp);
            a.Label(ref even);

            // RBX is the new page, RBP the old one.
            a.mov(__dword_ptr[rbx], r12d);
            a.lea(rax, __[rbx + (int)(M.Present | M.Writable)]);
            a.mov(__qword_ptr[entry], rax);
            a.invlpg(__byte_ptr[Window]);
            M.SendToOthers(a, Vector);
            a.add(r14d, Vcpus - 1);
            Await(a, Invalidated, r14d);
            a.mov(__dword_ptr[Go], r12d);
            Await(a, Done, r14d);
            for (int id = 1; id < Vcpus; id++)
            {
                Label good = a.CreateLabel();
                Label bad = a.CreateLabel();
                a.cmp(__dword_ptr[rbx + id * 8], r12d);
                a.jne(bad);
                a.cmp(__dword_ptr[rbp + id * 8], r12d);
                a.jne(good);
                a.Label(ref bad);
                a.ud2();
                a.Label(ref good);
            }

            a.cmp(r12d, Rounds);
            a.jne(next);
            a.hlt();
        });
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.xor(r12d, r12d);
            a.mov(eax, __dword_ptr[Window]);
            a.sti();
            a.Label(ref next);
            a.inc(r12d);
            Await(a, Go, r12d);
            a.cmp(__dword_ptr[Window], r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.mov(__dword_ptr[rdi * 8 + (int)Window], r12d);
            a.@lock.inc(__dword_ptr[Done]);
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
            a.invlpg(__byte_ptr[Window]);
            M.EndInterrupt(a);
            a.@lock.inc(__dword_ptr[Invalidated]);
            a.pop(rdx);
            a.pop(rcx);
            a.pop(rax);
            a.iretq();
        });
        m.Run(M.Code, Executor, Executor, Executor);
        Assert.Equal((ulong)(Rounds * (Vcpus - 1)), m.Read(Done, 4));
    }

    /// <summary>
    /// Walks set the accessed and dirty bits with a locked operation (4.8), so they lose nothing that another processor changes in the entry, and it loses none of them.
    /// </summary>
    [Fact]
    public void AccessedAndDirtyBitsLoseNoChangeOfTheEntry()
    {
        const int Rounds = 100_000;
        const int Available = 9;
        ulong entry = M.Entry(Window);
        using M m = new(engine, 3);
        m.Store(entry, Even | M.Present | M.Writable);

        // Turns an available bit over, which must then be as it left it, and takes the accessed and dirty bits away.
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(r15d, Rounds);
            a.xor(ebx, ebx);
            a.Label(ref next);
            a.@lock.btc(__qword_ptr[entry], (byte)Available);
            a.setc(cl);
            a.cmp(cl, bl);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.xor(ebx, 1);
            a.@lock.and(__dword_ptr[entry], ~0x60);
            a.dec(r15d);
            a.jnz(next);
            a.mov(__dword_ptr[Done], 1);
            a.hlt();
        });
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            Label again = a.CreateLabel();
            Label good = a.CreateLabel();
            a.Label(ref next);
            a.invlpg(__byte_ptr[Window]);
            a.mov(__dword_ptr[rdi * 8 + (int)Window], edi);
            a.cmp(__dword_ptr[Done], 0);
            a.je(next);

            // Nobody takes bits away any more.
            a.Label(ref again);
            a.invlpg(__byte_ptr[Window]);
            a.mov(__dword_ptr[rdi * 8 + (int)Window], edi);
            a.mov(eax, __dword_ptr[entry]);
            a.and(eax, 0x60);
            a.cmp(eax, 0x60);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.hlt();
        });
        m.Run(M.Code, Executor, Executor);
        Assert.Equal(Even | M.Present | M.Writable | 0x60, m.Read(entry));
    }

    private static void Await(Assembler a, ulong word, AssemblerRegister32 value)
    {
        Label wait = a.CreateLabel();
        Label there = a.CreateLabel();
        a.Label(ref wait);
        a.cmp(__dword_ptr[word], value);
        a.jae(there);
        a.pause();
        a.jmp(wait);
        a.Label(ref there);
    }

    public sealed class ByInterpreter() : ShootdownTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : ShootdownTests(SoftwareEngine.Translator);
}
