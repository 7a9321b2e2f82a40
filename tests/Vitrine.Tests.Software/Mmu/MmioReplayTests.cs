using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Each access that an instruction makes to a device happens once, in order, however often the instruction is begun.</summary>
public abstract class MmioReplayTests(MmuMode mmu, SoftwareEngine engine = SoftwareEngine.Interpreter)
{
    public sealed class Shadow() : MmioReplayTests(MmuMode.Shadow);

    public sealed class TwoDimensional() : MmioReplayTests(MmuMode.TwoDimensional);

    public sealed class Translated() : MmioReplayTests(MmuMode.Shadow, SoftwareEngine.Translator);

    private const ulong Window = 0x20_0000;
    private const ulong Ram = 0x40_0000;

    public static TheoryData<string, Action<Assembler>, string, string> Cases => new()
    {
        // What runs with RBX at the device and RSI at memory; the accesses; RAX afterwards. A device reads as its address.
        { "load", a => a.mov(eax, __dword_ptr[rbx + 4]), "r4 40000004", "40000004" },
        { "store", a => a.mov(__byte_ptr[rbx + 3], 0x7F), "w1 40000003=7f", "0" },
        { "inc", a => a.inc(__dword_ptr[rbx]), "r4 40000000|w4 40000000=40000001", "0" },
        { "lock add", a => a.@lock.add(__qword_ptr[rbx + 8], 2), "r8 40000008|w8 40000008=4000000a", "0" },
        { "xchg", a => a.xchg(__dword_ptr[rbx], eax), "r4 40000000|w4 40000000=0", "40000000" },
        { "push", a => a.push(__qword_ptr[rbx]), "r8 40000000", "0" },
        { "pop", a => { a.push(0x11); a.pop(__qword_ptr[rbx]); }, "w8 40000000=11", "0" },
        { "push to", a => { a.lea(rsp, __qword_ptr[rbx + 16]); a.push(0x22); }, "w8 40000008=22", "0" },
        { "cmpxchg8b equal", a => { a.mov(eax, 0x40000000); a.mov(edx, 0); a.mov(ecx, 5); a.push(rbx); a.mov(rdi, rbx); a.mov(ebx, 6); a.cmpxchg8b(__qword_ptr[rdi]); a.pop(rbx); },
            "r8 40000000|w8 40000000=500000006", "40000000" },
        { "cmpxchg8b unequal", a => a.cmpxchg8b(__qword_ptr[rbx]), "r8 40000000|w8 40000000=40000000", "40000000" },
        { "movs from", a => { a.mov(rdi, rsi); a.mov(rsi, rbx); a.movsd(); a.mov(eax, __dword_ptr[rdi - 4]); }, "r4 40000000", "40000000" },
        { "movs to", a => { a.mov(rdi, rbx); a.movsd(); }, "w4 40000000=33333333", "0" },
        { "movs both", a => { a.mov(rsi, rbx); a.lea(rdi, __qword_ptr[rbx + 0x10]); a.movsq(); }, "r8 40000000|w8 40000010=40000000", "0" },
        { "cmps", a => { a.mov(rsi, rbx); a.lea(rdi, __qword_ptr[rbx + 0x10]); a.cmpsb(); a.setb(al); }, "r1 40000000|r1 40000010", "1" },
        { "sse load", a => { a.movups(xmm0, __xmmword_ptr[rbx]); a.pextrq(rax, xmm0, 1); }, "r8 40000000|r8 40000008", "40000008" },
        { "sse store", a => { a.pxor(xmm0, xmm0); a.movups(__xmmword_ptr[rbx], xmm0); }, "w8 40000000=0|w8 40000008=0", "0" },
        { "load across pages", a => a.mov(rax, __qword_ptr[rbx - 4]), "r4 40000000", "4000000033333333" },
        { "rmw across pages", a => { a.inc(__qword_ptr[rbx - 4]); a.mov(eax, __dword_ptr[rbx - 4]); }, "r4 40000000|w4 40000000=40000000", "33333334" },
        { "store behind memory", a => { a.mov(rax, -1); a.mov(__qword_ptr[rbx - 2], rax); a.movzx(eax, __word_ptr[rbx - 2]); },
            "w4 40000000=ffffffff|w2 40000004=ffff", "ffff" },
        { "two instructions", a => { a.mov(eax, __dword_ptr[rbx]); a.add(eax, __dword_ptr[rbx]); }, "r4 40000000|r4 40000000", "80000000" },
        { "rep movsb", a => { a.mov(rdi, rsi); a.mov(rsi, rbx); a.mov(ecx, 3); a.rep.movsb(); a.mov(eax, ecx); }, "r1 40000000|r1 40000001|r1 40000002", "0" },
        { "rep stosd", a => { a.mov(rdi, rbx); a.mov(ecx, 2); a.rep.stosd(); }, "w4 40000000=0|w4 40000004=0", "0" },
        { "rep insb", a => { a.mov(rdi, rsi); a.mov(edx, 0x60); a.mov(ecx, 3); a.rep.insb(); a.mov(eax, __dword_ptr[rsi]); },
            "in1 60|in1 60|in1 60", "33606060" },
        { "insb to device", a => { a.mov(rdi, rbx); a.mov(edx, 0x60); a.insb(); }, "in1 60|w1 40000000=60", "0" },
        { "fxsave", a => { a.fxsave(__[rbx]); a.mov(eax, 1); }, "each", "1" },
        { "fnsave", a => { a.fnsave(__[rbx]); a.mov(eax, 1); }, "each", "1" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Once(string name, Action<Assembler> emit, string accesses, string rax)
    {
        using M m = Machine();
        Assert.Equal((name, RunResult.Ok), (name, m.Run(emit)));
        CheckAccesses(m, accesses);
        Assert.Equal(rax, m[Gpr.Rax].ToString("x", null));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void OnceWithAKickAtEveryAccess(string name, Action<Assembler> emit, string accesses, string rax)
    {
        using M m = Machine();
        m.OnAccess = m.Vcpu.Kick;
        Assert.Equal((name, RunResult.Ok), (name, m.Run(emit)));
        Assert.Contains("kick", m.Accesses);
        m.Accesses.RemoveAll(access => access == "kick");
        CheckAccesses(m, accesses);
        Assert.Equal(rax, m[Gpr.Rax].ToString("x", null));
    }

    [Fact]
    public void FaultBehindADeviceReadLeavesNoAnswerBehind()
    {
        // MOVS reads the device, then its destination faults. The handler's first instruction reads the device, too.
        using M m = Machine();
        ulong count = 0;
        m.Answer = (_, _) => ++count;
        m.Place(0x4000 + (14 * 16), a =>
        {
            a.mov(eax, __dword_ptr[rbx]);
            a.hlt();
        });
        m.Run(a =>
        {
            a.mov(rsi, rbx);
            a.mov(edi, 0x7000_0000);
            a.movsd();
        });
        Assert.Equal("r4 40000000|r4 40000000", string.Join('|', m.Accesses));
        Assert.Equal(2UL, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SecondPageFaultsBeforeTheDeviceSeesAnything(bool write)
    {
        using M m = Machine();
        Assert.Equal(write ? "#14(2)" : "#14(0)", m.Run(a =>
        {
            if (write) a.mov(__qword_ptr[rbx + 0xFFC], rax);
            else a.mov(rax, __qword_ptr[rbx + 0xFFC]);
        }));
        Assert.Empty(m.Accesses);
        Assert.Equal(Window + 0x2000, m.State.Cr2);
    }

    [Fact]
    public void WritesToAReadOnlySlotGoToTheBus()
    {
        using M m = new(mmu: mmu, engine: engine);
        MemorySlot rom = m.Memory.Add("rom", new Gpa(M.Device), 0x1000, MemorySlotFlags.ReadOnly);
        m.Accelerator.SetMemorySlot(rom);
        m.Map(Window, M.Device, M.P | M.W);
        m.Store(M.Device, 0x55, 4);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Window);
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(__dword_ptr[rbx], 7);
            a.@lock.add(__dword_ptr[rbx], 1);
            a.mov(edx, __dword_ptr[rbx]);
        }));
        Assert.Equal("w4 40000000=7|w4 40000000=56", string.Join('|', m.Accesses));
        Assert.Equal(0x55UL, m[Gpr.Rax]);
        Assert.Equal(0x55UL, m[Gpr.Rdx]);
        Assert.Equal(0x55UL, m.Read(M.Device, 4));
    }

    private static void CheckAccesses(M m, string expected)
    {
        if (expected != "each")
        {
            Assert.Equal(expected, string.Join('|', m.Accesses));
            return;
        }

        // A whole image: every part once.
        Assert.True(m.Accesses.Count > 10);
        Assert.Equal(m.Accesses.Distinct(), m.Accesses);
    }

    private M Machine()
    {
        M m = new(mmu: mmu, engine: engine) { Answer = static (address, _) => address };
        m.Map(Window, Ram, M.P | M.W);
        m.Map(Window + 0x1000, M.Device, M.P | M.W);
        for (ulong i = 0; i < 0x1000; i += 8) m.Store(Ram + i, 0x3333_3333_3333_3333, 8);
        m[Gpr.Rax] = 0;
        m[Gpr.Rbx] = Window + 0x1000;
        m[Gpr.Rcx] = 0;
        m[Gpr.Rdx] = 0;
        m[Gpr.Rsi] = Window;
        return m;
    }
}
