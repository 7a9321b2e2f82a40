using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Single step and debug registers over code that has run, and was translated, before (SDM vol. 3, chapter 18).</summary>
public abstract class TranslatedDebugTests(SoftwareEngine engine)
{
    private const int Data = 0xE000;
    private const int Trace = 0xD000;
    private const ulong DebugHandler = 0x4010;
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : TranslatedDebugTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : TranslatedDebugTests(SoftwareEngine.Translator);

    [Fact]
    public void EveryInstructionOfAFunctionIsStepped()
    {
        // The handler notes RIP, and takes TF out of the frame at the sixteenth step. The function is a loop with a call in it.
        using M m = new(engine: engine);
        m.Map(Elsewhere, Frame, M.P | M.W);
        byte[] function = M.Bytes(64, Elsewhere, a =>
        {
            Label loop = a.CreateLabel();
            Label inner = a.CreateLabel();
            a.mov(ecx, 2);
            a.Label(ref loop);
            a.add(eax, __dword_ptr[rbx]);
            a.call(inner);
            a.dec(ecx);
            a.jnz(loop);
            a.ret();
            a.Label(ref inner);
            a.push(rax);
            a.pop(rdx);
            a.ret();
        });
        m.Write(Frame, function);
        m.Place(DebugHandler, a => a.jmp(0xC000));
        m.Place(0xC000, a =>
        {
            Label on = a.CreateLabel();
            a.push(rax);
            a.mov(rax, __qword_ptr[rsp + 8]);
            a.mov(__qword_ptr[r13], rax);
            a.add(r13, 8);
            a.cmp(r13d, Trace + (16 * 8));
            a.jne(on);
            a.and(__dword_ptr[rsp + 0x18], ~(int)Rflags.TF);
            a.Label(ref on);
            a.pop(rax);
            a.iretq();
        });
        Assert.Equal("ok", m.Run(a =>
        {
            Label warm = a.CreateLabel();
            a.mov(ebx, Data);
            a.mov(r12, Elsewhere);
            a.mov(r13d, Trace);
            a.mov(ebp, 50);
            a.Label(ref warm);
            a.call(r12);
            a.dec(ebp);
            a.jnz(warm);
            a.pushfq();
            a.or(__dword_ptr[rsp], (int)Rflags.TF);
            a.popfq();
            a.call(r12);
            a.xor(r13d, Trace + (16 * 8));
        }));

        // The trap comes behind each instruction: behind the call first, whose target is the function.
        int[] offsets = [0, .. Steps(function)];
        for (int i = 0; i < 16; i++) Assert.Equal(Elsewhere + (ulong)offsets[i], m.Read((ulong)(Trace + (8 * i)), 8));
        Assert.Equal(0UL, m[13]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void AnInstructionBreakpointStopsBeforeIt(int number)
    {
        // It is set while the code around it runs, and hit in the same page.
        using M m = new(engine: engine);
        RunResult end = m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label watched = a.CreateLabel();
            Label skip = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(esi, 100);
            a.lea(rdi, __qword_ptr[watched]);
            a.Label(ref loop);
            a.cmp(esi, 50);
            a.jne(skip);
            Set(a, number, 0);
            a.Label(ref skip);
            a.nop();
            a.Label(ref watched);
            a.inc(edx);
            a.dec(esi);
            a.jnz(loop);
        });
        Assert.Equal("#1", end);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
        Assert.Equal(50UL, m[Gpr.Rdx]);
        Assert.Equal(Dr6.B0 << number, m.State.Dr6 & Dr6.BMask);
    }

    [Theory]
    [InlineData(1UL, "store", true)]
    [InlineData(1UL, "load", false)]
    [InlineData(3UL, "load", true)]
    [InlineData(3UL, "push", true)]
    [InlineData(1UL, "read-modify-write", true)]
    [InlineData(1UL, "string", true)]
    public void ADataBreakpointStopsBehindTheAccess(ulong condition, string access, bool hits)
    {
        using M m = new(engine: engine);
        RunResult end = m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label skip = a.CreateLabel();
            Label behind = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(ebp, 100);
            a.lea(r15, __qword_ptr[behind]);
            a.Label(ref loop);
            a.mov(edi, Data);
            a.mov(esp, Data + 8);
            a.cmp(ebp, 50);
            a.jne(skip);

            // Four bytes at the address.
            Set(a, 1, (condition << 20) | (3UL << 22));
            a.Label(ref skip);
            a.inc(edx);
            switch (access)
            {
                case "load":
                    a.mov(eax, __dword_ptr[rdi]);
                    break;
                case "store":
                    a.mov(__dword_ptr[rdi], ebp);
                    break;
                case "push":
                    a.push(rbp);
                    break;
                case "string":
                    a.mov(eax, ebp);
                    a.stosd();
                    break;
                default:
                    a.add(__dword_ptr[rdi], 1);
                    break;
            }

            a.Label(ref behind);
            a.dec(ebp);
            a.jnz(loop);
        });
        Assert.Equal(hits ? "#1" : "ok", end);
        if (!hits) return;
        Assert.Equal(m[15], m.State.Rip);
        Assert.Equal((51UL, 50UL), (m[Gpr.Rdx], m[Gpr.Rbp]));
        Assert.Equal(Dr6.B0 << 1, m.State.Dr6 & Dr6.BMask);
        if (access is "store" or "push" or "string") Assert.Equal(50UL, m.Read(Data, 4));
    }

    /// <summary>The trap of the T flag comes before the first instruction of the new task (SDM vol. 3, 8.2.1 and 18.3.1.5).</summary>
    [Fact]
    public void ATaskWithTheTrapFlagTrapsBeforeItsFirstInstruction()
    {
        const ulong Descriptor = 0x1058;
        const ulong Task = 0x3800;
        const uint Begin = 0xC000;
        using M m = new(PagingMode.Bits32, engine: engine);
        m.Store(Descriptor, 0x0000_8900_0000_0067 | (Task << 16), 8);
        m.Store(Task + 0x1C, M.Tables, 4);
        m.Store(Task + 0x20, Begin, 4);
        m.Store(Task + 0x24, Rflags.Fixed, 4);
        m.Store(Task + 0x38, M.KernelStack, 4);
        foreach (ulong field in (ReadOnlySpan<ulong>)[0x48, 0x50, 0x54, 0x58, 0x5C]) m.Store(Task + field, 0x10, 2);
        m.Store(Task + 0x4C, 0x08, 2);
        m.Store(Task + 0x64, 1, 2);
        m.Place(Begin, a => a.inc(edx));
        Assert.Equal("#1", m.Run(a => a.jmp(0x58, 0u)));
        Assert.Equal((Begin, 0UL, Dr6.BT), (m.State.Rip, m[Gpr.Rdx], m.State.Dr6 & (Dr6.BMask | Dr6.BS | Dr6.BT)));
    }

    [Fact]
    public void ResetForgetsATrapThatIsHeldBack()
    {
        using M m = new(engine: engine);
        m.Store(Data, 0x10, 2);
        m.Place(M.Code, a => a.mov(ss, __word_ptr[Data]));
        m.Place(M.Code + 0x100, a =>
        {
            a.nop();
            a.hlt();
        });
        m.State.Rip = M.Code;
        m.State.DebugAddress[0] = Data;
        m.State.Dr7 = Dr7.Fixed1 | Dr7.L0 | (3UL << 16);
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Vcpu.SingleStep = true;
        Assert.Equal(VmExitReason.Debug, m.Vcpu.Run().Reason);
        m.Vcpu.SingleStep = false;
        m.State.Rip = M.Code + 0x100;
        m.Vcpu.PutState(m.State, PutLevel.Reset);
        Assert.Equal("ok", m.Continue());
    }

    // DR<number> = RDI, enabled.
    private static void Set(Assembler a, int number, ulong conditions)
    {
        switch (number)
        {
            case 0:
                a.mov(dr0, rdi);
                break;
            case 1:
                a.mov(dr1, rdi);
                break;
            default:
                a.mov(dr3, rdi);
                break;
        }

        a.mov(rax, Dr7.Fixed1 | (Dr7.G0 << (2 * number)) | conditions);
        a.mov(dr7, rax);
    }

    /// <summary>Offsets of the instructions in the order in which the function runs, without the first.</summary>
    private static IEnumerable<int> Steps(byte[] function)
    {
        // mov; then twice add, call, push, pop, ret, dec, jnz; then ret.
        Decoder decoder = Decoder.Create(64, function);
        List<int> starts = [];
        while (decoder.IP < (ulong)function.Length)
        {
            starts.Add((int)decoder.IP);
            decoder.Decode();
        }

        for (int round = 0; round < 2; round++)
        {
            foreach (int index in (int[])[1, 2, 6, 7, 8, 3, 4]) yield return starts[index];
        }

        yield return starts[5];
    }
}
